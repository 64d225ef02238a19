"""Incremental decoding: B pieces of a model drawn one event at a time, keys and values of the past kept.

The model's own modules do it, over a cache that slides; what scores an event also draws it. A phrase's code, planned
or, in the reading of `vqvae`, drawn before its first event, is told to all of them; a phrase that what is given has
begun is finished without one.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor

from symbolic.models.head import Choose, nats_of
from symbolic.models.phrases.codec import Codes
from symbolic.models.phrases.model import Past, PhraseGPT, Reading
from symbolic.scoring.phrases import CHUNK_EVENTS
from symbolic.tokens.events import END

# scores [B, K] of a code -> codes int64 [B]
ChooseCode = Callable[[Tensor], Tensor]


class PlannedPhrase(NamedTuple):
    """A phrase whose code is known before it is played: the codes [1, 1], and their rate.

    pause_ticks: when its first event begins, where that is known, too.
    """

    codes: Codes
    rate: int
    pause_ticks: int | None = None


# phrases by their number in the piece
Plan = Mapping[int, PlannedPhrase]


class IncrementalDecoder:
    """The next event of B pieces that go on from the same events: `next_event` and `append` in turn.

    Args:
        model: whose distribution the events come from.
        events: int64 [S, 4], what all begin with.
        batch: pieces beside each other.
        styles: float [R, styles]; each piece is read under R styles and has R rows, those of one style in a row; None:
            under none, in one row.
        choose_code: draws the codes of phrases that are not planned; None: these are told none.
        plan: phrases that are told a code that is known, the same in all pieces.
    """

    def __init__(
        self,
        model: PhraseGPT,
        events: Tensor,
        *,
        batch: int,
        styles: Tensor | None = None,
        choose_code: ChooseCode | None = None,
        plan: Plan = MappingProxyType({}),
    ) -> None:
        self.model, self.choose_code, self.plan = model, choose_code, plan
        tellings = 1 if styles is None else len(styles)
        self.rows, self.styles = batch * tellings, styles
        size = model.config.phrase_events
        is_begun = len(events) // size in plan  # a planned phrase that is given in part is played up to there
        self.played = len(events) // size * size if is_begun else len(events)
        self.codes: Codes | None = None  # of the present phrase
        past = model.opening_past(events.expand(tellings, -1, -1))
        for chunk in events[: self.played].split(CHUNK_EVENTS):  # one stands for all
            past.hear(chunk.expand(tellings, -1, -1))
            reading = self._read(past)
        self.past, self.reading = past.expanded(batch), reading.last().expanded(batch)
        self.styles = None if styles is None else styles.repeat_interleave(batch, 0)
        for event in events[self.played :]:
            self._now()
            self.append(event.expand(self.rows, -1))

    def next_event(self, choose: Choose) -> Tensor:
        """The event int64 [rows, 4] that `choose` makes of each attribute's hidden state and copy logits."""
        return self.model.choose_events(self._now(), choose)[:, 0]

    def append(self, event: Tensor) -> None:
        """Go on from an event int64 [rows, 4]."""
        self.played += 1
        if self.codes is not None:
            self.events = torch.cat([self.events, event[:, None]], dim=1)
        self.past.hear(event[:, None])
        self.reading = self._read(self.past)

    def end_nats(self) -> Tensor:
        """-log p of the end symbol in the place of the next event, whatever its phrase's code, float32 [rows]."""
        logits = self.model.chain.time_logits(self.reading.states, self.reading.recent)[:, 0]
        return nats_of(logits, torch.full((self.rows,), END))

    def keep(self, rows: Tensor) -> None:
        """Let the other rows of the batch go; rows int64 [r]."""
        self.rows, self.past, self.reading = len(rows), self.past.rows(rows), self.reading.rows(rows)
        self.styles = None if self.styles is None else self.styles[rows]
        if self.codes is not None:
            self.codes = self.codes.map(lambda part: part[rows])
            self.phrase, self.events = self.phrase[rows], self.events[rows]

    def _read(self, past: Past) -> Reading:
        return self.model.read_next(past, torch.zeros(1, dtype=torch.bool), self.styles)

    def _now(self) -> Reading:
        """The reading of the next event, told its phrase's code where that has one."""
        if self.played % self.model.config.phrase_events == 0:
            self._begin_phrase()
        return self.reading if self.codes is None else self._told()

    def _begin_phrase(self) -> None:
        """Find out what code the phrase is told, if any."""
        model, planned = self.model, self.plan.get(self.played // self.model.config.phrase_events)
        self.codes, self.rate = None, model.config.rates
        if planned is not None:
            self.codes = planned.codes.map(lambda part: part.expand(self.rows, *part.shape[1:]))
            self.rate = planned.rate
        elif self.choose_code is not None:
            self.codes = model.draw_codes(self.reading, self.choose_code)
        self.phrase, self.events = self.reading.states[:, :0], torch.zeros((self.rows, 0, 4), dtype=torch.long)

    def _told(self) -> Reading:
        """The reading of the next event, told the phrase's code."""
        self.phrase = torch.cat([self.phrase, self.reading.states], dim=1)
        told = self.model.tell(
            self.reading._replace(states=self.phrase),
            self.codes,
            torch.full((self.rows, 1), self.rate),
            torch.cat([self.events, torch.zeros((self.rows, 1, 4), dtype=torch.long)], dim=1),
        )
        return told._replace(states=told.states[:, -1:], told={name: x[:, -1:] for name, x in told.told.items()})
