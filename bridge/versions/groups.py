"""The versions of one piece beside each other: what each view prefers, and by how much and by what they differ.

All of it is read from the entries of a report and the tables beside it, so that groups are compared after any number of
items, one group at a time.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.items.entry import ItemEntry
from bridge.items.scratch import Scratch
from bridge.items.tables import performance_of, read_table
from bridge.versions.comparison import Edits, GroupComparison, Ranking, SoundDistances
from bridge.versions.differences import Difference
from bridge.versions.grouping import Group
from bridge.versions.shared_time import shared_notes, shared_rows
from bridge.versions.verdicts import quantity_of, reason_not_ranked, rows_of
from bridge.versions.words import group_verdict
from bridge.views.opening import OpenViews
from losscal.errors import InputError
from losscal.views import NOTES, Quantity, View

if TYPE_CHECKING:
    import numpy as np

    from audio.metrics.descriptors import Descriptors
    from audio.metrics.similarity import Match
    from symbolic.notes.alignment import Alignment


def compare(
    group: Group, entries: Sequence[ItemEntry], folder: Path, scratch: Scratch, views: OpenViews
) -> GroupComparison:
    """One of the report's "groups"; entries: of all items; folder: of their tables; scratch: of their sound."""
    members, reference = [entries[number] for number in group.members], entries[group.reference]
    comparison = _Comparison(members, reference, folder, scratch)
    rankings = {}
    for name, view in views.declared.items():
        quantity = quantity_of(view, members)
        if quantity is not None:
            rows = rows_of(view, quantity, members, reference, comparison.differences(view, quantity))
            rankings[name] = Ranking(quantity.key, quantity.unit, rows)
    edits = comparison.edits()
    return GroupComparison(
        group=group.name,
        source=group.source,
        reference=reference.id,
        views=rankings,
        edits=edits,
        distances=comparison.distances(),
        verdict=group_verdict(rankings, edits, reference, views.weights),
        assumed=group.assumed,
    )


class _Comparison:
    """A reference and its versions, with what is worked out once for all views.

    tables, alignments, matches: by place among the members, of those that have such a half as the reference has.
    """

    def __init__(self, members: list[ItemEntry], reference: ItemEntry, folder: Path, scratch: Scratch) -> None:
        self.members, self.reference, self.folder, self.scratch = members, reference, folder, scratch
        self.home = next(number for number, entry in enumerate(members) if entry is reference)
        self.tables = {
            number: read_table(folder / entry.per_note)
            for number, entry in enumerate(members)
            if entry.per_note is not None
        }
        self.alignments = self._align()
        self.matches = self._match()

    def _align(self) -> dict[int, "Alignment"]:
        from symbolic.notes.alignment import align

        if self.home not in self.tables:
            return {}
        reference = performance_of(self.tables[self.home])
        versions = {number: table for number, table in self.tables.items() if number != self.home}
        return {number: align(performance_of(table), reference) for number, table in versions.items()}

    def _match(self) -> dict[int, "Match | None"]:
        """How the sound of each version fits the reference's; None where either is too quiet to be compared."""
        if self.reference.audio is None:
            return {}
        from audio.metrics.similarity import match_of

        home = self._described(self.reference)
        matches: dict[int, Match | None] = {}
        for number, entry in enumerate(self.members):
            if number != self.home and entry.audio is not None:
                version = self._described(entry)
                matches[number] = None if home is None or version is None else match_of(version, home)
        return matches

    def _described(self, entry: ItemEntry) -> "Descriptors | None":
        """The descriptors of an entry's sound; None where it is too quiet."""
        try:
            return self.scratch.descriptors(entry)
        except InputError:
            return None

    def differences(self, view: View, quantity: Quantity) -> dict[int, Difference | None]:
        """The difference of each version that a view can hold against the reference, by place among the members."""
        return {
            number: self._difference(number, view, quantity)
            for number, entry in enumerate(self.members)
            if entry is not self.reference and reason_not_ranked(view, quantity, entry, self.reference) is None
        }

    def _difference(self, number: int, view: View, quantity: Quantity) -> Difference | None:
        if view.half == NOTES:
            version, reference = self.tables[number], self.tables[self.home]
            time_map = self.alignments[number].time_map
            return shared_notes(version, reference, time_map, view.name, quantity.source).difference()
        version, reference = (self._curve(self.members[place], view.name) for place in (number, self.home))
        match = self.matches[number]
        offset_seconds = None if match is None or match.is_mismatch else match.offset_seconds
        return shared_rows(version, reference, offset_seconds, *quantity.source).difference()

    def _curve(self, entry: ItemEntry, view: str) -> "dict[str, np.ndarray]":
        return read_table(self.folder / entry.curves[view])

    def edits(self) -> Edits:
        """The edits of each version that has notes, as the reference has, by id."""
        from symbolic.notes.alignment import edits

        told = {}
        for number, alignment in self.alignments.items():
            sides = (performance_of(self.tables[place]) for place in (number, self.home))
            told[self.members[number].id] = tuple(edits(*sides, alignment))
        return told

    def distances(self) -> dict[str, SoundDistances | None]:
        """How far the sound of each version lies from the reference's, by id: 0 where it is the same.

        chroma: 1 less the mean cosine of aligned frames' pitch classes; mfcc: mean difference of timbre in dB.
        """
        return {
            entry.id: None
            if (match := self.matches.get(number)) is None
            else SoundDistances(1.0 - match.chroma_similarity, match.mfcc_distance_db)
            for number, entry in enumerate(self.members)
            if entry is not self.reference
        }
