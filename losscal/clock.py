"""When does a tick of a MIDI file lie? The tempo map in exact integers."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from losscal.errors import InputError

_DEFAULT_TEMPO = 500_000  # microseconds a beat, until the file says otherwise
_VIDEO_FRAMES_PER_SECOND = (24, 25, 29, 30)  # 29 stands for 30000 / 1001


@dataclass(frozen=True)
class Clock:
    """Exact times: seconds = units / units_per_second.

    From `start_ticks[i]` on, a tick lasts `units_per_tick[i]` units, and `start_units[i]` have passed. All int64 [S].
    """

    start_ticks: np.ndarray
    start_units: np.ndarray
    units_per_tick: np.ndarray
    units_per_second: int

    @classmethod
    def of(cls, division: int, tempos: Sequence[tuple[int, int]], name: str) -> "Clock":
        """The clock of a header's division field 0..65535 and the tempo events (tick, microseconds a beat), sorted.

        `name` is for the messages. Raises InputError for an unknown division and a tempo of 0.
        """
        if division >= 0x8000:  # SMPTE: ticks are fractions of a video frame, tempo events have no say
            frames_per_second, ticks_per_frame = 256 - (division >> 8), division & 0xFF
            if frames_per_second not in _VIDEO_FRAMES_PER_SECOND or ticks_per_frame == 0:
                raise InputError(f"{name}: unknown time division {division:#06x}; export the file again.")
            is_drop_frame = frames_per_second == 29
            units_per_second = (30_000 if is_drop_frame else frames_per_second) * ticks_per_frame
            changes = [(0, 1001 if is_drop_frame else 1)]
        else:
            if division == 0:
                raise InputError(f"{name}: the header gives 0 ticks a beat; export the file again.")
            if any(tempo == 0 for _, tempo in tempos):
                raise InputError(f"{name}: damaged, a tempo event without a tempo; export the file again.")
            units_per_second = division * 1_000_000
            changes = [(0, _DEFAULT_TEMPO), *tempos]
        spans = ((later - earlier) * units for (earlier, units), (later, _) in pairwise(changes))
        start_ticks, units_per_tick = zip(*changes, strict=True)
        columns = (start_ticks, tuple(accumulate(spans, initial=0)), units_per_tick)
        return cls(*(np.array(column, dtype=np.int64) for column in columns), units_per_second)

    def units(self, ticks: np.ndarray) -> np.ndarray:
        """The times of `ticks` (int64 [N]) in units: int64 [N]."""
        segment = np.searchsorted(self.start_ticks, ticks, side="right") - 1
        return self.start_units[segment] + (ticks - self.start_ticks[segment]) * self.units_per_tick[segment]
