"""The half of an entry that is about notes: what each view finds in them, and where that lies among real music."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bridge.items import moments
from bridge.items.entry import NotesHalf, Sequenced, Unavailable
from bridge.items.part import Part, check_finite, told_of
from bridge.items.percentiles import place_among_windows
from bridge.items.tables import Tables
from bridge.views.opening import OpenViews
from losscal.errors import InputError
from losscal.references import FEW_NOTES
from losscal.views import NOTES

if TYPE_CHECKING:
    from bridge.views.notes import NotesScore, SymbolicScorer
    from symbolic.notes.cleaning import CleanedMidi
    from symbolic.notes.performance import Performance


def half_of_notes(
    cleaned: "CleanedMidi", views: OpenViews, tables: Tables | None, source: str, *, excerpt: bool, by_composer: bool
) -> Part[NotesHalf]:
    """The half of an item called `source`; see `ItemScorer` for the flags.

    A view that fails, or whose figures are not finite, is left out, of the tables as well, and is a problem.
    """
    from symbolic.notes.quantisation import find_grid

    performance = cleaned.performance
    figures: dict[str, dict[str, Any]] = {}
    scores: dict[str, NotesScore] = {}
    warnings: list[str] = []
    problems: list[str] = []
    for view, scorer in views.symbolic.items():
        try:
            with told_of(source):
                (score,) = scorer.score([performance], excerpt=excerpt)
                of_view = score.report()
                check_finite(view, of_view, source)
                if by_composer and scorer.view.knows_composers:
                    of_view["by_composer"] = _by_composer(scorer, performance, excerpt=excerpt)
        except InputError as error:
            problems.append(str(error))
            continue
        if views.declared[view].references:
            place, unplaced = place_among_windows(view, of_view, len(performance), views)
            of_view, warnings = of_view | place, warnings + unplaced
        figures[view], scores[view] = of_view, score
    grid = find_grid(performance)
    if grid is not None:
        warnings.append(grid.sentence())
    if len(performance) < FEW_NOTES and any(views.declared[view].references for view in figures):
        warnings.append(f"fewer than {FEW_NOTES} notes: too few for a percentile")
    half = NotesHalf(
        views=figures | {view: Unavailable(**of) for view, of in views.unavailable_in(NOTES).items()},
        notes=len(performance),
        seconds=performance.seconds,
        repairs=cleaned.repairs,
        sequenced=None if grid is None else Sequenced(**grid.report()),
        per_note=None if tables is None else tables.write_per_note(performance, scores),
    )
    surprised = next((view for view in scores if views.declared[view].tells_moments), None)
    found = [] if surprised is None else moments.of_notes(surprised, performance, scores[surprised])
    return Part(half, tuple(found), tuple(warnings), tuple(problems))


def _by_composer(scorer: "SymbolicScorer", performance: "Performance", *, excerpt: bool) -> Mapping[str, float]:
    """Nats a note under each composer that the view knows."""
    from symbolic.scoring.composers import nats_per_note_by_composer

    (nats,) = nats_per_note_by_composer(scorer, [performance], excerpt=excerpt)
    return nats
