"""What new music is held to beyond what a piano can play: sketches of phrases, notes that stay, harmony.

Each promise takes from the logits what would break it, after `Constraints`, or refuses an event that does; the rest is
as the model draws it. A note that is promised strikes its key even where that is held: the note that held it ends
there, as on a piano (`performance.end_at_restrikes`). Where a promise leaves nothing to draw it gives way; how far it
was kept is measured.
"""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from symbolic.models.phrases.codec import LEFT_OUT, NEAR_TICKS, NOTHING, Codes, shortest_ticks
from symbolic.notes.descriptors import FRAME_TICKS, PITCH_CLASSES
from symbolic.notes.performance import MIN_PITCH
from symbolic.sampling.constraints import Constraints
from symbolic.sampling.decoding.incremental import Plan
from symbolic.tokens.events import ATTRIBUTES, REST, REST_TICKS, VOCABULARY

NEVER_TICKS = np.iinfo(np.int64).max


class Promise(Protocol):
    """What an EventStream holds its B pieces to."""

    def narrow(self, attribute: str, logits: Tensor, time: Tensor | None, state: Constraints) -> None:
        """Set logits [B, V] of values that would break it to -inf; time int64 [B] once it is drawn."""
        ...

    def accepts(self, event: np.ndarray, state: Constraints) -> bool:
        """Whether the events int64 [B, 4] may be; if not, others are drawn in their place."""
        ...

    def advance(self, event: np.ndarray) -> None:
        """Go on from the events int64 [B, 4] drawn last."""
        ...

    def keep(self, rows: np.ndarray) -> None:
        """Let the other pieces go; rows int64 [b]."""
        ...


class OfOnePiece:
    """What promises of one piece share."""

    def accepts(self, event: np.ndarray, state: Constraints) -> bool:
        """See Promise; what would break it has been taken from the logits."""
        return True

    def advance(self, event: np.ndarray) -> None:
        """See Promise."""

    def keep(self, rows: np.ndarray) -> None:
        """See Promise."""


def force(logits: Tensor, value: int) -> None:
    """Leave one value of logits [V]."""
    logits.fill_(-torch.inf)
    logits[value] = 0.0


def keep(logits: Tensor, allowed: np.ndarray) -> None:
    """Leave the allowed values, bool [V], of logits [V]; all where none of them can be drawn."""
    narrowed = logits.masked_fill(~torch.from_numpy(allowed), -torch.inf)
    if narrowed.max() > -torch.inf:
        logits.copy_(narrowed)


class Sketches:
    """Planned phrases keep what their codes tell: each note told, within NEAR_TICKS, and the phrase's length.

    Args:
        plan: of the pieces.
        phrase_events: events of a phrase.
        given: int64 [B, S, 4], what has been played.
    """

    def __init__(self, plan: Plan, phrase_events: int, given: np.ndarray) -> None:
        self.plan, self.size, self.played = plan, phrase_events, given.shape[1]
        begun = given[:, self.played - self.played % phrase_events :, 0]
        self.elapsed = np.minimum(begun, REST_TICKS).sum(axis=1)  # [B] ticks since the last onset before the phrase

    def accepts(self, event: np.ndarray, state: Constraints) -> bool:
        """See Promise; what would break a sketch has been taken from the logits."""
        return True

    def narrow(self, attribute: str, logits: Tensor, time: Tensor | None, state: Constraints) -> None:
        """See Promise."""
        number, slot = divmod(self.played, self.size)
        if number not in self.plan or attribute not in ("time", "pitch"):
            return
        codes = self.plan[number].codes.map(lambda part: part[0, 0])
        is_told = int(codes.slots[slot]) != LEFT_OUT
        pitch = int(codes.pitch[slot])
        values = np.arange(logits.shape[1])
        for row, elapsed in enumerate(self.elapsed.tolist()):
            if attribute == "pitch":
                is_above = time[row] > 0 or pitch > state.previous_pitch[row]
                if is_told and pitch < NOTHING and time[row] < REST and is_above:
                    force(logits[row], pitch)
                continue
            least, most = _window(codes, slot)
            if slot == 0 and self.plan[number].pause_ticks is not None:
                least = most = self.plan[number].pause_ticks
            if is_told and pitch < NOTHING and pitch <= state.previous_pitch[row]:
                least = max(least, elapsed + 1)  # below the note before it, so not at the same time
            if is_told and pitch == NOTHING:
                least, most = elapsed + REST_TICKS, elapsed + REST_TICKS
            ticks = elapsed + np.minimum(values, REST_TICKS)
            keep(logits[row], (ticks >= min(least, elapsed + REST_TICKS)) & (ticks <= max(least, most)))

    def advance(self, event: np.ndarray) -> None:
        """See Promise."""
        self.played += 1
        self.elapsed = (self.elapsed + np.minimum(event[:, 0], REST_TICKS)) * (self.played % self.size > 0)

    def keep(self, rows: np.ndarray) -> None:
        """Let the other pieces go; rows int64 [b]."""
        self.elapsed = self.elapsed[rows]


