"""The stream of events that a model goes on with, of B pieces beside each other."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from losscal.processes.progress import Progress, unwatched
from symbolic.models.configs import SamplingConfig
from symbolic.models.phrases.model import PhraseGPT
from symbolic.notes.performance import TICK_SECONDS
from symbolic.sampling.constraints import Constraints
from symbolic.sampling.decoding.incremental import IncrementalDecoder, Plan
from symbolic.sampling.pace import Pace
from symbolic.sampling.promises import Promise, Sketches
from symbolic.sampling.sampler import Sampler
from symbolic.tokens.events import ATTRIBUTES, REST, REST_TICKS

# (logits [B, V], bool [B] of the rows whose value will not be thrown away) -> values int64 [B]
Draw = Callable[[Tensor, Tensor], Tensor]

LARGEST_PULL_NATS = 3.0
NOTES_PER_SECOND = 8
"""About so many, where a length is given in notes."""


class EventStream:
    """An endless draw of events.

    Args:
        model: what to draw from.
        draw: picks the values.
        events: int64 [S, 4] that every piece goes on from.
        batch: pieces beside each other.
        told: draw a code for each phrase first, then its events told that code, the reading of `vqvae`; else `events`.
        plan: phrases, by their number in the piece, whose codes are known: told in either reading, and held to.
        promises: what else the pieces are held to.
        style: float [styles], see `phrases.model.History`.
        sampling: its guidance, how much the style counts (see `guided`; other than 1 it takes twice the time), its
            temperature of pitches, and how many may repeat; the rest is for `draw`.
        pace: of the pieces, if they are held to one.
        watch_end: also note what the end symbol would cost in the place of each event.
        heard: looks at the stream after each event.
    """

    @torch.inference_mode()
    def __init__(
        self,
        model: PhraseGPT,
        draw: Draw,
        events: np.ndarray,
        *,
        batch: int = 1,
        told: bool = False,
        plan: Plan = MappingProxyType({}),
        promises: Sequence[Promise] = (),
        style: Tensor | None = None,
        sampling: SamplingConfig | None = None,
        pace: Pace | None = None,
        watch_end: bool = False,
        heard: "Callable[[EventStream], None] | None" = None,
    ) -> None:
        self.draw, self.watch_end, self.pace, self.heard = draw, watch_end, pace, heard
        self.sampling = sampling or SamplingConfig()
        given = torch.from_numpy(events)
        self.guidance = self.sampling.guidance if style is not None else 1.0
        styles = None if style is None else style[None]
        if self.guidance != 1:
            styles = torch.stack([style, torch.zeros_like(style)])
        self.tellings = 1 if styles is None else len(styles)
        self.decoder = IncrementalDecoder(
            model, given, batch=batch, styles=styles, choose_code=self._choose_code if told else None, plan=plan
        )
        self.given = given.expand(batch, -1, -1)
        self.drawn: list[Tensor] = []  # of [B, 4]
        self.constraints = Constraints(self.given.numpy(), self.sampling.longest_repeat)
        sketches = Sketches(plan, model.config.phrase_events, self.given.numpy())
        self.promises = (*promises, sketches) if plan else promises
        for event in self.given.numpy().swapaxes(0, 1) if pace is not None else ():
            pace.advance(event)
        self.end_nats: list[Tensor] = []  # of [B], by event drawn

    @property
    def events(self) -> Tensor:
        """All events so far, int64 [B, S, 4]."""
        return torch.cat([self.given, *(event[:, None] for event in self.drawn)], dim=1)

    @torch.inference_mode()
    def next_events(self) -> Tensor:
        """Draw one event of each piece, int64 [B, 4], and remember it."""
        if self.drawn:
            self.decoder.append(self.drawn[-1].repeat(self.tellings, 1))
        if self.watch_end:
            self.end_nats.append(self.decoder.end_nats()[: self.batch])
        event = self._draw_event()
        while not self._is_accepted(event.numpy()):
            event = self._draw_event()
        self.drawn.append(event)
        for rule in self._rules:
            rule.advance(event.numpy())
        if self.heard is not None:
            self.heard(self)
        return event

    def keep(self, rows: np.ndarray) -> None:
        """Let the other pieces go, with all that they have drawn; rows int64 [b]."""
        kept = torch.from_numpy(rows)
        self.decoder.keep(torch.cat([kept + telling * self.batch for telling in range(self.tellings)]))
        for rule in self._rules:
            rule.keep(rows)
        self.given, self.drawn = self.given[kept], [event[kept] for event in self.drawn]
        self.end_nats = [nats[kept] for nats in self.end_nats]

    @property
    def batch(self) -> int:
        """How many pieces are drawn."""
        return len(self.given)

    @property
    def _rules(self) -> tuple[Constraints | Pace | Promise, ...]:
        return (self.constraints, *(() if self.pace is None else (self.pace,)), *self.promises)

    def _draw_event(self) -> Tensor:
        self.counts, self.time = torch.ones(self.batch, dtype=torch.bool), None
        return self.decoder.next_event(self._choose)[: self.batch]

    def _is_accepted(self, event: np.ndarray) -> bool:
        return all(promise.accepts(event, self.constraints) for promise in self.promises)

    def _choose(self, attribute: str, hidden: Tensor, copy_logits: Tensor) -> Tensor:
        """The values int64 [rows, 1] of the next event's attribute; hidden [rows, 1, D], copy_logits [rows, 1, V]."""
        logits = self._guided(self.decoder.model.chain.logits(attribute, hidden, copy_logits)[:, 0])  # [B, V]
        if attribute == "time" and self.pace is not None:
            self.pace.tilt(logits)
        if attribute == "pitch" and self.sampling.pitch_temperature != 1:
            logits = logits / self.sampling.pitch_temperature
        self.constraints.forbid(attribute, logits, self.time)
        for promise in self.promises:
            promise.narrow(attribute, logits, self.time, self.constraints)
        value = self.draw(logits, self.counts) * self.counts  # rests hold zeros
        if attribute == "time":
            self.time, self.counts = value, value < REST
        return value.repeat(self.tellings)[:, None]

    def _choose_code(self, logits: Tensor) -> Tensor:
        return self.draw(self._guided(logits), self.counts).repeat(self.tellings)

    def _guided(self, logits: Tensor) -> Tensor:
        return logits if self.tellings == 1 else guided(logits, self.guidance)


