"""What all draws of one call share, and the two steps of each: up to where the ending begins, and the ending.

New music goes on from `given` events. A section of a form (`symbolic.sampling.forms`) is drawn in the same way, given
all that has been played before it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from losscal.processes.progress import Progress
from symbolic.models.configs import SamplingConfig
from symbolic.models.phrases.model import PhraseGPT
from symbolic.sampling.decoding.incremental import Plan
from symbolic.sampling.endings import BRANCHES, ROUNDS, find_ending, window
from symbolic.sampling.pace import Pace
from symbolic.sampling.sampler import Sampler
from symbolic.sampling.stream import Draft, EventStream, WantedLength, draw_events, draw_until, on_one_thread

Key = tuple[int, ...]
"""Names the random numbers of a draw among those of its seed."""


@dataclass(frozen=True)
class Draws:
    """How new music is drawn.

    model: see `fast_layers.for_sampling`. length: of the new music. given: int64 [S, 4]. told, plan, style: see
    `EventStream`. seed: with a key, decides what is drawn. paces: notes a second by the first part of a key, of
    pieces that are held to any. heard: of each stream that is drawn to its end, see `EventStream`.
    """

    model: PhraseGPT
    length: WantedLength
    given: np.ndarray
    seed: int
    told: bool
    style: Tensor | None
    sampling: SamplingConfig
    progress: Progress
    plan: Plan = field(default_factory=dict)
    paces: Mapping[int, float] = field(default_factory=dict)
    heard: Callable[[EventStream], None] | None = None

    @on_one_thread()
    def drafts(self, keys: Sequence[Key], *, ending: bool) -> list[Draft]:
        """New events for each key as far as its ending begins, or up to the length where none is wanted."""
        stream, sampler = self.stream(keys, self.given)
        if ending:
            return draw_until(stream, sampler, self.length, window(self.length)[0], self.progress)
        amount = self.length.amount + (not self.length.is_in_notes)
        drafts = draw_until(stream, sampler, self.length, amount, self.progress)
        within = [self.length.grown_by(draft.events).cumsum() <= self.length.amount for draft in drafts]
        return [draft.cut(int(events.sum())) for draft, events in zip(drafts, within, strict=True)]

    @on_one_thread()
    def events(self, key: Key, count: int) -> Draft:
        """So many new events."""
        (draft,) = draw_events(*self.stream([key], self.given), count, self.progress)
        return draft

    @on_one_thread()
    def with_ending(
        self, key: Key, draft: Draft, *, rounds: int = ROUNDS, every_events: int = 1
    ) -> tuple[Draft, float]:
        """A draft with its ending, and that ending's nats; see `find_ending`.

        every_events: it lies behind a multiple of so many events of the piece.
        """

        def branch_out(attempt: int, events: np.ndarray) -> tuple[EventStream, Sampler]:
            keys = [(*key, attempt, branch) for branch in range(BRANCHES)]
            return self.stream(keys, np.concatenate([self.given, events]), watch_end=True)

        return find_ending(
            draft,
            self.length,
            branch_out,
            self.progress,
            rounds=rounds,
            is_place=lambda events: (len(self.given) + events) % every_events == 0,
        )

    def stream(
        self, keys: Sequence[Key], events: np.ndarray, *, watch_end: bool = False
    ) -> tuple[EventStream, Sampler]:
        """A stream behind `events` with a piece, and random numbers, for each key."""
        generators = [np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key)) for key in keys]
        sampler = Sampler(self.sampling, generators)
        stream = EventStream(
            self.model,
            sampler,
            events,
            batch=len(keys),
            told=self.told,
            plan=self.plan,
            style=self.style,
            sampling=self.sampling,
            pace=Pace([self.paces[key[0]] for key in keys], self.sampling.pace_hold) if self.paces else None,
            watch_end=watch_end,
            heard=None if watch_end else self.heard,
        )
        return stream, sampler
