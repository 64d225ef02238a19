"""The rule "beyond the references": what is likelier than all real music is too predictable to be called better.

A scale is likelier than any piece. So a version that no held-out window of real music surpasses loses against one
among them, whatever its figure, where a score must decide (`bridge.calibrate`), and is not ranked against it where a
user reads (`bridge.versions.verdicts`). Two of a kind are compared as ever.
"""

HIGHEST_PERCENTILE = 100.0
"""Of ViewReference.percentile: likelier than every held-out window."""


def is_beyond_references(*percentiles: float | None) -> bool:
    """Whether any of a version's percentiles, of its likelihood or its ratio, is the highest; None counts as within."""
    return any(percentile is not None and percentile >= HIGHEST_PERCENTILE for percentile in percentiles)


def gated_cost(cost: float, *percentiles: float | None) -> float:
    """The cost, infinite beyond the references: as good as refused."""
    return float("inf") if is_beyond_references(*percentiles) else cost
