"""Do a recording and a rendering belong together? How alike their pitch classes are, by how much one is later.

Every constant offset is tried at which at least half of the shorter one's sound falls onto the other's. What plays in
another tempo, or in another key, does not match. None of the figures is a likelihood.
"""

from dataclasses import dataclass

import numpy as np

from audio.metrics.descriptors import FRAMES, N_MELS, PITCH_CLASSES, Descriptors, describe
from audio.signal.waveform import Sound

MISMATCH_BELOW = 0.4
"""A lower chroma similarity is a mismatch: unrelated piano pieces reach 0.24 at 45 s and 0.37 at 20 s, while another
instrument or a noisy room leave 0.75, and with 40 % of the notes wrong or missing still 0.52 (docs/similarity.md)."""
SHORTEST_SECONDS = 15.0
"""Where one of the two sounds for less, chance can make any two pieces alike (0.68 was met at 2 s): no verdict."""
MIN_OVERLAP = 0.5
LAG_PENALTY = 0.01
"""Taken off at the largest offset, less in proportion at smaller ones: in music that repeats, the smallest wins."""


@dataclass(frozen=True)
class Match:
    """How a recording fits a rendering.

    chroma_similarity: mean cosine of the frames' centred chroma at the best offset, -1..1; 1: the same pitch classes,
    0: unrelated. offset_seconds: how much later the music stands in the recording. mfcc_distance_db: mean difference of
    timbre of the frames so aligned, see `audio.metrics.descriptors.mel_cepstrum`. sounding_seconds: of what sounds for
    less.
    """

    chroma_similarity: float
    offset_seconds: float
    mfcc_distance_db: float
    sounding_seconds: float

    @property
    def is_mismatch(self) -> bool | None:
        """Whether the two are different pieces; None where there is too little sound to tell."""
        if self.sounding_seconds < SHORTEST_SECONDS:
            return None
        return self.chroma_similarity < MISMATCH_BELOW

    def report(self) -> dict[str, float]:
        """The report's "match"."""
        return {"chroma_similarity": self.chroma_similarity, "offset_seconds": self.offset_seconds}


def compare(recording: Sound, rendering: Sound) -> Match:
    """The match of two sounds of any rate, length and loudness; raises InputError as `describe` does."""
    return match_of(describe(recording), describe(rendering))


def match_of(recording: Descriptors, rendering: Descriptors) -> Match:
    """The match of two sounds that are described already."""
    lag, shift, similarity = _best_lag(recording, rendering)
    first, second = max(lag, 0), max(-lag, 0)
    n_frames = min(len(recording.chroma) - first, len(rendering.chroma) - second)
    here, there = slice(first, first + n_frames), slice(second, second + n_frames)
    sounds_in_both = recording.is_active[here] & rendering.is_active[there]
    difference_db = (recording.mfcc_db[here] - rendering.mfcc_db[there])[sounds_in_both]
    return Match(
        chroma_similarity=similarity,
        offset_seconds=(lag + shift) / FRAMES.frames_per_second,
        mfcc_distance_db=float(np.linalg.norm(difference_db, axis=1).mean(dtype=np.float64) / np.sqrt(N_MELS)),
        sounding_seconds=int(min(recording.is_active.sum(), rendering.is_active.sum())) / FRAMES.frames_per_second,
    )


def _best_lag(recording: Descriptors, rendering: Descriptors) -> tuple[int, float, float]:
    """(lag in frames, what to add to it, in -0.5..0.5, similarity at the lag); positive: the recording is later."""
    from scipy.signal import correlate

    def correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Sum over t of a[t + lag] b[t] for lags 1 - len(b) .. len(a) - 1: float64 [lags]."""
        return correlate(a.astype(np.float64), b.astype(np.float64), method="fft")

    sounds_here, sounds_there = recording.is_active, rendering.is_active
    n_both = np.rint(correlation(sounds_here, sounds_there))
    cosines = sum(correlation(recording.chroma[:, i], rendering.chroma[:, i]) for i in range(PITCH_CLASSES))
    similarity = cosines / np.maximum(n_both, 1.0)
    lags = np.arange(len(similarity)) - (len(sounds_there) - 1)
    allowed = np.flatnonzero(n_both >= MIN_OVERLAP * min(sounds_here.sum(), sounds_there.sum()))
    penalty = LAG_PENALTY * np.abs(lags) / len(lags)
    best = allowed[np.argmax((similarity - penalty)[allowed])]
    return int(lags[best]), _vertex(*np.pad(similarity, 1)[best : best + 3]), float(similarity[best])


def _vertex(before: float, peak: float, after: float) -> float:
    """Where the parabola through three points one step apart is highest, in steps from the middle one, in -0.5..0.5."""
    curvature = before - 2.0 * peak + after
    return float(np.clip(0.5 * (before - after) / curvature, -0.5, 0.5)) if curvature < 0.0 else 0.0
