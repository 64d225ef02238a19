"""The half of an entry that is about notes: what each view finds in them, and where that lies among real music."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Any

from bridge.items import moments
from bridge.items.entry import NotesHalf, Sequenced, Unavailable
from bridge.items.part import Part, check_finite
from bridge.items.percentiles import percentile_of
from bridge.items.tables import Tables
from bridge.views.opening import SYMBOLIC_VIEWS, OpenViews
from losscal.errors import InputError
from losscal.references import FEW_NOTES

if TYPE_CHECKING:
    from symbolic.notes.cleaning import CleanedMidi
    from symbolic.scoring.likelihood import SymbolicScore


@dataclass(frozen=True)
class ScoredNotes:
    """An item's notes, and what each view of notes finds in them; by_composer: nats a note, where that was asked."""

    cleaned: "CleanedMidi"
    scores: "Mapping[str, SymbolicScore]"
    by_composer: Mapping[str, Mapping[str, float]]


def score_notes(
    cleaned: Sequence["CleanedMidi"], views: OpenViews, *, excerpt: bool, by_composer: bool
) -> list[ScoredNotes]:
    """The notes of a few items under all views, each view asked once; see `ItemScorer` for the flags."""
    performances = [of_item.performance for of_item in cleaned]
    scores: list[dict[str, SymbolicScore]] = [{} for _ in cleaned]
    composers: list[dict[str, Mapping[str, float]]] = [{} for _ in cleaned]
    for view, scorer in views.symbolic.items() if performances else ():
        for of_item, score in zip(scores, scorer.score(performances, excerpt=excerpt), strict=True):
            of_item[view] = score
        if by_composer:
            from symbolic.scoring.composers import nats_per_note_by_composer

            told = nats_per_note_by_composer(scorer, performances, excerpt=excerpt)
            for of_item, nats in zip(composers, told, strict=True):
                of_item[view] = nats
    return [ScoredNotes(*of_item) for of_item in zip(cleaned, scores, composers, strict=True)]


def half_of_notes(notes: ScoredNotes, views: OpenViews, tables: Tables | None, source: str) -> Part[NotesHalf]:
    """The half of an item called `source`.

    A view whose figures are not finite is left out, of the tables as well, and is a problem.
    """
    from symbolic.notes.quantisation import find_grid

    performance = notes.cleaned.performance
    is_short = len(performance) < FEW_NOTES
    figures: dict[str, dict[str, Any]] = {}
    warnings: list[str] = []
    problems: list[str] = []
    for view, score in notes.scores.items():
        of_view = _figures(score)
        try:
            check_finite(view, of_view, source)
        except InputError as error:
            problems.append(str(error))
            continue
        if not is_short:
            of_view["percentile"], missing = percentile_of(view, views, len(performance), score.nll_nats_per_note)
            warnings += missing
        if view in notes.by_composer:
            of_view["by_composer"] = notes.by_composer[view]
        figures[view] = of_view
    finite = {view: notes.scores[view] for view in figures}
    grid = find_grid(performance)
    if grid is not None:
        warnings.append(grid.sentence())
    if figures and is_short:
        warnings.append(f"fewer than {FEW_NOTES} notes: too few for a percentile")
    half = NotesHalf(
        views=figures | {view: Unavailable(**of) for view, of in views.unavailable_in("symbolic").items()},
        notes=len(performance),
        seconds=performance.seconds,
        repairs=notes.cleaned.repairs,
        sequenced=None if grid is None else Sequenced(**grid.report()),
        per_note=None if tables is None else tables.write_per_note(performance, finite),
    )
    surprised = next((view for view in SYMBOLIC_VIEWS if view in finite), None)
    found = [] if surprised is None else moments.of_notes(surprised, performance, finite[surprised])
    return Part(half, tuple(found), tuple(warnings), tuple(problems))


def _figures(score: "SymbolicScore") -> dict[str, Any]:
    """A view's figures of a score, its percentile still unknown."""
    figures = {
        "nll_nats": score.nll_nats,
        "end_nll_nats": score.end_nll_nats,
        "nll_nats_per_note": score.nll_nats_per_note,
        "bits_per_note": score.bits_per_note,
        "pitch_bits_per_note": score.by_attribute["pitch"] / log(2) / score.notes,
        "nll_nats_per_second": score.nll_nats_per_second,
        "percentile": None,
        "by_attribute": score.by_attribute,
    }
    if score.code_nll_nats is not None:
        figures |= {name: getattr(score, name) for name in ("code_nll_nats", "note_nll_nats", "mixture_nll_nats")}
    return figures
