"""A group's verdict in words: what each view prefers, whether the views agree, what differs, how far to trust it."""

from collections import Counter
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from bridge.agreement import FEWEST_ITEMS, correlations
from bridge.explanations import reliability_of
from bridge.verdicts import IS_REFERENCE, LESS_LIKELY, LIKELIER, NOT_DISTINGUISHABLE, NOT_RANKED

AGREE_FROM = 0.5
"""A rank correlation from here on is called agreement, from its negative down contradiction."""


def group_verdict(group: Mapping[str, Any], reference: Mapping[str, Any], weights: Mapping[str, str]) -> str:
    """A few sentences on a group of the report, its "verdict" still missing, each on a line of its own.

    reference: the entry of its reference. weights: the report's.
    """
    sentences = [_preference(view, of_view) for view, of_view in group["views"].items()]
    sentences += _agreement(group)
    sentences += _what_differs(group)
    sentences += _trust(group, reference, weights)
    return "\n".join(sentences) or "No view gave these versions a number that could be compared."


def preferred(of_view: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The row that a view ranks first; None where it ranks nothing."""
    return next((row for row in of_view["items"] if row["rank"] == 1), None)


def _preference(view: str, of_view: Mapping[str, Any]) -> str:
    first = preferred(of_view)
    if first is None:
        return f"{view} ranks none of them."
    number = f"{_name(first['id'])} ({first['value']:.2f} {of_view['unit']})"
    if first["verdict"] == IS_REFERENCE:
        told = f"{view} prefers the reference, {number}"
    elif first["verdict"] == LIKELIER:
        told = f"{view} prefers {number}, which is likelier than the reference beyond chance"
    else:
        told = f"{view} puts {number} first, but cannot tell it from the reference"
    counts = Counter(row["verdict"] for row in of_view["items"])
    kinds = (LIKELIER, LESS_LIKELY, NOT_DISTINGUISHABLE, NOT_RANKED)
    words = ", ".join(f"{counts[kind]} {kind}" for kind in kinds if counts[kind])
    return f"{told}; of the other versions: {words}." if words else f"{told}."


def _agreement(group: Mapping[str, Any]) -> list[str]:
    told = []
    for (one, other), (rho, n_items) in correlations(group["views"]).items():
        if n_items < FEWEST_ITEMS:
            continue
        verb = "agree" if rho >= AGREE_FROM else "contradict each other" if rho <= -AGREE_FROM else "do not agree"
        told.append(f"{one} and {other} {verb} on the order (rank correlation {rho:.2f} over {n_items} versions).")
    return told


def _what_differs(group: Mapping[str, Any]) -> list[str]:
    """What was done to the versions preferred, or where none is, to those nearest."""
    firsts = (preferred(of_view) for of_view in group["views"].values())
    ids = dict.fromkeys(row["id"] for row in firsts if row is not None and row["id"] in group["edits"])
    told = []
    for version in ids:
        counts = Counter(edit["kind"] for edit in group["edits"][version])
        kinds = ", ".join(f"{counts[kind]} {kind}" for kind in ("added", "removed", "moved", "changed") if counts[kind])
        notes = "1 note" if counts.total() == 1 else f"{counts.total()} notes"
        how = f"differs from the reference in {notes} ({kinds})" if kinds else "has the same notes as the reference"
        told.append(f"{_name(version)} {how}.")
    return told


def _trust(group: Mapping[str, Any], reference: Mapping[str, Any], weights: Mapping[str, str]) -> list[str]:
    """How reliable each view is on such input."""
    told = {view: reliability_of(view, reference, weights) for view in group["views"]}
    return [f"{view}: {text}" for view, text in told.items() if text is not None]


def _name(item_id: str) -> str:
    return PurePath(item_id).name