def _window(codes: Codes, slot: int) -> tuple[int, int]:
    """The first and the last tick of a phrase, codes of one, at which the event of a slot may lie."""
    later = np.flatnonzero(codes.slots[slot:].numpy() != LEFT_OUT) + slot
    onset_ticks = codes.onset_ticks.numpy()
    most = min([int(shortest_ticks(codes.length + 1)) - 1, *(onset_ticks[later] + NEAR_TICKS).tolist()])
    least = 0 if slot < len(onset_ticks) - 1 else int(shortest_ticks(codes.length))
    return max(least, int(onset_ticks[slot]) - NEAR_TICKS if slot in later else 0), most


class GivenEvents(OfOnePiece):
    """Events int64 [4] that are played as they are, by their number in the piece; one piece."""

    def __init__(self, events: Mapping[int, np.ndarray]) -> None:
        self.events, self.played = events, 0

    def narrow(self, attribute: str, logits: Tensor, time: Tensor | None, state: Constraints) -> None:
        """See Promise."""
        if self.played in self.events:
            event = self.events[self.played]
            value = int(event[ATTRIBUTES.index(attribute)])
            is_below = attribute == "time" and event[1] <= state.previous_pitch[0]  # at one time notes rise
            force(logits[0], max(value, 1) if is_below else value)

    def advance(self, event: np.ndarray) -> None:
        """See Promise."""
        self.played += 1


class FixedNotes(OfOnePiece):
    """Notes that are played as they are, and others only where they may be; one piece.

    Where the model draws another that may not be, it is refused, and what it draws later is taken: were its pitch made
    to fit instead, there would be more notes than the model means.

    Args:
        notes: NOTE_DTYPE [N] in a Performance's order.
        is_open: bool [N], whether others may stand between the note before and a note.
        below: int64 [N], the pitch that these are to be below.
    """

    def __init__(self, notes: np.ndarray, is_open: np.ndarray, below: np.ndarray) -> None:
        self.events = np.stack(  # [N, 4], times from the piece's start
            [
                notes["onset_ticks"].astype(np.int64),
                notes["pitch"].astype(np.int64) - MIN_PITCH,
                notes["velocity_bin"].astype(np.int64),
                notes["duration_ticks"].astype(np.int64) - 1,
            ],
            axis=1,
        )
        self.is_open, self.below = is_open, below - MIN_PITCH
        self.next, self.is_now = 0, False  # the note that is due, and whether the present event is it
        self.least_time = 0  # of the present event

    def narrow(self, attribute: str, logits: Tensor, time: Tensor | None, state: Constraints) -> None:
        """See Promise."""
        (row,), below = logits, int(self.below[self.next])
        due = int(self.events[self.next, 0] - state.clock[0])
        if attribute == "time":
            last = min(due, REST)
            row[last] = row[last:].logsumexp(0)  # a step beyond the note that is due is a step to it
            row[last + 1 :] = -torch.inf
            keep(row, np.arange(len(row)) >= self.least_time)
            if not self.is_open[self.next] or below <= 0:
                force(row, last)
            elif due > 0 and state.previous_pitch[0] + 1 >= below:
                row[0] = -torch.inf  # at one time notes rise
        else:
            self.is_now = int(time[0]) == due < REST
            if self.is_now:
                force(row, int(self.events[self.next, ATTRIBUTES.index(attribute)]))

    def accepts(self, event: np.ndarray, state: Constraints) -> bool:
        """See Promise."""
        time, pitch = event[0, :2].tolist()
        self.least_time = time + 1
        return self.is_now or time >= REST or pitch < self.below[self.next]

    def advance(self, event: np.ndarray) -> None:
        """See Promise."""
        self.next += self.is_now
        self.is_now, self.least_time = False, 0


