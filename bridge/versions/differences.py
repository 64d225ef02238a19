"""By how many nats a version differs from its reference over the time both share, and whether that is more than chance.

The shared time is cut into seconds. In each lie, for either, nats and the units they are paid for: notes of a symbolic
view, active or all seconds of a view of sound. The difference is that of the nats a unit, times the reference's units:
with as many units on both sides it is the difference of the sums, and a version does not win by having fewer notes. Its
interval is a circular block bootstrap over the seconds (Politis and Romano 1992), both sides drawn together, because
what surprises at one place surprises next to it too. Few blocks vary too little, so its ends are set as far out as
Student's t of so many blocks lies beyond a normal distribution.
"""

from dataclasses import dataclass

import numpy as np

from losscal.statistics import LEVEL, RESAMPLES

MIN_SHARED_SECONDS = 5
"""Less cannot be resampled."""
SEED = 1


@dataclass(frozen=True)
class SharedSeconds:
    """Nats and units of a version and its reference in each of T seconds that both share: float64 [T] each."""

    version_nats: np.ndarray
    version_units: np.ndarray
    reference_nats: np.ndarray
    reference_units: np.ndarray

    def __len__(self) -> int:
        return len(self.version_nats)

    def difference(self) -> "Difference | None":
        """The difference; None where they share too little, or one of them has no unit in what they share."""
        if len(self) < MIN_SHARED_SECONDS or not self.version_units.any() or not self.reference_units.any():
            return None
        columns = (self.version_nats, self.version_units, self.reference_nats, self.reference_units)
        seconds = np.stack(columns, axis=1).astype(np.float64)  # [T, 4]
        resampled = _costs(_resampled_sums(seconds))
        low, high = np.nanquantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        nats = float(_costs(seconds.sum(axis=0)[None])[0])
        wider = _student_over_normal(len(self))
        return Difference(nats, nats + wider * (float(low) - nats), nats + wider * (float(high) - nats), len(self))


@dataclass(frozen=True)
class Difference:
    """Nats that a version costs more than its reference over `shared_seconds`, and the 95 % interval low..high."""

    nats: float
    low: float
    high: float
    shared_seconds: int


def _resampled_sums(seconds: np.ndarray) -> np.ndarray:
    """Sums over seconds [T, C] drawn in blocks of about T^(1/3), wrapped around the end: [RESAMPLES, C]."""
    total = len(seconds)
    length = _block_seconds(total)
    wrapped = np.concatenate([np.zeros((1, seconds.shape[1])), seconds, seconds[: length - 1]]).cumsum(axis=0)
    block_sums = wrapped[length:] - wrapped[:-length]  # [T, C]
    n_blocks = round(total / length)
    drawn = np.random.default_rng(SEED).integers(total, size=(RESAMPLES, n_blocks))
    return block_sums[drawn].sum(axis=1) * (total / (n_blocks * length))


def _block_seconds(total: int) -> int:
    return round(total ** (1 / 3))


def _student_over_normal(total: int) -> float:
    """Quantile of Student's t for the blocks in `total` seconds by that of a normal distribution, at LEVEL."""
    from scipy.special import ndtri, stdtrit

    upper = (1 + LEVEL) / 2
    return float(stdtrit(total / _block_seconds(total) - 1, upper) / ndtri(upper))


def _costs(sums: np.ndarray) -> np.ndarray:
    """(nats, units, reference's nats, reference's units) [R, 4] to differences [R], NaN where a side has no unit."""
    nats, units, reference_nats, reference_units = sums.T
    excess = nats * reference_units - reference_nats * units  # exactly 0 where both sides are the same
    is_measured = (units > 0) & (reference_units > 0)
    return np.divide(excess, units, out=np.full(len(sums), np.nan), where=is_measured)
