"""The tables that stand beside a report: the nats of an item's notes, and how its sound fares over time.

They are written while items are scored and read again where versions are compared and the report is written, so that of
any number of items only those looked at are in memory.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from losscal.errors import InputError
from losscal.files import atomic_path

if TYPE_CHECKING:
    from bridge.items.finding import Item
    from bridge.views.notes import NotesScore
    from symbolic.notes.performance import Performance

STEM_LENGTH, HASH_LENGTH = 40, 8


@dataclass(frozen=True)
class Tables:
    """One item's tables.

    folder: where the report lies; the paths returned are those below it. name: of the tables, without suffix.
    """

    folder: Path
    name: str

    @classmethod
    def of(cls, item: "Item", folder: Path) -> "Tables":
        """The tables of an item: named by its file's stem, and by a hash that keeps equal stems apart."""
        stem = re.sub(r"[^\w-]+", "_", (item.midi or item.wav).stem)[:STEM_LENGTH]
        told_apart = sha256(repr((item.id, item.midi, item.wav)).encode("utf-8", "surrogateescape")).hexdigest()
        return cls(folder, f"{stem}-{told_apart[:HASH_LENGTH]}")

    def write_per_note(
        self, performance: "Performance", scores: Mapping[str, "NotesScore"], suffix: str = "", start_seconds: float = 0
    ) -> str:
        """Write one line a note: what it is, and its nats by view and part; returns the path.

        performance: of N notes. suffix: of the table's name. start_seconds: when its first note begins. A model with
        codes adds what the note's codes took of them, and the exact figure that its bound stands above.
        """
        from symbolic.notes.performance import TICK_SECONDS, VELOCITY_OF_BIN

        notes = performance.notes
        columns = {
            "onset_seconds": [f"{start_seconds + ticks * TICK_SECONDS:.2f}" for ticks in notes["onset_ticks"]],
            "duration_seconds": [f"{ticks * TICK_SECONDS:.2f}" for ticks in notes["duration_ticks"]],
            "pitch": notes["pitch"].tolist(),
            "velocity": VELOCITY_OF_BIN[notes["velocity_bin"]].tolist(),
        }
        for view, score in scores.items():
            for name, nats in nats_columns(view, score).items():
                columns[name] = [f"{value:.4f}" for value in nats]
        return self._write("per_note", self.name + suffix, columns)

    def write_curve(self, view: str, curve: Mapping[str, Sequence[float]]) -> str:
        """Write how a view fares over time, one line a second: its columns by name; returns the path."""
        columns = {name: [f"{value:.4f}" for value in values] for name, values in curve.items()}
        return self._write("curves", f"{self.name}_{view}", columns)

    def _write(self, kind: str, name: str, columns: Mapping[str, Sequence[Any]]) -> str:
        """Write columns of equal length as KIND/NAME.csv below the folder."""
        below = f"{kind}/{name}.csv"
        with atomic_path(self.folder / below) as path, open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
        return below


def nats_columns(view: str, score: "NotesScore") -> "dict[str, np.ndarray]":
    """The nats of N notes by the names that a per-note table gives them."""
    return {f"{view}_{part}_nats": nats for part, nats in score.note_columns().items()}


def table_header(path: Path) -> list[str]:
    """The columns' names; raises InputError where the table is not there or empty."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            names = next(csv.reader(file), None)
    except FileNotFoundError as error:
        raise InputError(f"{path}: named in the report but not there; write the report beside its tables.") from error
    if names is None:
        raise InputError(f"{path}: is empty; delete it and run again.")
    return names


def read_table(path: Path) -> dict[str, np.ndarray]:
    """Columns by name, float64 [rows]; raises InputError where the table is not there."""
    names = table_header(path)
    return dict(zip(names, np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2).T, strict=True))


def performance_of(table: Mapping[str, np.ndarray]) -> "Performance":
    """The notes of a per-note table, the first at 0."""
    from symbolic.notes.performance import NOTE_DTYPE, TICK_SECONDS, Performance, nearest_velocity_bin

    notes = np.zeros(len(table["pitch"]), dtype=NOTE_DTYPE)
    notes["onset_ticks"] = np.rint((table["onset_seconds"] - table["onset_seconds"][0]) / TICK_SECONDS)
    notes["duration_ticks"] = np.rint(table["duration_seconds"] / TICK_SECONDS)
    notes["pitch"] = table["pitch"]
    notes["velocity_bin"] = nearest_velocity_bin(table["velocity"])
    return Performance(notes)
