"""Was this played or programmed? Onsets on a grid of time are a sequencer's, whatever the tempo.

A likelihood of performances finds the times and velocities of a sequencer's export strange from the first note to the
last, however good the music is: such music is better compared by its pitches. A grid is looked for in a few stretches
of the piece, each for itself, so that tempo changes between them do no harm; nothing is asked of beats or bars. A
transcription of what a computer played is blurred too much to be found: of a corpus `symbolic.data.flags` tells that.
"""

from dataclasses import dataclass

import numpy as np

from symbolic.notes.performance import TICK_SECONDS, Performance

MIN_ONSETS = 16
"""Below this many different onsets chance can put most of them on some grid."""
STRETCHES, STRETCH_ONSETS, STRETCH_SECONDS = 4, 32, 30.0
SHORTEST_GRID_SECONDS, LONGEST_GRID_SECONDS = 0.04, 0.6
"""From a third of a sixteenth at 120 beats a minute to an eighth at 50."""
TOLERANCE_SECONDS = 0.006
"""How far from the grid an onset may lie: half a tick, to which it was rounded, and what the grids tried leave over."""
DRIFT_SECONDS = 0.002
"""Grids tried one after the other part by this much over a stretch."""
PLAYED_SHARE = 0.75
"""Of a stretch of 32 free onsets the best of all grids holds 0.5 to 0.7, of a quantised one all."""
SEQUENCED_SHARE, CLEAR_SHARE = 0.9, 0.97
FEW_VELOCITIES = 8
"""What is all but on a grid is sequenced if it has so few velocities, else only what is on it throughout."""


@dataclass(frozen=True)
class Grid:
    """The grid that a sequenced piece lies on.

    seconds: its longest fitting step, the median over the stretches. share: of the onsets that lie on their stretch's
    grid, 0..1. distinct_velocities: of the 32 velocity bins, those in use; a sequencer's are few.
    """

    seconds: float
    share: float
    distinct_velocities: int

    def report(self) -> dict[str, float | int]:
        """The report's "sequenced"."""
        return {
            "grid_seconds": self.seconds,
            "share_on_grid": self.share,
            "distinct_velocities": self.distinct_velocities,
        }

    def sentence(self) -> str:
        """What that means, in words."""
        velocities = "one velocity" if self.distinct_velocities == 1 else f"{self.distinct_velocities} velocities"
        return (
            f"sequenced, not played: {self.share:.0%} of the onsets lie on a grid of {1000 * self.seconds:.0f} ms, "
            f"with {velocities}; times and velocities count against it throughout, so compare it by its pitches"
        )


def find_grid(performance: Performance) -> Grid | None:
    """The grid of a sequenced performance; None where it was played, or no stretch has MIN_ONSETS different onsets."""
    onset_seconds = np.unique(performance.notes["onset_ticks"]) * TICK_SECONDS
    if len(onset_seconds) < MIN_ONSETS:
        return None
    size = min(STRETCH_ONSETS, len(onset_seconds))
    fits = []
    for start in np.unique(np.linspace(0, len(onset_seconds) - size, STRETCHES).astype(int)):
        stretch = onset_seconds[start : start + size]
        stretch = stretch[stretch <= stretch[0] + STRETCH_SECONDS]
        if len(stretch) < MIN_ONSETS:
            continue
        fits.append(_best_grid(stretch))
        if fits[-1][1] < PLAYED_SHARE:  # beyond doubt: the other stretches would cost time only
            return None
    share = float(np.mean([share for _, share in fits])) if fits else 0.0
    velocities = len(np.unique(performance.notes["velocity_bin"]))
    if share < (SEQUENCED_SHARE if velocities <= FEW_VELOCITIES else CLEAR_SHARE):
        return None
    return Grid(float(np.median([seconds for seconds, _ in fits])), share, velocities)


def _best_grid(onset_seconds: np.ndarray) -> tuple[float, float]:
    """(step, share of the onsets [n] on it) of the grid that holds most of them; of equals the longest step."""
    span = onset_seconds[-1] - onset_seconds[0]
    ratio = 1.0 + DRIFT_SECONDS / max(span, LONGEST_GRID_SECONDS)
    count = int(np.log(LONGEST_GRID_SECONDS / SHORTEST_GRID_SECONDS) / np.log(ratio)) + 1
    steps = LONGEST_GRID_SECONDS / ratio ** np.arange(count)  # [G], falling
    turns = (onset_seconds - onset_seconds.mean()) / steps[:, None]  # [G, n]
    phase = np.angle(np.exp(2j * np.pi * turns).mean(axis=1)) / (2 * np.pi)
    off_grid = turns - phase[:, None]
    distance_seconds = np.abs(off_grid - np.rint(off_grid)) * steps[:, None]
    shares = (distance_seconds <= TOLERANCE_SECONDS).mean(axis=1)
    best = int(shares.argmax())
    return float(steps[best]), float(shares[best])
