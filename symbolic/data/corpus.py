"""A prepared corpus on disk: all notes in one memory-mapped array, one line of facts a piece.

Written by `python -m symbolic.prepare`, read with nothing but numpy, so that training runs where no MIDI library is.
"""

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import IO, Any

import numpy as np

from losscal.errors import InputError, told_as_damage
from losscal.files import atomic_path, sha256_of
from losscal.text import csv_cell, text_of_csv_cell
from symbolic.notes.performance import NOTE_DTYPE, Performance

NOTES_FILE, PIECES_FILE, REJECTS_FILE, SUMMARY_FILE = "notes.npy", "pieces.csv", "rejects.csv", "summary.json"
SPLITS = ("train", "validation", "test")
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Piece:
    """One piece of a corpus; its notes are start..stop-1 of the corpus's array.

    sha256 is of the MIDI file's bytes; composer and era are "" where unknown; work_group is the key that fixed the
    split; flags are words of `symbolic.data.flags.FLAGS`, repairs counts by `symbolic.notes.cleaning.REPAIRS`.
    """

    sha256: str
    name: str
    composer: str
    era: str
    work_group: str
    split: str
    start: int
    stop: int
    seconds: float
    flags: tuple[str, ...]
    repairs: dict[str, int]

    @property
    def n_notes(self) -> int:
        """How many notes it has."""
        return self.stop - self.start

    def to_row(self) -> dict[str, Any]:
        """The piece as a line of pieces.csv."""
        return {
            **{field.name: getattr(self, field.name) for field in fields(self)},
            "seconds": f"{self.seconds:.2f}",
            "flags": " ".join(self.flags),
            "repairs": json.dumps(self.repairs),
        }

    @classmethod
    def from_row(cls, row: dict[str, str]) -> "Piece":
        """The inverse of `to_row`."""
        typed: dict[str, Any] = {
            **row,
            "start": int(row["start"]),
            "stop": int(row["stop"]),
            "seconds": float(row["seconds"]),
            "flags": tuple(row["flags"].split()),
            "repairs": json.loads(row["repairs"]),
        }
        return cls(**typed)


@dataclass(frozen=True)
class Corpus:
    """The pieces of a prepared folder and their notes (memory-mapped NOTE_DTYPE array [all notes])."""

    folder: Path
    pieces: tuple[Piece, ...]
    notes: np.ndarray
    summary: dict[str, Any]

    @classmethod
    def open(cls, folder: str | Path) -> "Corpus":
        """Open what `python -m symbolic.prepare` wrote.

        Raises InputError where it is absent, damaged or of another format.
        """
        folder = Path(folder)
        prepare_again = f"run python -m symbolic.prepare SOURCE --out {folder} again"
        if not (folder / SUMMARY_FILE).is_file():
            raise InputError(
                f"{folder}: holds no prepared corpus; run python -m symbolic.prepare SOURCE --out {folder} first."
            )
        with told_as_damage(folder, prepare_again):
            summary = json.loads((folder / SUMMARY_FILE).read_text(encoding="utf-8"))
            if summary.get("version") != FORMAT_VERSION:
                raise InputError(
                    f"{folder}: is of cache format {summary.get('version')}, needed is {FORMAT_VERSION}; "
                    f"{prepare_again}."
                )
            with open(folder / PIECES_FILE, newline="", encoding="utf-8") as file:
                rows = ({name: text_of_csv_cell(cell) for name, cell in row.items()} for row in csv.DictReader(file))
                pieces = tuple(map(Piece.from_row, rows))
            notes = np.load(folder / NOTES_FILE, mmap_mode="r")
        counted = pieces[-1].stop if pieces else 0
        if notes.dtype != NOTE_DTYPE or notes.shape != (counted,):
            raise InputError(
                f"{folder}: damaged, {NOTES_FILE} holds {notes.dtype} {notes.shape} where {PIECES_FILE} counts "
                f"{counted} notes; {prepare_again}."
            )
        return cls(folder, pieces, notes, summary)

    @property
    def data_hash(self) -> str:
        """SHA-256 over the bytes of notes.npy and pieces.csv: names the data a model was trained on."""
        return self.summary["data_hash"]

    def of_split(self, split: str) -> tuple[Piece, ...]:
        """The pieces of "train", "validation" or "test"."""
        if split not in SPLITS:
            raise ValueError(f"split {split!r}: need one of {', '.join(SPLITS)}")
        return tuple(piece for piece in self.pieces if piece.split == split)

    def performance(self, piece: Piece) -> Performance:
        """The notes of `piece`, copied into memory."""
        return Performance(np.array(self.notes[piece.start : piece.stop]))


def write_corpus(
    folder: str | Path,
    pieces: Sequence[Piece],
    performances: Iterable[Performance],
    rejects: Sequence[tuple[str, str]],
    source: str,
) -> dict[str, Any]:
    """Write a prepared folder, the summary last; returns the summary.

    `pieces[i].start` and `stop` must delimit `performances[i]` in their concatenation; rejects: (name, reason).
    """
    folder = Path(folder)
    (folder / SUMMARY_FILE).unlink(missing_ok=True)  # a run that is cut short leaves no corpus, not half a new one
    with atomic_path(folder / NOTES_FILE) as path, open(path, "wb") as file:
        _save_notes(file, pieces[-1].stop, performances)
    with atomic_path(folder / PIECES_FILE) as path, open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Piece)])
        writer.writeheader()
        writer.writerows({name: csv_cell(cell) for name, cell in piece.to_row().items()} for piece in pieces)
    with atomic_path(folder / REJECTS_FILE) as path, open(path, "w", newline="", encoding="utf-8") as file:
        writer_of_rejects = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
        writer_of_rejects.writerow(("name", "reason"))
        writer_of_rejects.writerows(map(csv_cell, reject) for reject in rejects)
    summary = _summarise(folder, pieces, len(rejects), source)
    with atomic_path(folder / SUMMARY_FILE) as path:
        path.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return summary


def _save_notes(file: IO[bytes], n_notes: int, performances: Iterable[Performance]) -> None:
    """As `numpy.save` writes all notes in a row, a piece at a time."""
    shape = {"descr": np.lib.format.dtype_to_descr(NOTE_DTYPE), "fortran_order": False, "shape": (n_notes,)}
    np.lib.format.write_array_header_1_0(file, shape)
    for performance in performances:
        file.write(performance.notes.tobytes())


def _summarise(folder: Path, pieces: Sequence[Piece], reject_count: int, source: str) -> dict[str, Any]:
    repairs: dict[str, int] = {}
    for piece in pieces:
        for kind, count in piece.repairs.items():
            repairs[kind] = repairs.get(kind, 0) + count
    splits = {}
    for split in SPLITS:
        own = [piece for piece in pieces if piece.split == split]
        splits[split] = {
            "pieces": len(own),
            "notes": sum(piece.n_notes for piece in own),
            "hours": round(sum(piece.seconds for piece in own) / 3600, 3),
        }
    return {
        "version": FORMAT_VERSION,
        "source": source,
        "kept": len(pieces),
        "rejected": reject_count,
        "notes": sum(piece.n_notes for piece in pieces),
        "hours": round(sum(piece.seconds for piece in pieces) / 3600, 3),
        "splits": splits,
        "repairs": dict(sorted(repairs.items())),
        "data_hash": sha256_of(folder / NOTES_FILE, folder / PIECES_FILE),
    }