def guided(logits: Tensor, weight: float) -> Tensor:
    """Classifier-free guidance (Ho & Salimans 2022): logits [2 B, V], with the style and then without, to [B, V].

    log p(style) + (weight - 1) (log p(style) - log p(none)); 1 leaves the style's own, 0 is without. What a style adds
    to a value is bounded by LARGEST_PULL_NATS, because a value that both hardly know is no sign of a style.
    """
    told, untold = logits.log_softmax(-1).chunk(2)
    pull = (told - untold).clamp(-LARGEST_PULL_NATS, LARGEST_PULL_NATS)
    return torch.where(told.isinf(), told, told + (weight - 1) * pull)


@dataclass(frozen=True)
class WantedLength:
    """How long new music is to be: `amount` notes, or ticks from the onset it goes on from to its last one."""

    amount: int
    is_in_notes: bool

    @classmethod
    def of(cls, *, seconds: float | None, notes: int | None) -> "WantedLength":
        """From the one of the two that is given; raises ValueError where both or none are, or it is not above 0."""
        if (seconds is None) == (notes is None):
            raise ValueError(f"length: give seconds or notes, one of the two; got {seconds} and {notes}")
        length = cls(notes, True) if seconds is None else cls(round(seconds / TICK_SECONDS), False)
        if length.amount < 1:
            raise ValueError(f"length: {notes or seconds} is too short; it must be above 0")
        return length

    @property
    def seconds(self) -> float:
        """How long it is, about, where it is in notes."""
        return self.amount / NOTES_PER_SECOND if self.is_in_notes else self.amount * TICK_SECONDS

    def grown_by(self, events: np.ndarray) -> np.ndarray:
        """What each of events int64 [..., 4] adds to a length, int64 [...]."""
        time = events[..., 0]
        return (time < REST).astype(np.int64) if self.is_in_notes else np.minimum(time, REST_TICKS)


class Draft(NamedTuple):
    """New events of one piece, int64 [S, 4], and what they cost to draw so far, after each: nats float64 [S].

    end_nats: float64 [S], of the end symbol in the place of each event; empty where it was not watched.
    """

    events: np.ndarray
    nats: np.ndarray
    end_nats: np.ndarray

    def cut(self, events: int) -> "Draft":
        """The first `events` events of it."""
        return Draft(*(part[:events] for part in self))


NOTHING_DRAWN = Draft(np.empty((0, len(ATTRIBUTES)), dtype=np.int64), np.empty(0), np.empty(0))


def joined(stem: Draft, branch: Draft) -> Draft:
    """The branch behind its stem, its costs counted on."""
    before = stem.nats[-1] if len(stem.nats) else 0.0
    return Draft(
        np.concatenate([stem.events, branch.events]), np.append(stem.nats, before + branch.nats), branch.end_nats
    )


@contextmanager
def on_one_thread() -> Iterator[None]:
    """Let torch use one thread: a note is a thousand small operations, and more threads only wait for each other.

    Where another program keeps a core busy, they wait for that as well, six times as long as one takes.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def draw_until(
    stream: EventStream,
    sampler: Sampler,
    length: WantedLength,
    amount: int,
    progress: Progress = unwatched,
    desc: str = "drawing",
) -> list[Draft]:
    """Draw with each piece of a new stream until its new events reach `amount`, 1 or more, of the length's unit.

    Those that are there leave the batch. progress: of the units that the shortest piece has reached, called `desc`.
    """
    pieces, grown = np.arange(stream.batch), np.zeros(stream.batch, dtype=np.int64)
    drafts: dict[int, Draft] = {}
    nats: list[Tensor] = []
    for reached in progress(range(amount), desc=desc):
        while (grown <= reached).any():
            grown += length.grown_by(stream.next_events().numpy())
            nats.append(sampler.nats)
            is_there = grown >= amount
            if not is_there.any():
                continue
            drafts |= {pieces[row]: draft for row, draft in enumerate(_drafts(stream, nats)) if is_there[row]}
            rows = np.flatnonzero(~is_there)
            pieces, grown, nats = pieces[rows], grown[rows], [of_all[rows] for of_all in nats]
            if len(rows):
                stream.keep(rows)
                sampler.keep(rows)
    return [draft for _, draft in sorted(drafts.items())]


def draw_events(
    stream: EventStream, sampler: Sampler, count: int, progress: Progress = unwatched, desc: str = "drawing"
) -> list[Draft]:
    """Draw so many events with each piece of a new stream."""
    nats = []
    for _ in progress(range(count), desc=desc):
        stream.next_events()
        nats.append(sampler.nats)
    return _drafts(stream, nats)


def _drafts(stream: EventStream, nats: list[Tensor]) -> list[Draft]:
    """All events that a stream has drawn, by piece; nats float64 [B] after each."""
    if not nats:
        return [NOTHING_DRAWN] * stream.batch
    events = stream.events[:, stream.given.shape[1] :].numpy()
    ends = torch.stack(stream.end_nats, dim=1).double().numpy() if stream.end_nats else np.zeros((len(events), 0))
    return [Draft(*parts) for parts in zip(events, torch.stack(nats, dim=1).numpy(), ends, strict=True)]
