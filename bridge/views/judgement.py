"""A view's figures among those of held-out real music: percentiles, and the rule "beyond the references".

What is likelier than all real music is too predictable to be called better: a scale is likelier than any piece. So a
version that no held-out window of real music surpasses loses against one among them, whatever its figure, where a score
must decide (`bridge.calibrate`), and is not ranked against it where a user reads (`bridge.versions.verdicts`). Two of a
kind are compared as ever. What loops exactly is judged alike (`symbolic.notes.looping`).
"""

from collections.abc import Mapping
from typing import Any

from losscal.references import References, typicality
from losscal.views import View

HIGHEST_PERCENTILE = 100.0
"""Of ViewReference.percentile: likelier than every held-out window."""


def missing_references(view: View, references: References, weights_sha256: str) -> dict[str, str]:
    """Why percentiles of a view cannot be told with these weights, by the figure they are of."""
    reasons = {
        of.statistic: references.missing_because(view.name + of.suffix, weights_sha256, of.statistic)
        for of in view.references
        if of.percentile is not None
    }
    return {statistic: reason for statistic, reason in reasons.items() if reason is not None}


def percentiles_of(
    view: View, figures: Mapping[str, Any], length: float, references: References, weights_sha256: str
) -> dict[str, float | None]:
    """Percentiles and typicalities by their keys, None where they cannot be told; length: in the references' unit."""
    missing = missing_references(view, references, weights_sha256)
    told: dict[str, float | None] = {}
    for of in view.references:
        if of.percentile is None:
            continue
        value = figures.get(of.statistic)
        is_told = value is not None and of.statistic not in missing
        percentile = references.by_view[view.name + of.suffix].percentile(length, value) if is_told else None
        told[of.percentile] = percentile
        if of.typicality is not None:
            told[of.typicality] = None if percentile is None else typicality(percentile)
    return told


def beyond_references(view: View, figures: Mapping[str, Any]) -> str | None:
    """How figures surpass all held-out real music, in the view's words; None where they are among it or nobody knows.

    figures: with the percentiles.
    """
    for of in view.references:
        if of.percentile is not None and (figures.get(of.percentile) or 0.0) >= HIGHEST_PERCENTILE:
            return of.beyond
    return None


def gated_cost(view: View, cost: float, figures: Mapping[str, Any], *, is_looped: bool = False) -> float:
    """The cost, infinite beyond the references and of what loops: as good as refused."""
    return float("inf") if is_looped or beyond_references(view, figures) else cost
