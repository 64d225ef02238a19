"""What a view says of each version in a group: rank, difference to the reference, verdict, and why there is none.

A verdict of "likelier" or "less likely" needs an interval that leaves 0 out. Not ranked at all is what would be decided
by something else than the music: a rendering beside a recording, a version too predictable for any real music, music
that shares too little time with its reference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bridge.items.entry import ItemEntry
from bridge.versions.comparison import VersionRow
from bridge.versions.differences import MIN_SHARED_SECONDS, Difference
from bridge.views.judgement import is_beyond_references
from bridge.views.opening import SYMBOLIC_VIEWS, VIEWS

LIKELIER, LESS_LIKELY, NOT_DISTINGUISHABLE = "likelier", "less likely", "not distinguishable"
IS_REFERENCE, NOT_RANKED = "reference", "not ranked"
ATTRIBUTES = ("time", "pitch", "velocity", "duration")
BEYOND = {
    "percentile": "likelier than all held-out real music (percentile 100)",
    "llr_percentile": "further above its shuffled notes than all held-out real music (llr_percentile 100)",
}
"""What a percentile beyond the references says."""
NEGLIGIBLE_NATS = 0.1
"""An interval that comes as near to 0 holds it: so much is left over by fp32 and the tables' four decimals."""


@dataclass(frozen=True)
class Quantity:
    """What a view ranks versions by.

    key: in the view's part of an entry. unit: in words. higher_is_likelier: of the value. source: what the nats of a
    difference are summed from: attributes of a per-note table, or a column of a curve. percentiles: keys of BEYOND, of
    those that tell whether an entry lies beyond all references.
    """

    half: str
    key: str
    unit: str
    source: tuple[str, ...]
    higher_is_likelier: bool = False
    percentiles: tuple[str, ...] = ("percentile",)


def quantity_of(view: str, entries: Sequence[ItemEntry]) -> Quantity | None:
    """The quantity of a view in a group of entries; None for a view that is no likelihood of ours, or has none of them.

    What packages plug in is not ranked, whatever it calls its figures: nobody here knows what they are.
    """
    if view not in VIEWS:
        return None
    if view in SYMBOLIC_VIEWS:
        if any(entry.is_sequenced for entry in entries):
            return Quantity("symbolic", "pitch_bits_per_note", "bits of pitch a note", ("pitch",))
        return Quantity("symbolic", "bits_per_note", "bits a note", ATTRIBUTES)
    if any(entry.figures("audio", view).get("llr_nats_per_second") is not None for entry in entries):
        return Quantity(
            *("audio", "llr_nats_per_second", "nats a second likelier than with shuffled notes"),
            source=("llr_nats_per_second",),
            higher_is_likelier=True,
            percentiles=("percentile", "llr_percentile"),
        )
    if any(entry.figures("audio", view).get("curve") is not None for entry in entries):
        return Quantity("audio", "nll_nats_per_second", "nats a second", ("nll_nats_per_second",))
    return None


def value_of(view: str, quantity: Quantity, entry: ItemEntry) -> float | None:
    """An entry's value of a quantity."""
    return entry.figures(quantity.half, view).get(quantity.key)


def reason_not_ranked(view: str, quantity: Quantity, entry: ItemEntry, reference: ItemEntry) -> str | None:
    """Why an entry's value cannot be held against its reference's; None where it can."""
    if value_of(view, quantity, entry) is None:
        return _reason_for_no_value(view, quantity, entry)
    if entry is reference:
        return None
    if value_of(view, quantity, reference) is None:
        return f"the reference {reference.id} has no number to be held against"
    if quantity.half == "audio" and entry.rendered != reference.rendered:
        this, that = ("rendering", "recording") if entry.rendered else ("recording", "rendering")
        return f"a {this}, while the reference is a {that}: timbre would decide"
    if quantity.half == "audio":
        for whose, of in (("it", entry), (f"the reference {reference.id}", reference)):
            if of.figures("audio", view).get("curve") is None:
                return f"{whose} has no curve over time to be compared second by second"
    beyond, reference_beyond = (_beyond(view, quantity, of) for of in (entry, reference))
    if beyond and not reference_beyond:
        return f"{beyond}: too predictable to be called better"
    if reference_beyond and not beyond:
        return f"the reference {reference.id} is {reference_beyond}: too predictable to be held against"
    return None


def rows_of(
    view: str,
    quantity: Quantity,
    members: Sequence[ItemEntry],
    reference: ItemEntry,
    differences: Mapping[int, Difference | None],
) -> tuple[VersionRow, ...]:
    """The rows of a view, in the order of `members`; differences: by place among them, of those that can be ranked."""
    rows = []
    for number, entry in enumerate(members):
        reason = reason_not_ranked(view, quantity, entry, reference)
        difference = differences.get(number)
        if reason is None and entry is not reference and difference is None:
            reason = f"shares less than {MIN_SHARED_SECONDS} s with the reference"
        rows.append(
            VersionRow(
                id=entry.id,
                rank=None,
                value=value_of(view, quantity, entry),
                difference_nats=None if difference is None else difference.nats,
                interval=None if difference is None else (difference.low, difference.high),
                shared_seconds=None if difference is None else float(difference.shared_seconds),
                verdict=_verdict(entry is reference, reason, difference),
                reason=reason,
            )
        )
    costs = [_cost(row, quantity) for row in rows if row.reason is None]
    return tuple(
        row if row.reason is not None else replace(row, rank=1 + sum(cost < _cost(row, quantity) for cost in costs))
        for row in rows
    )


def _beyond(view: str, quantity: Quantity, entry: ItemEntry) -> str | None:
    """How an entry surpasses all held-out real music, in words; None where it is among it."""
    for key in quantity.percentiles:
        if is_beyond_references(entry.figures(quantity.half, view).get(key)):
            return BEYOND[key]
    return None


def _cost(row: VersionRow, quantity: Quantity) -> float:
    return -row.value if quantity.higher_is_likelier else row.value


def _verdict(is_reference: bool, reason: str | None, difference: Difference | None) -> str:
    if is_reference:
        return IS_REFERENCE
    if reason is not None or difference is None:
        return NOT_RANKED
    if difference.high < -NEGLIGIBLE_NATS:
        return LIKELIER
    return LESS_LIKELY if difference.low > NEGLIGIBLE_NATS else NOT_DISTINGUISHABLE


def _reason_for_no_value(view: str, quantity: Quantity, entry: ItemEntry) -> str:
    half = entry.half(quantity.half)
    if half is not None and view in half.unavailable:
        return half.unavailable[view]
    if entry.error is not None:
        return entry.error
    return "it has no notes, only a recording" if quantity.half == "symbolic" else "its sound was not scored"
