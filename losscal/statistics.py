"""Statistics over pieces: what a bootstrap over pieces makes of shares, ratios and ranks, and the tables they go into.

Excerpts of one piece are alike, so pieces are what is resampled. A figure that is a ratio of sums over pieces, or an
area under the curve, has its interval from one matrix of how often each resample drew each piece.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

RESAMPLES = 2000
LEVEL = 0.95


class Estimate(NamedTuple):
    """A figure and its percentile interval, NaN where nothing was measured."""

    value: float
    low: float
    high: float


def bootstrap_interval(
    rows: np.ndarray, figure: Callable[[np.ndarray], float], *, seed: int = 1
) -> tuple[float, float]:
    """Percentile interval of `figure(rows)` over resampled pieces; rows [pieces, ...] holds one piece a row."""
    rng = np.random.default_rng(seed)
    return _percentiles(np.array([figure(rows[rng.integers(len(rows), size=len(rows))]) for _ in range(RESAMPLES)]))


def bootstrap_estimates(
    rows: np.ndarray, figures: Callable[[np.ndarray], np.ndarray], *, resamples: int = RESAMPLES
) -> list[Estimate]:
    """Each of the values [n] of `figures(rows)` with its percentile interval over resampled rows [pieces, ...]."""
    rng = np.random.default_rng(1)
    drawn = np.array([figures(rows[rng.integers(len(rows), size=len(rows))]) for _ in range(resamples)])
    return [Estimate(float(value), *_percentiles(values)) for value, values in zip(figures(rows), drawn.T, strict=True)]


def with_interval(rows: np.ndarray, figure: Callable[[np.ndarray], float], form: str) -> str:
    """A figure and its bootstrap interval as text, "0.5 [0.4, 0.6]", each number in the format `form`."""
    return interval_text(Estimate(figure(rows), *bootstrap_interval(rows, figure)), form)


def interval_text(estimate: Estimate, form: str) -> str:
    """An estimate as text, each number in the format `form`."""
    value, low, high = estimate
    return f"{value:{form}} [{low:{form}}, {high:{form}}]"


def mean(rows: np.ndarray) -> float:
    """The mean of all values, the figure most benchmarks take an interval of."""
    return float(rows.mean())


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> Estimate:
    """The sum of one by that of the other over pieces, float64 [pieces] each; NaN where the denominators sum to 0."""
    drawn = _draws(len(numerator), RESAMPLES)
    values = _divided(drawn @ numerator, drawn @ denominator)
    return Estimate(float(_divided(numerator.sum(), denominator.sum())), *_percentiles(values))


def share(values: np.ndarray, weights: np.ndarray) -> Estimate:
    """The weighted mean over pieces of shares in 0..1, float64 [pieces] each.

    Resamples of all ones, or all zeros, are all alike and would tell an interval of no width. There the end that is
    open is Clopper and Pearson's exact bound (1934) on so many pieces that all won: ((1 - LEVEL) / 2) ** (1 / pieces).
    """
    estimate = ratio(values * weights, weights)
    bound = ((1 - LEVEL) / 2) ** (1 / len(values))
    if np.all(values == 1):
        return estimate._replace(low=bound)
    return estimate._replace(high=1 - bound) if np.all(values == 0) else estimate


def wins(original: np.ndarray, other: np.ndarray) -> np.ndarray:
    """1 where the original's cost is the lower, 0 where the other's is, 0.5 where neither; costs and result [...]."""
    return (original < other) + 0.5 * (original == other)


def area_under_curve(originals: np.ndarray, others: np.ndarray) -> Estimate:
    """Mann and Whitney's: how often any original costs less than any other version; costs [pieces, per_piece] each."""
    n_pieces = len(originals)
    beats = wins(originals[:, :, None, None], others).mean(axis=(1, 3))  # [pieces, pieces]
    drawn = _draws(n_pieces, RESAMPLES)
    values = ((drawn @ beats) * drawn).sum(axis=1) / n_pieces**2
    return Estimate(float(beats.mean()), *_percentiles(values))


def rank_correlation(costs: np.ndarray) -> np.ndarray:
    """Spearman's correlation of costs [..., versions] with the versions' order, 0 where all cost the same: [...]."""
    from scipy.stats import rankdata

    ranks = rankdata(costs, axis=-1)
    ranks -= ranks.mean(axis=-1, keepdims=True)
    order = np.arange(costs.shape[-1]) - (costs.shape[-1] - 1) / 2
    norm = np.sqrt((ranks**2).sum(axis=-1) * (order**2).sum())
    return np.divide(ranks @ order, norm, out=np.zeros(norm.shape), where=norm > 0)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its first column left-aligned, the others right-aligned."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *rows))


@cache
def _draws(n_pieces: int, resamples: int) -> np.ndarray:
    """How often each resample draws each piece, seeded: float64 [resamples, pieces], rows summing to pieces."""
    chances = np.full(n_pieces, 1 / n_pieces)
    return np.random.default_rng(1).multinomial(n_pieces, chances, size=resamples).astype(np.float64)


def _divided(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.divide(numerator, denominator, out=np.full(np.shape(numerator), np.nan), where=denominator != 0)


def _percentiles(values: np.ndarray) -> tuple[float, float]:
    """The ends of the middle LEVEL of values [RESAMPLES], resamples that measured nothing left out."""
    measured = values[~np.isnan(values)]
    if not len(measured):
        return float("nan"), float("nan")
    low, high = np.quantile(measured, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
