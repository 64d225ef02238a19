"""The notes of a reference and its versions, paired once for all views: those of files, or those heard in recordings.

Heard notes are compared with heard ones; where one side has only a file, with those that are read there. How long and
how loud a note was cannot be heard to the same exactness in any two sounds, so these are no differences between heard
notes, nor are times that lie as near to each other as recordings' clocks.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.items.entry import ItemEntry
from bridge.items.tables import performance_of, read_table
from bridge.versions.differences import Difference
from bridge.versions.shared_time import per_note_columns, shared_notes
from bridge.versions.told_apart import Costs, played, taken_out
from losscal.views import HEARD, REPORT_KEYS, Half, Quantity
from symbolic.notes.alignment import AS_HEARD, AS_READ, Edit, align, edits

if TYPE_CHECKING:
    from bridge.views.notes import SymbolicScorer
    from symbolic.notes.alignment import Alignment


class PairedNotes:
    """half: whose notes. tables, performances: by place among the members; alignments, played: of those paired."""

    def __init__(self, half: Half, members: Sequence[ItemEntry], home: int, folder: Path) -> None:
        self.is_heard, self.home = half == HEARD, home
        paths = {number: _path(entry, half) for number, entry in enumerate(members)}
        tables = {number: read_table(folder / path) for number, path in paths.items() if path is not None}
        self.starts = {number: table["onset_seconds"][0] for number, table in tables.items()}
        self.tables = {
            number: table | {"onset_seconds": table["onset_seconds"] - table["onset_seconds"][0]}
            for number, table in tables.items()
        }
        self.performances = {number: performance_of(table) for number, table in tables.items()}
        is_heard = {number for number in tables if members[number].heard is not None}
        self.alignments: dict[int, Alignment] = {
            number: align(performance, self.performances[home])
            for number, performance in self.performances.items()
            if home in self.performances and number != home and (not self.is_heard or is_heard & {number, home})
        }
        self.played = {
            number: played(self.performances[number], self.performances[home], alignment)
            for number, alignment in self.alignments.items()
        }

    def difference(
        self, number: int, scorer: "SymbolicScorer", quantity: Quantity, *, excerpt: bool
    ) -> tuple[Difference | None, Costs | None]:
        """The difference of the notes as played in the reference's way, and what the version's own way costs.

        number: of a version with an alignment.
        """
        alignment, reference = self.alignments[number], self.tables[self.home]
        name, source = scorer.name, quantity.source
        before = shared_notes(self.tables[number], reference, alignment.time_map, name, source).difference()
        sides = self.performances[number], self.performances[self.home]
        stages = list(taken_out(*sides, alignment, self.played[number], are_heard=self.is_heard))
        if before is None or not stages:
            return before, None
        scores = scorer.score([notes for _, notes, _ in stages], excerpt=excerpt)
        nats: dict[str, float] = {}
        after = before
        for (what, notes, time_map), score in zip(stages, scores, strict=True):
            table = per_note_columns(name, notes, score)
            left = shared_notes(table, reference, time_map, name, source).difference()
            if left is None:
                return before, None
            nats[what], after = after.nats - left.nats, left
        return after, Costs(float(scores[-1].report()[quantity.key]), nats)

    def edits(self, number: int) -> tuple[Edit, ...]:
        """The edits of a version with an alignment, by the time of its file or recording."""
        tolerance = AS_HEARD if self.is_heard else AS_READ
        sides = self.performances[number], self.performances[self.home]
        told = edits(*sides, self.alignments[number], tolerance)
        return tuple(edit.later(self.starts[number], self.starts[self.home]) for edit in told)


def _path(entry: ItemEntry, half: Half) -> str | None:
    """Of the table of an entry's notes; of who has none that were heard, of those read."""
    own = entry.per_note.get(REPORT_KEYS[half])
    return entry.per_note.get("symbolic") if own is None and half == HEARD else own
