"""What a view's number means, in two sentences: the number among those of real music, and how far to trust it."""

from collections.abc import Mapping

from bridge.calibration.reliability import reliability_of
from bridge.items.entry import Figures, ItemEntry
from losscal.references import place_in_words
from losscal.views import View

UNMEASURED = "How reliably this view tells better music from worse has not been measured on input like this."


def explanations(entry: ItemEntry, views: Mapping[str, View], weights: Mapping[str, str]) -> dict[str, str]:
    """Two sentences for each of the views that gave an entry numbers, by view; weights: the report's."""
    told = {}
    for name, view in views.items():
        figures = entry.figures(*view.report_keys)
        if figures:
            number = _number(view, figures, entry)
            told[name] = f"{name} {number}. {reliability_of(name, entry, weights) or UNMEASURED}"
    return told


def _number(view: View, figures: Figures, entry: ItemEntry) -> str:
    quantity = view.quantity([figures], is_sequenced=entry.is_sequenced)
    if quantity is not None:
        return f"{quantity.words({**figures, 'unit': view.unit})}; {_place(figures.get(quantity.percentile))}"
    return f"gives {', '.join(f'{name} {value:.4g}' for name, value in figures.items())}, in {view.unit}"


def _place(percentile: float | None) -> str:
    """A percentile in words."""
    if percentile is None:
        return "there is no percentile to say whether that is much"
    return f"that is {place_in_words(percentile)} held-out real music of about this length"
