"""Where an item's figures lie among those of held-out windows of real music, and where that place says nothing."""

from bridge.items.entry import Figures, ItemEntry
from bridge.views.judgement import missing_references, percentiles_of
from bridge.views.opening import OpenViews
from losscal.references import FEW_NOTES, References
from losscal.views import HEARD, NOTES, SOUND, View

FEW_SECONDS = 5.0
LOWEST_PERCENTILES = 2.5
"""Below it lies what is worse than nearly all real music."""
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


def why_foreign(view: View, entry: ItemEntry) -> str | None:
    """Why the sound of an entry's recording is foreign to a view of sound; None where it is not, or nobody can tell.

    It is where the view finds next to no real music so bad, while the notes, as heard or else as read, are among real
    music: what lies so low for its notes is told by these as well.
    """
    if view.half != SOUND or entry.wav is None:
        return None
    figures = entry.figures(*view.report_keys)
    words = [of.foreign for of in view.references if of.foreign and _is_lowest(figures.get(of.percentile))]
    notes = entry.heard or entry.symbolic
    places = [] if notes is None else [of_view.get("percentile") for of_view in notes.scored.values()]
    is_music = any(place is not None and not _is_lowest(place) for place in places)
    return words[0] if words and is_music else None


def _is_lowest(percentile: float | None) -> bool:
    return percentile is not None and percentile < LOWEST_PERCENTILES
