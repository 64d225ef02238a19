"""Intervals and tables that every benchmark prints alike."""

from collections.abc import Callable, Sequence

import numpy as np

RESAMPLES = 2000


def bootstrap_interval(
    rows: np.ndarray, figure: Callable[[np.ndarray], float], *, seed: int = 1, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of `figure(rows)` over resampled pieces; rows [pieces, ...] holds one piece a row."""
    rng = np.random.default_rng(seed)
    values = [figure(rows[rng.integers(len(rows), size=len(rows))]) for _ in range(RESAMPLES)]
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def with_interval(rows: np.ndarray, figure: Callable[[np.ndarray], float], form: str) -> str:
    """A figure and its bootstrap interval as text, "0.5 [0.4, 0.6]", each number in the format `form`."""
    low, high = bootstrap_interval(rows, figure)
    return f"{figure(rows):{form}} [{low:{form}}, {high:{form}}]"


def mean(rows: np.ndarray) -> float:
    """The mean of all values, the figure most benchmarks take an interval of."""
    return float(rows.mean())


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its first column left-aligned, the others right-aligned."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *rows))
