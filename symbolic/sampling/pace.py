"""How many notes a second new music has, held to what real music of its length has.

A model left alone drifts: dense passages make dense passages likelier, and minutes later there are twice as many notes
a second as in real music. So each piece is given a pace, drawn from training pieces' openings, or that of the music it
goes on from, and each time until the next note is made likelier or less likely by a power of it: 0 while the piece
keeps its pace, positive where it has run ahead.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from losscal.references import FEW_NOTES
from symbolic.notes.performance import TICK_SECONDS, Performance
from symbolic.notes.typicality import notes_per_second, opening_paces
from symbolic.tokens.events import END, REST, REST_TICKS

MEMORY_SECONDS = 20.0
"""Over which the present pace is told; what lies twice as far back counts a square as much."""
PACE_KEY = 2**32 - 1
"""Of the random number that a pace is drawn with, beside those of a candidate's draws."""


class Pace:
    """Tilts the times of B pieces towards their pace.

    Args:
        targets: notes a second, float64 [B].
        hold: the power is so many times the logarithm of the present pace over the target.
    """

    def __init__(self, targets: Sequence[float], hold: float) -> None:
        self.targets, self.hold = np.array(targets, dtype=np.float64), hold
        self.notes = self.targets * MEMORY_SECONDS  # [B], those heard, each counted less the longer ago it is
        self.log_steps = torch.log1p(torch.arange(END, dtype=torch.float32))

    def tilt(self, logits: Tensor) -> None:
        """Add to the logits [B, V] of times before the end's."""
        power = self.hold * np.log(self.notes / (self.targets * MEMORY_SECONDS))
        logits[:, :END] += torch.from_numpy(power).float()[:, None] * self.log_steps

    def advance(self, event: np.ndarray) -> None:
        """Go on from the events int64 [B, 4] drawn last."""
        time = event[:, 0]
        passed_seconds = np.minimum(time, REST_TICKS) * TICK_SECONDS
        self.notes = self.notes * np.exp(-passed_seconds / MEMORY_SECONDS) + (time < REST)

    def keep(self, rows: np.ndarray) -> None:
        """Let the other pieces go; rows int64 [b]."""
        self.targets, self.notes = self.targets[rows], self.notes[rows]


def paces_of(candidates: Sequence[int], seed: int, seconds: float, prompt: Performance | None) -> dict[int, float]:
    """The pace of each candidate: the prompt's, or one drawn from those of openings about as long."""
    prompted = pace_of(prompt)
    if prompted is not None:
        return dict.fromkeys(candidates, prompted)
    reference = opening_paces()
    paces = reference.quantiles[reference.nearest_length(seconds)]
    generators = (np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(of, PACE_KEY))) for of in candidates)
    return {of: float(np.quantile(paces, rng.random())) for of, rng in zip(candidates, generators, strict=True)}


def pace_of(music: Performance | None) -> float | None:
    """Notes a second of music that is long enough to have a pace."""
    return None if music is None or len(music) < FEW_NOTES else notes_per_second(music)
