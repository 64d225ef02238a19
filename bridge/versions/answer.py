"""The answer that a report on versions begins with: is each version better, why in few words, and by which view?

It is that of the first view that can rank the version, those of notes before those of sound.
"""

from collections import Counter
from collections.abc import Mapping

from bridge.versions.comparison import Edits, Ranking, SoundDistances, VersionAnswer, VersionRow
from bridge.versions.told_apart import Played
from bridge.versions.verdicts import IS_REFERENCE, LESS_LIKELY, LIKELIER, NOT_DISTINGUISHABLE, NOT_RANKED
from bridge.views.declarations import half_of
from losscal.views import HEARD, SOUND

ANSWERS = {
    IS_REFERENCE: "reference",
    LIKELIER: "better",
    LESS_LIKELY: "worse",
    NOT_DISTINGUISHABLE: "cannot tell",
    NOT_RANKED: "not ranked",
}
KINDS = ("added", "removed", "moved", "changed")


OTHER_SOUND_DB = 1.0
"""A difference of timbre from here on is another sound: with a few notes wrong 0.3 dB are met, with a room or an
equaliser over the same notes 2 to 3."""


def answers_of(
    rankings: Mapping[str, Ranking],
    edits: Edits,
    played: Mapping[str, Played],
    distances: Mapping[str, SoundDistances | None],
) -> tuple[VersionAnswer, ...]:
    """The rows, in the order of the group; none where no view ranks versions."""
    ids = [row.id for row in next(iter(rankings.values())).items] if rankings else []
    return tuple(_answer(place, rankings, edits, played, distances) for place in range(len(ids)))


def in_one_sentence(answers: tuple[VersionAnswer, ...], names: Mapping[str, str]) -> str:
    """Which versions are better and which worse, by name."""
    told = {answer: [names[row.id] for row in answers if row.answer == answer] for answer in ANSWERS.values()}
    parts = [
        f"{', '.join(told[answer])} {words}"
        for answer, words in (
            ("better", "better than the reference"),
            ("worse", "worse"),
            ("cannot tell", "not to be told from it"),
            ("not ranked", "not ranked"),
        )
        if told[answer]
    ]
    reference = f" The reference is {told['reference'][0]}." if told["reference"] else ""
    return f"{'; '.join(parts)}.{reference}"


def _answer(
    place: int,
    rankings: Mapping[str, Ranking],
    edits: Edits,
    played: Mapping[str, Played],
    distances: Mapping[str, SoundDistances | None],
) -> VersionAnswer:
    rows = {view: ranking.items[place] for view, ranking in rankings.items()}
    first = next(iter(rows.values()))
    if first.verdict == IS_REFERENCE:
        return VersionAnswer(first.id, ANSWERS[IS_REFERENCE], "the others are compared with it", None)
    for view, row in rows.items():
        if row.verdict != NOT_RANKED:
            why = _why(view, row, edits, played, distances.get(row.id))
            return VersionAnswer(row.id, ANSWERS[row.verdict], why, view)
    return VersionAnswer(first.id, ANSWERS[NOT_RANKED], first.reason or "", None)


def _why(
    view: str, row: VersionRow, edits: Edits, played: Mapping[str, Played], distance: SoundDistances | None
) -> str:
    if half_of(view) == SOUND:
        return "by its sound, mix included"
    kinds = Counter(edit.kind for edit in edits.get(row.id, ()) if edit.kind in KINDS)
    way = played.get(row.id)
    is_heard = half_of(view) == HEARD
    told = [_notes_in_words(kinds, "heard " if is_heard else "")]
    if is_heard and distance is not None and distance.mfcc >= OTHER_SOUND_DB:
        told.append("other sound")
    if way is not None and (way.velocity or way.semitones or way.seconds_ratio != 1.0):
        told.append(way.text)
    return "; ".join(told)


def _notes_in_words(kinds: Counter[str], heard: str) -> str:
    """How many notes are otherwise, of what kind where they are of one; how it divides is told with the edits."""
    if not kinds:
        return f"same {heard}notes"
    noun = "note" if kinds.total() == 1 else "notes"
    kind, *others = kinds
    return f"{kinds.total()} {heard}{noun} {'differ' if others else kind}"
