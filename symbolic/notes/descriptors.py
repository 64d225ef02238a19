"""What a set of pieces is like, apart from any model: how its notes are distributed and how it resembles itself.

Each descriptor is a row of counts or sums a piece, so that sets are compared by adding rows up, and pieces resampled.
"""

from collections.abc import Callable

import numpy as np

from symbolic.notes.performance import TICK_SECONDS, VELOCITY_OF_BIN, Performance

PITCH_CLASSES = 12
WIDEST_INTERVAL = 24
MOST_KEYS = 15
FRAME_TICKS = round(1.0 / TICK_SECONDS)
TIME_EDGES_TICKS = np.concatenate([[0], 2.0 ** np.arange(0, 10, 0.5), [np.inf]])
"""Bins of times: at once, then half an octave each from 10 ms on, the last one open."""


def pitch_classes(performance: Performance) -> np.ndarray:
    """How many notes are a C, a C sharp, ..., int64 [12]."""
    return np.bincount(performance.notes["pitch"] % PITCH_CLASSES, minlength=PITCH_CLASSES)


def intervals(performance: Performance) -> np.ndarray:
    """Semitones from each note to the next, two octaves and more in one bin either way: int64 [49]."""
    semitones = np.diff(performance.notes["pitch"].astype(int))
    within = np.clip(semitones, -WIDEST_INTERVAL, WIDEST_INTERVAL)
    return np.bincount(within + WIDEST_INTERVAL, minlength=2 * WIDEST_INTERVAL + 1)


def inter_onsets(performance: Performance) -> np.ndarray:
    """Times from each note's onset to the next one's, int64 [bins of TIME_EDGES_TICKS]."""
    return np.histogram(np.diff(performance.notes["onset_ticks"]), TIME_EDGES_TICKS)[0]


def durations(performance: Performance) -> np.ndarray:
    """Int64 [bins of TIME_EDGES_TICKS]."""
    return np.histogram(performance.notes["duration_ticks"], TIME_EDGES_TICKS)[0]


def velocities(performance: Performance) -> np.ndarray:
    """Int64 [32], by velocity bin."""
    return np.bincount(performance.notes["velocity_bin"], minlength=len(VELOCITY_OF_BIN))


def polyphony(performance: Performance) -> np.ndarray:
    """For how many ticks 0, 1, 2, ... notes sound at once, int64 [16]; in the last bin for 15 and more."""
    onset, offset = _spans(performance)
    sounding = np.cumsum(np.bincount(onset, minlength=offset.max() + 1) - np.bincount(offset))[:-1]
    return np.bincount(np.minimum(sounding, MOST_KEYS), minlength=MOST_KEYS + 1)


DISTRIBUTIONS: dict[str, Callable[[Performance], np.ndarray]] = {
    "pitch class": pitch_classes,
    "interval": intervals,
    "inter-onset": inter_onsets,
    "duration": durations,
    "velocity": velocities,
    "polyphony": polyphony,
}


def chroma(performance: Performance) -> np.ndarray:
    """For how many ticks of each second each pitch class sounds, notes added up: float64 [seconds, 12]."""
    onset, offset = _spans(performance)
    seconds = -(-offset.max() // FRAME_TICKS)
    steps = np.zeros((PITCH_CLASSES, seconds * FRAME_TICKS + 1))
    pitch_class = performance.notes["pitch"] % PITCH_CLASSES
    np.add.at(steps, (pitch_class, onset), 1)
    np.add.at(steps, (pitch_class, offset), -1)
    sounding = steps.cumsum(axis=1)[:, :-1]  # [12, ticks]
    return sounding.reshape(PITCH_CLASSES, seconds, FRAME_TICKS).sum(axis=2).T


def self_similarity(performance: Performance, lag_seconds: int) -> np.ndarray:
    """[sum of the cosines of the chroma of seconds so far apart, their number], float64 [2]; silent ones left out."""
    frames = chroma(performance)
    return _cosines(frames[:-lag_seconds], frames[lag_seconds:])


def likeness(first: Performance, second: Performance) -> float:
    """The mean cosine of their chroma second by second, as far as both last; silent ones left out, 0 without any."""
    frames, others = chroma(first), chroma(second)
    shorter = min(len(frames), len(others))
    cosines, seconds = _cosines(frames[:shorter], others[:shorter])
    return float(cosines / seconds) if seconds else 0.0


def _cosines(frames: np.ndarray, others: np.ndarray) -> np.ndarray:
    """[sum of the cosines of rows [N, 12] of both, their number], float64 [2]; rows of zeros left out."""
    norms = np.linalg.norm(frames, axis=1) * np.linalg.norm(others, axis=1)
    products = (frames * others).sum(axis=1)
    are_heard = norms > 0
    return np.array([(products[are_heard] / norms[are_heard]).sum(), are_heard.sum()], dtype=np.float64)


def _spans(performance: Performance) -> tuple[np.ndarray, np.ndarray]:
    """Onsets and offsets in ticks, int64 [N] each."""
    onset = performance.notes["onset_ticks"].astype(np.int64)
    return onset, onset + performance.notes["duration_ticks"]
