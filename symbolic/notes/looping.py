"""Is it played over and over? Notes that repeat the ones before them exactly are copies, and nobody plays copies.

A likelihood rewards what can be foreseen, so a passage that was copied and pasted lowers a piece's figure without
making it better. No performance repeats itself to the tick in times, velocities and durations at once: of 1,600 windows
of held-out performances, 64 to 1024 notes each, none has a single looped note, while of 256 notes of which a fifth are
16 notes over and over 14 % or more are found. A sequencer's music repeats itself so by nature, see
`symbolic.notes.quantisation`.
"""

import numpy as np

from symbolic.notes.performance import Performance
from symbolic.notes.quantisation import find_grid

LEAST_NOTES, LONGEST_RUN, LARGEST_PERIOD = 4, 8, 64
"""A period has so many notes at least and at most; so many copies in a row are enough to tell, whatever the period."""
LOOPED_SHARE = 0.1
"""Music of which more is looped is too regular to be held against what is not."""


def is_looped(performance: Performance) -> bool:
    """Whether notes that were played, and not sequenced, repeat themselves exactly more than music does."""
    return is_too_regular(looped_share(performance), is_sequenced=find_grid(performance) is not None)


def is_too_regular(share: float, *, is_sequenced: bool) -> bool:
    """Whether so large a looped share is more than music has."""
    return share > LOOPED_SHARE and not is_sequenced


def looped_share(performance: Performance) -> float:
    """Share of the notes, 0 to 1, that belong to a run of exact copies of the notes one period before.

    A copy agrees in pitch, velocity, duration and the time since the note before it; the first of a run in all but the
    time. A run is as long as its period, or LONGEST_RUN notes.
    """
    notes = performance.notes
    shift_ticks = np.diff(notes["onset_ticks"].astype(np.int64), prepend=0)
    played = np.stack([notes[name] for name in ("pitch", "velocity_bin", "duration_ticks")], axis=1)
    in_loop = np.zeros(len(notes), dtype=bool)
    for period in range(LEAST_NOTES, min(LARGEST_PERIOD, len(notes) - LEAST_NOTES) + 1):
        is_alike = (played[period:] == played[:-period]).all(axis=1)
        is_copy = is_alike & (shift_ticks[period:] == shift_ticks[:-period])
        edges = np.diff(is_copy.astype(np.int8), prepend=0, append=0)
        first, stop = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
        first = first - ((first > 0) & is_alike[first - 1])
        is_run = stop - first >= min(period, LONGEST_RUN)
        for begin, end in zip(first[is_run], stop[is_run], strict=True):
            in_loop[period + begin : period + end] = True
    return float(in_loop.mean())
