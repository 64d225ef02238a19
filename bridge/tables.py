"""The tables that stand beside a report: the nats of an item's notes, and how its sound fares over time."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from losscal.files import atomic_path


@dataclass(frozen=True)
class Tables:
    """One item's tables.

    folder: where the report lies; the paths returned are those below it. number: of the item in the report, from 1.
    """

    folder: Path
    number: int

    def write_per_note(self, performance: Any, scores: Mapping[str, Any]) -> str:
        """Write one line a note: what it is, and its nats by view and attribute; returns the path.

        performance: Performance of N notes; scores: {view: SymbolicScore}, whose `note_nats` are float64 [N, 4]. A
        model with codes adds what the note's codes took of them, and the exact figure that its bound stands above.
        """
        from symbolic import events
        from symbolic.performance import TICK_SECONDS, VELOCITY_OF_BIN

        notes = performance.notes
        columns = {
            "onset_seconds": [f"{ticks * TICK_SECONDS:.2f}" for ticks in notes["onset_ticks"]],
            "duration_seconds": [f"{ticks * TICK_SECONDS:.2f}" for ticks in notes["duration_ticks"]],
            "pitch": notes["pitch"].tolist(),
            "velocity": VELOCITY_OF_BIN[notes["velocity_bin"]].tolist(),
        }
        for view, score in scores.items():
            shares = dict(zip(events.ATTRIBUTES, score.note_nats.T, strict=True))
            shares |= {term: nats.sum(axis=1) for term, nats in score.term_nats.items() if term != "value"}
            for name, nats in shares.items():
                columns[f"{view}_{name}_nats"] = [f"{value:.4f}" for value in nats]
        return self._write("per_note", f"{self.number:04d}", columns)

    def write_curve(self, view: str, curve: Mapping[str, Sequence[float]]) -> str:
        """Write how a view fares over time, one line a second: its columns by name; returns the path."""
        columns = {name: [f"{value:.4f}" for value in values] for name, values in curve.items()}
        return self._write("curves", f"{self.number:04d}_{view}", columns)

    def _write(self, kind: str, name: str, columns: Mapping[str, Sequence[Any]]) -> str:
        """Write columns of equal length as KIND/NAME.csv below the folder."""
        below = f"{kind}/{name}.csv"
        with atomic_path(self.folder / below) as path, open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
        return below
