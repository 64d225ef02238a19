"""The half of an entry that is about notes: what each view finds in them, and where that lies among real music."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.items import moments
from bridge.items.entry import NotesHalf, Sequenced, Unavailable
from bridge.items.part import Part, check_finite
from bridge.items.percentiles import place_among_windows
from bridge.items.tables import Tables
from bridge.views.opening import OpenViews
from losscal.errors import InputError
from losscal.references import FEW_NOTES
from losscal.views import NOTES

if TYPE_CHECKING:
    from bridge.views.notes import NotesScore
    from symbolic.notes.cleaning import CleanedMidi


@dataclass(frozen=True)
class ScoredNotes:
    """An item's notes, and what each view of notes finds in them; by_composer: nats a note, where that was asked."""

    cleaned: "CleanedMidi"
    scores: "Mapping[str, NotesScore]"
    by_composer: Mapping[str, Mapping[str, float]]


def score_notes(
    cleaned: Sequence["CleanedMidi"], views: OpenViews, *, excerpt: bool, by_composer: bool
) -> list[ScoredNotes]:
    """The notes of a few items under all views, each view asked once; see `ItemScorer` for the flags."""
    performances = [of_item.performance for of_item in cleaned]
    scores: list[dict[str, NotesScore]] = [{} for _ in cleaned]
    composers: list[dict[str, Mapping[str, float]]] = [{} for _ in cleaned]
    for view, scorer in views.symbolic.items() if performances else ():
        for of_item, score in zip(scores, scorer.score(performances, excerpt=excerpt), strict=True):
            of_item[view] = score
        if by_composer and scorer.view.knows_composers:
            from symbolic.scoring.composers import nats_per_note_by_composer

            nats_per_note = nats_per_note_by_composer(scorer, performances, excerpt=excerpt)
            for of_item, nats in zip(composers, nats_per_note, strict=True):
                of_item[view] = nats
    return [ScoredNotes(*of_item) for of_item in zip(cleaned, scores, composers, strict=True)]


def half_of_notes(notes: ScoredNotes, views: OpenViews, tables: Tables | None, source: str) -> Part[NotesHalf]:
    """The half of an item called `source`.

    A view whose figures are not finite is left out, of the tables as well, and is a problem.
    """
    from symbolic.notes.quantisation import find_grid

    performance = notes.cleaned.performance
    figures: dict[str, dict[str, Any]] = {}
    warnings: list[str] = []
    problems: list[str] = []
    for view, score in notes.scores.items():
        try:
            of_view = score.report()
            check_finite(view, of_view, source)
        except InputError as error:
            problems.append(str(error))
            continue
        if views.declared[view].references:
            place, unplaced = place_among_windows(view, of_view, len(performance), views)
            of_view, warnings = of_view | place, warnings + unplaced
        if view in notes.by_composer:
            of_view["by_composer"] = notes.by_composer[view]
        figures[view] = of_view
    finite = {view: notes.scores[view] for view in figures}
    grid = find_grid(performance)
    if grid is not None:
        warnings.append(grid.sentence())
    if len(performance) < FEW_NOTES and any(views.declared[view].references for view in figures):
        warnings.append(f"fewer than {FEW_NOTES} notes: too few for a percentile")
    half = NotesHalf(
        views=figures | {view: Unavailable(**of) for view, of in views.unavailable_in(NOTES).items()},
        notes=len(performance),
        seconds=performance.seconds,
        repairs=notes.cleaned.repairs,
        sequenced=None if grid is None else Sequenced(**grid.report()),
        per_note=None if tables is None else tables.write_per_note(performance, finite),
    )
    surprised = next((view for view in finite if views.declared[view].tells_moments), None)
    found = [] if surprised is None else moments.of_notes(surprised, performance, finite[surprised])
    return Part(half, tuple(found), tuple(warnings), tuple(problems))
