"""Recall: what followed when the last notes were heard before, however long ago.

Music returns after minutes, far beyond the window of a transformer. So what is being played is aligned, note by note,
with all that was played (local alignment: Smith & Waterman 1981): a pitch that agrees speaks for the alignment, another
one, or one too many or too few, against it. The best alignment says where in the past the music stands again, and the
events behind that place are what it may go on with. The model is told them, and how well the places agree; what it
makes of them is learned, and nothing at the start.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from symbolic.models.embedding import EventEmbedding
from symbolic.models.transformer import MLP
from symbolic.tokens.events import ATTRIBUTES, REST, VOCABULARY

FOLLOWING = 8
"""Events told of those behind the place."""
SOON = 4
"""As many of them may be the next one: notes of a chord come in any order."""
AGREES, DIFFERS, SKIPPED = 1, 2, 1
"""What a pitch that agrees adds to an alignment, what another costs it, and what one too many or too few costs."""
BEST = 32
"""An alignment gains no more, so that it is soon over when the music goes another way."""
REST_KEY, NO_KEY = VOCABULARY["pitch"], -1
"""What a rest agrees with, a rest; and what stands for no event and agrees with nothing."""
PITCH = ATTRIBUTES.index("pitch")


class Recalled(NamedTuple):
    """What is recalled before each of S events to predict.

    events int64 [B, S, F, 4]: those behind the place that agrees best; is_note bool [B, S, F]: whether there is such an
    event, and a note; agreement int64 [B, S]: of the two places, 0 where nothing is recalled.
    """

    events: Tensor
    is_note: Tensor
    agreement: Tensor

    def soon(self) -> "Recalled":
        """The first of the events alone, those that may be the next one."""
        return self._replace(events=self.events[:, :, :SOON], is_note=self.is_note[:, :, :SOON])


class Recollection:
    """The last `reach` events of B rows of music, and how what was played last aligns with each of them.

    The alignment of event j with event t, now, is the best of those of (j - 1, t - 1), (j - 2, t - 1) and (j, t - 1)
    and what the step from there adds or costs, never below 0. Whole numbers, so that no processor decides otherwise.
    """

    def __init__(self, rows: int, reach: int) -> None:
        self.reach = reach
        self.numbers = np.arange(rows)
        self.heard = 0  # events kept
        self.events = np.zeros((rows, 0, len(ATTRIBUTES)), dtype=np.int16)
        self.keys = np.zeros((rows, 0), dtype=np.int8)
        self.aligned = np.zeros((rows, 2), dtype=np.int8)  # event j at j + 2: nothing aligns before the first

    def hear(self, events: Tensor, valid: Tensor) -> None:
        """Events int64 [B, T, 4] have been played; those that are not valid, bool [B, T], stand for none."""
        self._append(events.cpu().numpy(), valid.cpu().numpy())
        for time in range(self.heard - events.shape[1], self.heard):
            self._align(time)

    def follow(self, events: Tensor, *, from_now: bool) -> Recalled:
        """What is recalled after each of events int64 [B, T, 4] as they are played; before them, too, if `from_now`."""
        device, events = events.device, events.cpu().numpy()
        self._append(events, np.ones(events.shape[:2], dtype=bool))
        first = self.heard - events.shape[1]
        best = [self._best(first)] if from_now else []
        for time in range(first, self.heard):
            self._align(time)
            best.append(self._best(time + 1))
        place, agreement = np.stack(best, axis=2)  # [B, S]
        now = np.arange(self.heard + 1 - len(best), self.heard + 1)[:, None]  # events heard by then
        behind = place[..., None] + np.arange(1, FOLLOWING + 1)  # [B, S, F]
        is_there = (behind < now) & (agreement > 0)[..., None]
        told = self._told(np.where(is_there, behind, 0)) * is_there[..., None]
        made = told, is_there & (told[..., 0] < REST), agreement
        return Recalled(*(torch.from_numpy(part).to(device) for part in made))

    def rows(self, rows: np.ndarray) -> "Recollection":
        """The same of some rows, int64 [b]; each may be asked for more than once."""
        kept = Recollection(len(rows), self.reach)
        kept.heard = self.heard
        kept.events, kept.keys, kept.aligned = self.events[rows], self.keys[rows], self.aligned[rows]
        return kept

    def _told(self, index: np.ndarray) -> np.ndarray:
        """Events int64 [B, S, F, 4] of these numbers, zeros before there are any."""
        if not self.heard:
            return np.zeros((*index.shape, len(ATTRIBUTES)), dtype=np.int64)
        return self.events[np.arange(len(index))[:, None, None], index].astype(np.int64)

    def _append(self, events: np.ndarray, valid: np.ndarray) -> None:
        """Keep these events [B, T, 4] behind the others, in fresh room where there is none left."""
        first, length = self.heard, events.shape[1]
        if first + length > self.keys.shape[1]:
            dropped = max(0, first - self.reach)
            first -= dropped
            rows, room = len(events), first + length + min(first + length, self.reach)
            kept = self.events[:, dropped : self.heard], self.keys[:, dropped : self.heard]
            aligned = self.aligned[:, dropped : self.heard + 2]
            self.events = np.zeros((rows, room, len(ATTRIBUTES)), dtype=np.int16)
            self.keys = np.zeros((rows, room), dtype=np.int8)
            self.aligned = np.zeros((rows, room + 2), dtype=np.int8)
            self.events[:, :first], self.keys[:, :first], self.aligned[:, : first + 2] = *kept, aligned
        self.heard = first + length
        here = slice(first, self.heard)
        self.events[:, here] = events
        keys = np.where(events[..., 0] < REST, events[..., 1], REST_KEY)
        self.keys[:, here] = np.where(valid, keys, NO_KEY)

    def _align(self, time: int) -> None:
        """Let event `time` be the last that was played."""
        first = max(0, time - self.reach)
        self.aligned[:, first : first + 2] = 0  # what ends out of reach
        key = self.keys[:, time, None]
        agrees = self.keys[:, first:time] == np.where(key == NO_KEY, NO_KEY - 1, key)
        one_before, two_before = self.aligned[:, first + 1 : time + 1], self.aligned[:, first:time]
        aligned = np.maximum(one_before, two_before - SKIPPED)
        aligned += AGREES
        aligned *= agrees.view(np.int8)  # so nothing is below 0
        np.maximum(aligned, one_before - DIFFERS, out=aligned)
        np.maximum(aligned, self.aligned[:, first + 2 : time + 2] - SKIPPED, out=aligned)
        self.aligned[:, first + 2 : time + 2] = np.minimum(aligned, BEST, out=aligned)
        self.aligned[:, time + 2] = 0  # nothing aligns with itself

    def _best(self, heard: int) -> np.ndarray:
        """(the event that the last one heard aligns with best, the latest of equals; how well), int64 [2, B]."""
        first = max(0, heard - self.reach)
        if heard - first < 2:
            return np.zeros((2, len(self.keys)), dtype=np.int64)
        place = heard - 2 - self.aligned[:, heard : first + 1 : -1].argmax(axis=1)  # of events heard - 2 to first
        return np.array([place, self.aligned[self.numbers, place + 2]])


class RecallInput(nn.Module):
    """What the transformer reads of what is recalled before each event; nothing at the start."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.agreement = nn.Embedding(BEST + 1, SOON * width)
        self.mlp = MLP(width, width, SOON * width)
        nn.init.normal_(self.agreement.weight, std=0.5)

    def forward(self, recalled: Recalled, embedding: EventEmbedding) -> Tensor:
        """[B, S, D], zero where nothing is recalled."""
        is_any = (recalled.agreement > 0)[..., None]
        told = embedding(recalled.soon().events) * is_any[..., None]
        told = told.flatten(2) + self.agreement(recalled.agreement)
        return self.mlp(told) * is_any


