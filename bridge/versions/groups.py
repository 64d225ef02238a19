"""The versions of one piece beside each other: what each view prefers, and by how much and by what they differ.

All of it is read from the entries of a report and the tables beside it, so that groups are compared after any number of
items, one group at a time.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.items.entry import ItemEntry
from bridge.items.scratch import Scratch
from bridge.items.tables import read_table
from bridge.versions.answer import answers_of
from bridge.versions.comparison import Edits, GroupComparison, Ranking, SoundDistances
from bridge.versions.differences import Difference
from bridge.versions.grouping import Group
from bridge.versions.notes import PairedNotes
from bridge.versions.shared_time import shared_rows
from bridge.versions.told_apart import Costs
from bridge.versions.verdicts import quantity_of, reason_not_ranked, rows_of
from bridge.versions.words import group_verdict
from bridge.views.opening import OpenViews
from losscal.errors import InputError
from losscal.views import HEARD, NOTES, Quantity, View

if TYPE_CHECKING:
    import numpy as np

    from audio.metrics.descriptors import Descriptors
    from audio.metrics.similarity import Match


def compare(
    group: Group,
    entries: Sequence[ItemEntry],
    folder: Path,
    scratch: Scratch,
    views: OpenViews,
    *,
    excerpt: bool = False,
) -> GroupComparison:
    """One of the report's "groups"; entries: of all items; folder: of their tables; scratch: of their sound.

    excerpt: as they were scored.
    """
    members, reference = [entries[number] for number in group.members], entries[group.reference]
    comparison = _Comparison(members, reference, folder, scratch, views, excerpt)
    rankings = {}
    for name, view in views.declared.items():
        quantity = quantity_of(view, members)
        if quantity is not None:
            differences, told_apart = comparison.differences(view, quantity)
            rows = rows_of(view, quantity, members, reference, differences, told_apart)
            rankings[name] = Ranking(quantity.key, quantity.unit, rows)
    edits, distances = comparison.edits(), comparison.distances()
    assumed = group.assumed, _on_a_grid(members), _heard_and_read(members, reference)
    notes_of = comparison.compared_notes
    played_by_id = {members[number].id: notes.played[number] for number, notes in sorted(notes_of.items())}
    return GroupComparison(
        group=group.name,
        source=group.source,
        reference=reference.id,
        views=rankings,
        edits=edits,
        distances=distances,
        verdict=group_verdict(rankings, edits, reference, views.weights),
        assumed=" ".join(filter(None, assumed)) or None,
        played=played_by_id,
        answers=answers_of(rankings, edits, played_by_id, distances),
    )


def _on_a_grid(members: Sequence[ItemEntry]) -> str | None:
    """What sequenced versions among played ones change for all; None where there are none."""
    names = [Path(entry.id).name for entry in members if entry.is_sequenced]
    if not names or len(names) == len(members):
        return None
    return (
        f"{', '.join(names)} on a sequencer's grid: so all versions are compared by their pitches alone. "
        "Leave that out to compare the others by time and loudness too."
    )


def _heard_and_read(members: Sequence[ItemEntry], reference: ItemEntry) -> str | None:
    """That heard notes are held against read ones, where some are; None where none are."""
    heard = [Path(entry.id).name for entry in members if entry.heard is not None and entry.symbolic is None]
    read = [Path(entry.id).name for entry in members if entry.heard is None and entry.symbolic is not None]
    name = Path(reference.id).name
    if name in read and heard:
        return f"Notes heard in {', '.join(heard)} are compared with those read in {name}."
    if name in heard and read:
        return f"Notes read in {', '.join(read)} are compared with those heard in {name}."
    return None


class _Comparison:
    """A reference and its versions, with what is worked out once for all views.

    notes: by whose notes they are. matches: by place among the members, of those with sound as the reference has.
    """

    def __init__(
        self,
        members: list[ItemEntry],
        reference: ItemEntry,
        folder: Path,
        scratch: Scratch,
        views: OpenViews,
        excerpt: bool,
    ) -> None:
        self.views, self.excerpt = views, excerpt
        self.members, self.reference, self.folder, self.scratch = members, reference, folder, scratch
        self.home = next(number for number, entry in enumerate(members) if entry is reference)
        self.notes = {half: PairedNotes(half, members, self.home, folder) for half in (NOTES, HEARD)}
        self.matches = self._match()

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

    def differences(self, view: View, quantity: Quantity) -> tuple[dict[int, Difference | None], dict[int, Costs]]:
        """The difference of each version that a view can hold against the reference, by place among the members.

        And what of its cost is that of another tempo, loudness and key, where it was played so.
        """
        differences: dict[int, Difference | None] = {}
        told_apart: dict[int, Costs] = {}
        for number, entry in enumerate(self.members):
            if entry is self.reference or reason_not_ranked(view, quantity, entry, self.reference) is not None:
                continue
            if view.is_of_notes:
                of_notes, scorer = self.notes[view.half], self.views.symbolic[view.report_keys[1]]
                differences[number], costs = of_notes.difference(number, scorer, quantity, excerpt=self.excerpt)
                if costs is not None:
                    told_apart[number] = costs
            else:
                differences[number] = self._difference_of_sound(number, view, quantity)
        return differences, told_apart

    def _difference_of_sound(self, number: int, view: View, quantity: Quantity) -> Difference | None:
        version, reference = (self._curve(self.members[place], view.name) for place in (number, self.home))
        match = self.matches[number]
        offset_seconds = None if match is None or match.is_mismatch else match.offset_seconds
        return shared_rows(version, reference, offset_seconds, *quantity.source).difference()

    def _curve(self, entry: ItemEntry, view: str) -> "dict[str, np.ndarray]":
        return read_table(self.folder / entry.curves[view])

    @property
    def compared_notes(self) -> "dict[int, PairedNotes]":
        """Whose notes tell the edits of each version, by place among the members: those of files, else heard ones."""
        return {number: self.notes[half] for half in (HEARD, NOTES) for number in self.notes[half].alignments}

    def edits(self) -> Edits:
        """The edits of each version that has notes, as the reference has, by id."""
        return {self.members[number].id: notes.edits(number) for number, notes in self.compared_notes.items()}

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
