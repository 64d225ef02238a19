"""What a view says of each version in a group: rank, difference to the reference, verdict, and why there is none.

A verdict of "likelier" or "less likely" needs an interval that leaves 0 out. Not ranked at all is what would be decided
by something else than the music: a rendering beside a recording, a version too predictable for any real music, music
that shares too little time with its reference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from bridge.items.entry import Figures, HeardHalf, ItemEntry, NotesHalf
from bridge.items.percentiles import why_foreign
from bridge.versions.comparison import VersionRow
from bridge.versions.differences import MIN_SHARED_SECONDS, Difference
from bridge.versions.told_apart import Costs
from bridge.views.judgement import beyond_references
from losscal.views import HEARD, NOTES, SOUND, Quantity, View

LIKELIER, LESS_LIKELY, NOT_DISTINGUISHABLE = "likelier", "less likely", "not distinguishable"
IS_REFERENCE, NOT_RANKED = "reference", "not ranked"
NEGLIGIBLE_NATS = 0.1
"""An interval that comes as near to 0 holds it: so much is left over by fp32 and the tables' four decimals."""


def quantity_of(view: View, entries: Sequence[ItemEntry]) -> Quantity | None:
    """What a view ranks a group of entries by; None for a view that ranks nothing, or gave none of them a figure.

    Of recordings alone only the views of heard notes rank, where any are.
    """
    has_heard, has_read = (any(of is not None for of in halves) for halves in zip(*map(_notes, entries), strict=True))
    if (view.half == HEARD and not has_heard) or (view.half == NOTES and has_heard and not has_read):
        return None
    figures = (_figures(entry, view) for entry in entries)
    return view.quantity(figures, is_sequenced=any(entry.is_sequenced for entry in entries))


def reason_not_ranked(view: View, quantity: Quantity, entry: ItemEntry, reference: ItemEntry) -> str | None:
    """Why an entry's value cannot be held against its reference's; None where it can."""
    if _figures(entry, view).get(quantity.key) is None:
        return _reason_for_no_value(view, entry)
    if entry is reference:
        return None
    if _figures(reference, view).get(quantity.key) is None:
        return f"the reference {reference.id} has no number to be held against"
    if view.half == HEARD and entry.heard is reference.heard is None:
        return f"its notes are read, as those of the reference {reference.id} are"
    if view.half == SOUND and entry.rendered != reference.rendered:
        this, that = ("rendering", "recording") if entry.rendered else ("recording", "rendering")
        return f"a {this}, while the reference is a {that}: timbre would decide"
    if view.half == SOUND:
        for whose, of in (("it", entry), (f"the reference {reference.id}", reference)):
            if _figures(of, view).get("curve") is None:
                return f"{whose} has no curve over time to be compared second by second"
            if (foreign := why_foreign(view, of)) is not None:
                return f"{whose} is a foreign sound: {foreign}"
    if view.half == NOTES and entry.is_looped and not reference.is_looped:
        return "it loops the same notes exactly: too predictable to be called better"
    if view.half == NOTES and reference.is_looped and not entry.is_looped:
        return f"the reference {reference.id} loops the same notes exactly: too predictable to be held against"
    beyond, reference_beyond = (beyond_references(view, _figures(of, view)) for of in (entry, reference))
    if beyond and not reference_beyond:
        return f"{beyond}: too predictable to be called better"
    if reference_beyond and not beyond:
        return f"the reference {reference.id} is {reference_beyond}: too predictable to be held against"
    return None


def rows_of(
    view: View,
    quantity: Quantity,
    members: Sequence[ItemEntry],
    reference: ItemEntry,
    differences: Mapping[int, Difference | None],
    told_apart: Mapping[int, Costs] = MappingProxyType({}),
) -> tuple[VersionRow, ...]:
    """The rows of a view, in the order of `members`; differences: by place among them, of those that can be ranked.

    told_apart: likewise, of those that were played in another way than the reference.
    """
    rows = []
    for number, entry in enumerate(members):
        reason = reason_not_ranked(view, quantity, entry, reference)
        difference, costs = differences.get(number), told_apart.get(number)
        if reason is None and entry is not reference and difference is None:
            reason = f"shares less than {MIN_SHARED_SECONDS} s with the reference"
        rows.append(
            VersionRow(
                id=entry.id,
                rank=None,
                value=_figures(entry, view).get(quantity.key),
                difference_nats=None if difference is None else difference.nats,
                interval=None if difference is None else (difference.low, difference.high),
                shared_seconds=None if difference is None else float(difference.shared_seconds),
                verdict=_verdict(entry is reference, reason, difference),
                reason=reason,
                compared_value=None if costs is None else costs.value,
                played_nats={} if costs is None else costs.nats,
            )
        )
    sign = -1.0 if view.figure(quantity.key).higher_is_better else 1.0
    ranked_by = [sign * _rounded(row.value if row.compared_value is None else row.compared_value) for row in rows]
    costs = [cost for row, cost in zip(rows, ranked_by, strict=True) if row.reason is None]
    return tuple(
        row if row.reason is not None else replace(row, rank=1 + sum(cost < own for cost in costs))
        for row, own in zip(rows, ranked_by, strict=True)
    )


def _rounded(value: float | None) -> float:
    """To the digits of a table: what fp32 leaves over is no difference. Of what is not ranked anything will do."""
    return 0.0 if value is None else round(value, 4)


def _verdict(is_reference: bool, reason: str | None, difference: Difference | None) -> str:
    if is_reference:
        return IS_REFERENCE
    if reason is not None or difference is None:
        return NOT_RANKED
    if difference.high < -NEGLIGIBLE_NATS:
        return LIKELIER
    return LESS_LIKELY if difference.low > NEGLIGIBLE_NATS else NOT_DISTINGUISHABLE


def _reason_for_no_value(view: View, entry: ItemEntry) -> str:
    of_half, name = view.report_keys
    half = entry.half(of_half)
    if half is not None and name in half.unavailable:
        return half.unavailable[name]
    if entry.error is not None:
        return entry.error
    reasons = {
        NOTES: "it has no notes, only a recording",
        HEARD: "no notes are heard in it",
        SOUND: "its sound was not scored",
    }
    return reasons[view.half]


def _notes(entry: ItemEntry) -> tuple[HeardHalf | None, NotesHalf | None]:
    """Heard and read."""
    return entry.heard, entry.symbolic


def _figures(entry: ItemEntry, view: View) -> Figures:
    """What a view says of an entry, of heard notes where none were, of those read; nothing where it was not scored."""
    half, name = view.report_keys
    return entry.figures("symbolic" if view.half == HEARD and entry.heard is None else half, name)
