"""Where an item's figures lie among those of held-out windows of real music."""

from bridge.items.entry import Figures
from bridge.views.judgement import missing_references, percentiles_of
from bridge.views.opening import OpenViews
from losscal.references import FEW_NOTES, References
from losscal.views import HEARD, NOTES, SOUND, View

FEW_SECONDS = 5.0
FEWEST = {NOTES: FEW_NOTES, HEARD: FEW_NOTES, SOUND: FEW_SECONDS}
"""Notes or seconds; of shorter music there is no percentile."""


def place_among_windows(
    view: View, figures: Figures, length: float, views: OpenViews
) -> tuple[dict[str, float | None], list[str]]:
    """A view's percentiles among windows of about `length`, None where they cannot be told; and why references lack."""
    weights = views.references_of(view)
    if length < FEWEST[view.half]:
        return percentiles_of(view, figures, length, References(), weights), []
    missing = missing_references(view, views.references, weights)
    warnings = [reason for statistic, reason in missing.items() if figures.get(statistic) is not None]
    return percentiles_of(view, figures, length, views.references, weights), warnings