class Harmony(OfOnePiece):
    """In each second the pitch classes of the notes given are struck, no other ones, and no more notes; one piece.

    The last notes of a second are of the classes that it still lacks, and there are as many classes as had been struck
    in it LATENESS_TICKS before, so that it is not left before it has them all.

    Args:
        notes: NOTE_DTYPE [N], those given.
        stays: bool [N], which of them are struck whatever is drawn: they have their room and their classes for sure.
    """

    LATENESS_TICKS = 20

    def __init__(self, notes: np.ndarray, stays: np.ndarray) -> None:
        seconds = notes["onset_ticks"] // FRAME_TICKS
        struck = np.full((int(seconds.max()) + 2, PITCH_CLASSES), NEVER_TICKS)  # first when; a second of silence behind
        np.minimum.at(struck, (seconds, notes["pitch"] % PITCH_CLASSES), notes["onset_ticks"].astype(np.int64))
        self.classes = struck < NEVER_TICKS
        self.missing = self.classes.copy()
        self.missing[seconds[stays], notes["pitch"][stays] % PITCH_CLASSES] = False
        self.staying = set(zip(notes["onset_ticks"][stays].tolist(), notes["pitch"][stays].tolist(), strict=True))
        self.due_ticks = np.sort(struck, axis=1)  # [seconds, 12], when the first, second, ... class is struck
        self.room = np.bincount(seconds[~stays], minlength=len(self.classes))  # notes that may still be struck
        self.clock = 0

    def narrow(self, attribute: str, logits: Tensor, time: Tensor | None, state: Constraints) -> None:
        """See Promise."""
        if attribute == "time":
            times = np.arange(logits.shape[1])
            is_in_time = self.clock + np.minimum(times, REST_TICKS) <= self._last_tick()
            keep(logits[0], (self._keys(times, state).any(axis=1) | (times >= REST)) & is_in_time)
        elif attribute == "pitch" and int(time[0]) < REST:
            keep(logits[0], self._keys(time.numpy(), state)[0])

    def advance(self, event: np.ndarray) -> None:
        """See Promise."""
        time, pitch = event[0, :2].tolist()
        self.clock += min(time, REST_TICKS)
        if time < REST:
            second = self._second(np.array(self.clock))
            self.room[second] -= (self.clock, pitch + MIN_PITCH) not in self.staying
            self.missing[second, (pitch + MIN_PITCH) % PITCH_CLASSES] = False

    def _last_tick(self) -> int:
        """The last at which the next note may be struck."""
        now = self._second(np.array(self.clock))
        lacking = np.flatnonzero(self.missing[now:].any(axis=1))
        if not len(lacking):
            return NEVER_TICKS
        second = now + lacking[0]
        has = self.classes[second].sum() - self.missing[second].sum()
        return min(int(self.due_ticks[second, has]) + self.LATENESS_TICKS, (second + 1) * FRAME_TICKS - 1)

    def _second(self, ticks: np.ndarray) -> np.ndarray:
        return np.minimum(ticks // FRAME_TICKS, len(self.classes) - 1)

    def _keys(self, times: np.ndarray, state: Constraints) -> np.ndarray:
        """Which keys may be struck so many ticks [T] from now, bool [T, 88]."""
        ticks = (self.clock + times)[:, None]
        keys = np.arange(VOCABULARY["pitch"])
        has_room = self.room[:, None] > 0
        is_last = self.room <= self.missing.sum(axis=1)
        open_classes = np.where(is_last[:, None], self.missing, self.classes) & has_room
        is_up = (state.free_from[0] <= ticks) & ((times > 0)[:, None] | (keys > state.previous_pitch[0]))
        return is_up & open_classes[self._second(ticks), (keys + MIN_PITCH) % PITCH_CLASSES]
