"""Which values an event may take so that what is drawn is music a piano can play and a file can hold.

The rules look only at what was drawn before: onsets and pitches rise, a key that is down is not struck again before its
note ends (which is so in all cleaned music), the piano has 88 keys, and the end is never drawn: where a piece ends is
decided in `symbolic.sampling.endings`. Whatever is drawn under them decodes, closes every note and reads back from its
file unchanged.
"""

from collections import defaultdict

import numpy as np
import torch
from torch import Tensor

from symbolic.tokens.events import END, REST, REST_TICKS, VOCABULARY

_KEYS = np.arange(VOCABULARY["pitch"])


class Constraints:
    """The state of the rules for B pieces.

    Args:
        events: int64 [B, S, 4], what the pieces begin with.
        longest_repeat: notes in a row whose pitches may recur in the piece; None: any number.
    """

    def __init__(self, events: np.ndarray, longest_repeat: int | None = None) -> None:
        batch = len(events)
        self.is_first = events.shape[1] == 0
        self.clock = np.zeros(batch, dtype=np.int64)
        self.free_from = np.zeros((batch, len(_KEYS)), dtype=np.int64)  # the tick from which on each key is up
        self.previous_pitch = np.full(batch, -1)  # of a note at the clock's very tick
        self.repeats = None if longest_repeat is None else [_Repeats(longest_repeat) for _ in range(batch)]
        for event in events.swapaxes(0, 1):
            self.advance(event)

    def forbid(self, attribute: str, logits: Tensor, time: Tensor | None = None) -> None:
        """Set logits [B, V] of values against the rules to -inf; time int64 [B] of the events once it is drawn."""
        if attribute == "time":
            logits[:, END:] = -torch.inf
            if self.is_first:
                logits[:, 1:] = -torch.inf
            for row in np.flatnonzero(earliest := self._earliest_times()):
                logits[row, : earliest[row]] = -torch.inf
        elif attribute == "pitch":
            logits.masked_fill_(torch.from_numpy(self._forbidden_keys(time.numpy())), -torch.inf)

    def advance(self, event: np.ndarray) -> None:
        """Go on from the events int64 [B, 4] drawn last."""
        self.is_first = False
        time, pitch, _, duration = event.T
        is_note = time < REST
        self.clock = self.clock + np.minimum(time, REST_TICKS)
        rows = np.flatnonzero(is_note)
        self.free_from[rows, pitch[rows]] = self.clock[rows] + duration[rows] + 1
        self.previous_pitch = np.where(is_note, pitch, -1)
        if self.repeats is not None:
            for row in rows:
                self.repeats[row].append(int(pitch[row]))

    def keep(self, rows: np.ndarray) -> None:
        """Let the other pieces go; rows int64 [b]."""
        self.clock, self.free_from, self.previous_pitch = (
            part[rows] for part in (self.clock, self.free_from, self.previous_pitch)
        )
        self.repeats = None if self.repeats is None else [self.repeats[row] for row in rows]

    def _earliest_times(self) -> np.ndarray:
        """The least time of each piece's next event at which some key can be struck, int64 [B]."""
        is_free = (self.free_from <= self.clock[:, None]) & (self.previous_pitch[:, None] < _KEYS)
        until_a_key_is_up = np.clip(self.free_from.min(axis=1) - self.clock, 1, REST)
        return np.where(is_free.any(axis=1), 0, until_a_key_is_up)

    def _forbidden_keys(self, time: np.ndarray) -> np.ndarray:
        """Bool [B, 88]; of a piece whose event is a rest, which has no pitch, nothing is forbidden."""
        onset = self.clock + time
        forbidden = self.free_from > onset[:, None]
        forbidden |= (time == 0)[:, None] & (self.previous_pitch[:, None] >= _KEYS)
        forbidden &= (time < REST)[:, None]
        if self.repeats is not None:
            for row, repeats in zip(forbidden, self.repeats, strict=True):
                repeating = repeats.repeating_keys()
                if not row[~np.isin(_KEYS, repeating)].all():  # a rule of taste gives way where it leaves no key
                    row[repeating] = True
        return forbidden


class _Repeats:
    """The runs of pitches of one piece, and which pitch would make the latest run a repeat."""

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self.pitches: list[int] = []
        self.followers: defaultdict[tuple[int, ...], set[int]] = defaultdict(set)

    def append(self, pitch: int) -> None:
        if len(self.pitches) >= self.longest:
            self.followers[tuple(self.pitches[-self.longest :])].add(pitch)
        self.pitches.append(pitch)

    def repeating_keys(self) -> list[int]:
        return sorted(self.followers.get(tuple(self.pitches[-self.longest :]), ()))
