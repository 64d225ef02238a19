"""What is easy to predict and yet no music: scales, arpeggios and held chords in the place of an excerpt's notes.

The background model hears them too, so that being predictable earns nothing in the ratio of the two likelihoods.
"""

import numpy as np

from symbolic.notes.corruption import playable
from symbolic.notes.performance import (
    MAX_DURATION_TICKS,
    MAX_PITCH,
    MIN_PITCH,
    NOTE_DTYPE,
    VELOCITY_OF_BIN,
    Performance,
)

STEPS = (
    *((2, 2, 1, 2, 2, 2, 1), (2, 1, 2, 2, 1, 3, 1), (1,), (2,)),  # major, harmonic minor, chromatic, whole tones
    *((4, 3, 5), (3, 4, 5), (3,), (12,)),  # major and minor triad, diminished chord, octaves
)
"""Semitones from one note to the next, over and over."""


def scales(performance: Performance, rng: np.random.Generator, amount: float) -> Performance:
    """One of STEPS up and down over one to four octaves, as evenly and for as long as the notes given; all of it."""
    shift_ticks = int(rng.integers(8, 60))
    line = _pitches(rng)
    n_notes = _last_onset(performance) // shift_ticks + 1
    notes = np.zeros(n_notes, dtype=NOTE_DTYPE)
    notes["onset_ticks"] = np.arange(n_notes) * shift_ticks
    notes["pitch"] = np.resize(np.concatenate([line, line[-2:0:-1]]), n_notes)
    notes["duration_ticks"] = max(1, round(shift_ticks * rng.uniform(0.3, 1.2)))
    notes["velocity_bin"] = _velocity_bin(rng)
    return playable(notes)


def held_chords(performance: Performance, rng: np.random.Generator, amount: float) -> Performance:
    """One chord of one to six notes, struck anew each 1 to 30 s and held as long as can be; all of it."""
    line = _pitches(rng)
    chord = np.sort(rng.choice(line, size=min(len(line), int(rng.integers(1, 7))), replace=False))
    shift_ticks = int(np.exp(rng.uniform(np.log(100), np.log(3000))))
    onset_ticks = np.arange(0, _last_onset(performance) + 1, shift_ticks)
    notes = np.zeros(len(onset_ticks) * len(chord), dtype=NOTE_DTYPE)
    notes["onset_ticks"] = np.repeat(onset_ticks, len(chord))
    notes["pitch"] = np.tile(chord, len(onset_ticks))
    notes["duration_ticks"] = min(shift_ticks, MAX_DURATION_TICKS)
    notes["velocity_bin"] = _velocity_bin(rng)
    return playable(notes)


def _pitches(rng: np.random.Generator) -> np.ndarray:
    """Two rising pitches or more, of one of STEPS within one to four octaves somewhere on the piano."""
    reach = 12 * int(rng.integers(1, 5))
    lowest = int(rng.integers(MIN_PITCH, MAX_PITCH - reach, endpoint=True))
    rising = lowest + np.cumsum([0, *np.resize(STEPS[rng.integers(len(STEPS))], reach)])
    return rising[rising <= lowest + reach]


def _last_onset(performance: Performance) -> int:
    return int(performance.notes["onset_ticks"][-1])


def _velocity_bin(rng: np.random.Generator) -> int:
    """Neither so soft nor so loud as bins at the ends are."""
    return int(rng.integers(len(VELOCITY_OF_BIN) // 4, len(VELOCITY_OF_BIN) - 2))
