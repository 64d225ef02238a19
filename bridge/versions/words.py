"""A group's verdict in words: what each view prefers, whether the views agree, what differs, how far to trust it."""

from collections import Counter
from collections.abc import Mapping, Sequence

from bridge.calibration.reliability import reliability_of
from bridge.items.entry import ItemEntry
from bridge.items.names import shortest_tails, without_shared_words
from bridge.versions.agreement import FEWEST_ITEMS, correlations
from bridge.versions.comparison import Edits, Ranking, VersionRow
from bridge.versions.verdicts import IS_REFERENCE, LESS_LIKELY, LIKELIER, NOT_DISTINGUISHABLE, NOT_RANKED
from losscal.text import in_one_line

NAMED_VERSIONS = 12
AGREE_FROM = 0.5
"""A rank correlation from here on is called agreement, from its negative down contradiction."""


def group_verdict(
    rankings: Mapping[str, Ranking], edits: Edits, reference: ItemEntry, weights: Mapping[str, str]
) -> str:
    """A few sentences on the versions of a group, ranked by each view, each sentence on a line of its own.

    reference: the entry of their reference. weights: the report's.
    """
    names = short_names_of(rankings)
    sentences = preferences(rankings, names)
    sentences += _agreement(rankings)
    sentences += _what_differs(rankings, edits, names)
    sentences += _trust(rankings, reference, weights)
    return "\n".join(sentences) or "No view gave these versions a number that could be compared."


def preferences(rankings: Mapping[str, Ranking], names: Mapping[str, str]) -> list[str]:
    """A sentence for each view that ranks versions, and one for all others."""
    ranked = {view: ranking for view, ranking in rankings.items() if ranking.first is not None}
    told = [_preference(view, ranking, ranking.first, names) for view, ranking in ranked.items()]
    unranked = {view: ranking.items[0] for view, ranking in rankings.items() if view not in ranked}
    if unranked:
        row = next(iter(unranked.values()))
        verb = "ranks" if len(unranked) == 1 else "rank"
        reason = in_one_line(row.reason).rstrip(".")
        told.append(f"{', '.join(unranked)} {verb} none of them; of {names[row.id]}: {reason}.")
    return told


def _preference(view: str, ranking: Ranking, first: VersionRow, names: Mapping[str, str]) -> str:
    number = f"{names[first.id]} ({first.ranked_value:.2f} {ranking.unit})"
    others = [row for row in ranking.items if row is not first]
    if all(row.verdict == NOT_RANKED for row in others):
        told = f"{view} can hold no other version against the reference, {number}"
    elif first.verdict == IS_REFERENCE:
        told = f"{view} prefers the reference, {number}"
    elif first.verdict == LIKELIER:
        told = f"{view} prefers {number}, which is likelier than the reference beyond chance"
    elif first.verdict == LESS_LIKELY:
        told = (
            f"{view} gives {number} the best figure as a whole, but where it shares time with the reference it is "
            "less likely"
        )
    else:
        told = f"{view} puts {number} first, but cannot tell it from the reference"
    told_of = [
        f"{verdict} {_named(of_verdict, names)}"
        for verdict in (LIKELIER, LESS_LIKELY, NOT_DISTINGUISHABLE, NOT_RANKED)
        if (of_verdict := [row.id for row in others if row.verdict == verdict])
    ]
    return f"{told}; of the other versions: {'; '.join(told_of)}." if told_of else f"{told}."


def _named(ids: Sequence[str], names: Mapping[str, str]) -> str:
    """The versions by name; of many, how many."""
    return ", ".join(names[of] for of in ids) if len(ids) <= NAMED_VERSIONS else f"{len(ids)} of them"


def _agreement(rankings: Mapping[str, Ranking]) -> list[str]:
    told = []
    for (one, other), (rho, n_items) in correlations(rankings).items():
        if n_items < FEWEST_ITEMS:
            continue
        verb = "agree" if rho >= AGREE_FROM else "contradict each other" if rho <= -AGREE_FROM else "do not agree"
        told.append(f"{one} and {other} {verb} on the order (rank correlation {rho:.2f} over {n_items} versions).")
    return told


def _what_differs(rankings: Mapping[str, Ranking], edits: Edits, names: Mapping[str, str]) -> list[str]:
    """What was done to the versions that a view puts first."""
    firsts = (ranking.first for ranking in rankings.values())
    told = []
    for version in dict.fromkeys(row.id for row in firsts if row is not None and row.id in edits):
        counts = Counter(edit.kind for edit in edits[version] if edit.kind != "transposed")
        kinds = ", ".join(f"{counts[kind]} {kind}" for kind in ("added", "removed", "moved", "changed") if counts[kind])
        notes = "1 note" if counts.total() == 1 else f"{counts.total()} notes"
        how = f"differs from the reference in {notes} ({kinds})" if kinds else "has the same notes as the reference"
        how += "".join(f", {edit.kind}: {edit.text}" for edit in edits[version] if edit.kind == "transposed")
        told.append(f"{names[version]} {how}.")
    return told


def _trust(rankings: Mapping[str, Ranking], reference: ItemEntry, weights: Mapping[str, str]) -> list[str]:
    """How reliable each view that gave the reference a number is on such input."""
    views = (
        view
        for view, ranking in rankings.items()
        if any(row.verdict == IS_REFERENCE and row.value is not None for row in ranking.items)
    )
    told = {view: reliability_of(view, reference, weights) for view in views}
    return [f"{view}: {text}" for view, text in told.items() if text is not None]


def names_of(rankings: Mapping[str, Ranking]) -> dict[str, str]:
    """What each member is called, by id: as much of the end of its path as no other member shares."""
    ids = (row.id for ranking in rankings.values() for row in ranking.items)
    return {item_id: in_one_line(name) for item_id, name in shortest_tails(ids).items()}


def short_names_of(rankings: Mapping[str, Ranking]) -> dict[str, str]:
    """What each member is called in a sentence that names many, by id."""
    return without_shared_words(names_of(rankings))
