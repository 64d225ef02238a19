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
MAJOR_PROFILE = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
MINOR_PROFILE = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])
"""How well each pitch class fits a key on the first (Krumhansl & Kessler 1982)."""
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


def key_clarity(classes: np.ndarray) -> np.ndarray:
    """The best correlation of counts of pitch classes [..., 12] with any key's profile (Krumhansl 1990): float64 [...].

    0 where all counts are alike.
    """
    profiles = np.stack([np.roll(of, tonic) for of in (MAJOR_PROFILE, MINOR_PROFILE) for tonic in range(PITCH_CLASSES)])
    x, keys = (of - of.mean(axis=-1, keepdims=True) for of in (classes.astype(np.float64), profiles))
    norm = np.linalg.norm(x, axis=-1, keepdims=True) * np.linalg.norm(keys, axis=-1)
    return np.divide(x @ keys.T, norm, out=np.zeros(norm.shape), where=norm > 0).max(axis=-1)


def pitch_class_bits(classes: np.ndarray) -> np.ndarray:
    """Entropy in bits of counts of pitch classes [..., 12], each with a note at least: float64 [...]; 3.58 at most."""
    p = classes / classes.sum(axis=-1, keepdims=True)
    return -(p * np.log2(p, out=np.zeros(p.shape), where=p > 0)).sum(axis=-1)


def pitch_classes_by_window(performance: Performance, seconds: int, fewest_notes: int) -> np.ndarray:
    """How many notes of each window are a C, a C sharp, ..., int64 [W, 12]; windows of fewer notes are left out."""
    window = performance.notes["onset_ticks"] // (seconds * FRAME_TICKS)
    counts = np.zeros((int(window[-1]) + 1, PITCH_CLASSES), dtype=np.int64)
    np.add.at(counts, (window, performance.notes["pitch"] % PITCH_CLASSES), 1)
    return counts[counts.sum(axis=1) >= fewest_notes]


def longest_silence(performance: Performance) -> float:
    """The longest time, in seconds, in which nothing sounds between two notes."""
    onset, offset = _spans(performance)
    gaps = onset[1:] - np.maximum.accumulate(offset)[:-1]
    return float(max(0, gaps.max(initial=0)) * TICK_SECONDS)


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