class RecallVotes(nn.Module):
    """What is recalled of an event's pitch, and, once its pitch agrees, of how loud and long it was."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Embedding(BEST + 1, SOON)
        self.query = nn.Linear(width, SOON)
        self.agreement = nn.Embedding(BEST + 1, width)
        self.mlp = MLP(width, width)
        nn.init.normal_(self.agreement.weight, std=0.5)
        for layer in (self.weight, self.query):
            nn.init.zeros_(layer.weight)
        nn.init.zeros_(self.query.bias)

    def pitch_logits(self, hidden: Tensor, recalled: Recalled) -> Tensor:
        """What recalled notes add to the logits of the pitch, float32 [B, S, V]; hidden [B, S, D]."""
        recalled = recalled.soon()
        weight = (self.query(hidden) + self.weight(recalled.agreement)) * recalled.is_note  # [B, S, SOON]
        logits = hidden.new_zeros((*hidden.shape[:-1], VOCABULARY["pitch"]), dtype=torch.float32)
        return logits.scatter_add(-1, recalled.events[..., PITCH], weight.float())

    def manner(self, pitch: Tensor, recalled: Recalled, tables: nn.ModuleDict) -> Tensor:
        """How the first recalled note of this pitch, int64 [B, S], was played: [B, S, D], zero where none is of it."""
        recalled = recalled.soon()
        agrees = recalled.is_note & (recalled.events[..., PITCH] == pitch[..., None])
        first = agrees.int().argmax(-1)[..., None, None].expand(*pitch.shape, 1, len(ATTRIBUTES))
        *_, velocity, duration = recalled.events.gather(2, first)[:, :, 0].unbind(-1)
        played = tables["velocity"](velocity) + tables["duration"](duration) + self.agreement(recalled.agreement)
        return self.mlp(played) * agrees.any(-1)[..., None]
