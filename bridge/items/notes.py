"""The halves of an entry that are about notes: what each view finds in those of a MIDI file, or in those that are heard
in a recording, and where that lies among real music.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from bridge.items.entry import HeardAgainstRead, HeardHalf, Moment, NotesHalf, Sequenced, Unavailable
from bridge.items.moments import of_notes
from bridge.items.part import Part, check_finite, told_of
from bridge.items.percentiles import place_among_windows
from bridge.items.tables import Tables
from bridge.views.opening import OpenViews
from losscal.errors import InputError
from losscal.references import FEW_NOTES
from losscal.views import HEARD, NOTES, Half

if TYPE_CHECKING:
    from bridge.transcription.transcriber import Heard
    from bridge.views.notes import NotesScore, SymbolicScorer
    from symbolic.notes.cleaning import CleanedMidi
    from symbolic.notes.performance import Performance

SAME_MUSIC_SHARE = 0.5
"""Where fewer of the notes are paired, what is heard is not the file's music."""


def half_of_notes(
    cleaned: "CleanedMidi", views: OpenViews, tables: Tables | None, source: str, *, excerpt: bool, by_composer: bool
) -> Part[NotesHalf]:
    """The half of an item called `source`; see `ItemScorer` for the flags.

    A view that fails, or whose figures are not finite, is left out, of the tables as well, and is a problem.
    """
    return _half(NOTES, cleaned, views, tables, source, excerpt=excerpt, by_composer=by_composer)


def half_of_heard_notes(
    heard: "Heard", views: OpenViews, tables: Tables | None, source: str, *, excerpt: bool, by_composer: bool
) -> Part[HeardHalf]:
    """The half of what was heard in an item's recording, likewise; raises InputError where that is no piano music."""
    start_seconds = heard.first_onset_seconds
    part = _half(
        HEARD,
        heard.cleaned,
        views,
        tables,
        source,
        excerpt=excerpt,
        by_composer=by_composer,
        start_seconds=start_seconds,
    )
    half = HeardHalf(
        **{of.name: getattr(part.value, of.name) for of in fields(part.value)},
        transcriber=heard.transcriber,
        transcriber_version=heard.version,
        first_note_seconds=round(start_seconds, 3),
    )
    return replace(part, value=half, warnings=tuple(f"heard notes: {warning}" for warning in part.warnings))


def heard_against_read(heard: "Heard", read: "CleanedMidi") -> HeardAgainstRead:
    """The notes heard in a pair's recording against those of its MIDI file."""
    from symbolic.notes.alignment import AS_HEARD, align, edits

    here, there = heard.cleaned.performance, read.performance
    alignment = align(here, there)
    told = [edit.later(heard.first_onset_seconds, 0.0) for edit in edits(here, there, alignment, AS_HEARD)]
    counts = Counter(edit.kind for edit in told)
    matched = len(alignment.pairs) - counts["moved"]
    numbers = {"missing": counts["removed"], "extra": counts["added"], "moved": counts["moved"]}
    numbers["repitched"] = counts["changed"]
    text = f"{matched} of {len(there)} notes are heard where the file has them"
    if len(alignment.pairs) < SAME_MUSIC_SHARE * min(len(here), len(there)):
        return HeardAgainstRead(matched, **numbers, text=f"only {text}: it is other music", edits=())
    kinds = {kind: "of another pitch" if kind == "repitched" else kind for kind in numbers}
    words = [f"{count} {kinds[kind]}" for kind, count in numbers.items() if count]
    words += [edit.text for edit in told if edit.kind == "transposed"]
    return HeardAgainstRead(matched, **numbers, text=", ".join([text, *words]), edits=tuple(told))


def _half(
    half: Half,
    cleaned: "CleanedMidi",
    views: OpenViews,
    tables: Tables | None,
    source: str,
    *,
    excerpt: bool,
    by_composer: bool,
    start_seconds: float = 0.0,
) -> Part[NotesHalf]:
    """The half of notes in a file or of heard ones; start_seconds: of the first note, by which times are told."""
    from symbolic.notes.looping import is_too_regular, looped_share
    from symbolic.notes.quantisation import find_grid

    performance = cleaned.performance
    figures: dict[str, dict[str, Any]] = {}
    scores: dict[str, NotesScore] = {}
    warnings: list[str] = []
    problems: list[str] = []
    for view, scorer in views.scorers_of(half):
        try:
            with told_of(source):
                (score,) = scorer.score([performance], excerpt=excerpt)
                of_view = score.report()
                check_finite(view.name, of_view, source)
                if by_composer and view.knows_composers:
                    of_view["by_composer"] = _by_composer(scorer, performance, excerpt=excerpt)
        except InputError as error:
            problems.append(str(error))
            continue
        if view.references:
            place, unplaced = place_among_windows(view, of_view, len(performance), views)
            of_view, warnings = of_view | place, warnings + unplaced
        figures[scorer.name], scores[scorer.name] = of_view, score
    told = [view for view, scorer in views.scorers_of(half) if scorer.name in scores]
    surprised = next((view for view in told if view.tells_moments), None)
    grid = find_grid(performance)
    if grid is not None:
        warnings.append(grid.sentence())
    looped = looped_share(performance)
    if is_too_regular(looped, is_sequenced=grid is not None):
        warnings.append(
            f"{looped:.0%} of the notes repeat those before them to the tick, as nobody plays: what loops is easy to "
            "predict and not better for it"
        )
    if len(performance) < FEW_NOTES and any(view.references for view in told):
        warnings.append(f"fewer than {FEW_NOTES} notes: too few for a percentile")
    suffix = "" if half == NOTES else f"_{half}"
    value = NotesHalf(
        views=figures | {view: Unavailable(**of) for view, of in views.unavailable_in(NOTES).items()},
        notes=len(performance),
        seconds=performance.seconds,
        repairs=cleaned.repairs,
        sequenced=None if grid is None else Sequenced(**grid.report()),
        looped_share=looped,
        per_note=None if tables is None else tables.write_per_note(performance, scores, suffix, start_seconds),
    )
    moments: list[Moment] = []
    if surprised is not None:
        moments = of_notes(surprised, performance, scores[surprised.report_keys[1]], start_seconds)
    return Part(value, tuple(moments), tuple(warnings), tuple(problems))


def _by_composer(scorer: "SymbolicScorer", performance: "Performance", *, excerpt: bool) -> Mapping[str, float]:
    """Nats a note under each composer that the view knows."""
    from symbolic.scoring.composers import nats_per_note_by_composer

    (nats,) = nats_per_note_by_composer(scorer, [performance], excerpt=excerpt)
    return nats
