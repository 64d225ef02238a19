"""The report in the forms people and programs read: a table, JSON, CSV, and one table of per-note nats an item."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from losscal.files import atomic_path

REPORT_VERSION = 1
ID_WIDTH = 40
LEGEND = (
    "bits/note: surprise of the notes; nats/s: surprise of the sound's semitone-band frames; lower is likelier.\n"
    "pct: per cent of held-out real windows that are less likely; 100: likelier than all. vqvae is an upper bound."
)
SYMBOLIC_KEYS = ("nll_nats", "end_nll_nats", "nll_nats_per_note", "bits_per_note", "nll_nats_per_second", "percentile")
AUDIO_KEYS = ("nll_nats", "nll_nats_per_second", "llr_nats_per_second", "percentile", "typicality", "active_fraction")
ATTRIBUTES = ("time", "pitch", "duration", "velocity")
CSV_COLUMNS: dict[str, tuple[str, ...]] = {
    **{name: (name,) for name in ("id", "group", "midi", "wav", "rendered")},
    "notes": ("symbolic", "notes"),
    "seconds": ("symbolic", "seconds"),
    "audio_seconds": ("audio", "seconds"),
    **{f"{view}_{key}": ("symbolic", view, key) for view in ("events", "vqvae") for key in SYMBOLIC_KEYS},
    **{f"vqvae_{key}": ("symbolic", "vqvae", key) for key in ("code_nll_nats", "note_nll_nats", "mixture_nll_nats")},
    **{
        f"{view}_{attribute}_nats": ("symbolic", view, "by_attribute", attribute)
        for view in ("events", "vqvae")
        for attribute in ATTRIBUTES
    },
    **{f"spectral_lm_{key}": ("audio", "spectral_lm", key) for key in AUDIO_KEYS},
    "warnings": ("warnings",),
    "error": ("error",),
}
"""Column name of report.csv to where its value lies in an entry of the report."""


def to_json(report: Mapping[str, Any]) -> str:
    """The report as JSON text; raises ValueError for NaN and infinities, which JSON has no word for."""
    return json.dumps(report, allow_nan=False, indent=2)


def write_report(report: Mapping[str, Any], folder: Path) -> None:
    """Write report.json and report.csv into `folder`."""
    with atomic_path(folder / "report.json") as path:
        path.write_text(to_json(report) + "\n", encoding="utf-8")
    with (
        atomic_path(folder / "report.csv") as path,
        open(path, "w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(CSV_COLUMNS)
        for entry in report["items"]:
            values = [_look_up(entry, keys) for keys in CSV_COLUMNS.values()]
            writer.writerow("; ".join(value) if isinstance(value, list) else value for value in values)


def write_per_note(path: Path, performance: Any, scores: Mapping[str, Any]) -> None:
    """Write one line a note: what it is, and its nats by view and attribute.

    performance: Performance of N notes; scores: {view: SymbolicScore}, whose `note_nats` are float64 [N, 4]. A model
    with codes adds what the note's codes took of them, and the exact figure that its bound stands above.
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
    with atomic_path(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def _look_up(entry: Mapping[str, Any], keys: Sequence[str]) -> Any:
    """The value at a path of keys, None where any part of the path is absent or null."""
    value: Any = entry
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


@dataclass(frozen=True)
class Column:
    """One column of the table: two header lines, a width, and the text of an entry's cell."""

    view: str
    unit: str
    width: int
    keys: tuple[str, ...]
    form: str = "{}"

    def text(self, entry: Mapping[str, Any]) -> str:
        """The cell, right-aligned; "-" where the entry holds no value."""
        value = _look_up(entry, self.keys)
        return ("-" if value is None else self.form.format(value)).rjust(self.width)


COLUMNS = (
    Column("", "notes", 7, ("symbolic", "notes")),
    Column("", "seconds", 8, ("symbolic", "seconds"), "{:.1f}"),
    Column("events", "bits/note", 10, ("symbolic", "events", "bits_per_note"), "{:.2f}"),
    Column("", "pct", 4, ("symbolic", "events", "percentile"), "{:.0f}"),
    Column("vqvae", "bits/note", 10, ("symbolic", "vqvae", "bits_per_note"), "{:.2f}"),
    Column("", "pct", 4, ("symbolic", "vqvae", "percentile"), "{:.0f}"),
    Column("spectral_lm", "nats/s", 12, ("audio", "spectral_lm", "nll_nats_per_second"), "{:.1f}"),
    Column("", "pct", 4, ("audio", "spectral_lm", "percentile"), "{:.0f}"),
)


def table(report: Mapping[str, Any]) -> str:
    """The report as text of at most 120 columns: a row an item, the likeliest of a group first, then what to know."""
    remarks: dict[str, int] = {}
    lines = []
    entries_of_group: dict[str | None, list[Mapping[str, Any]]] = {}
    for entry in report["items"]:
        entries_of_group.setdefault(entry["group"], []).append(entry)
    for group, entries in entries_of_group.items():
        if group is not None:
            lines.append(f"group {group}")
        lines += [_row(entry, remarks) for entry in sorted(entries, key=_rank)]
    head = [
        _head(lambda column: column.view, "").rstrip(),
        _head(lambda column: column.unit, "item") + "  sound   remarks",
    ]
    rule = "-" * max(map(len, head))
    told = [f"[{number}] {text}" for text, number in remarks.items()]
    return "\n".join([*head, rule, *lines, rule, LEGEND, *told])


def _head(text: Callable[[Column], str], first: str) -> str:
    return first.ljust(ID_WIDTH) + "".join(text(column).rjust(column.width) for column in COLUMNS)


def _row(entry: Mapping[str, Any], remarks: dict[str, int]) -> str:
    """An entry's row; its remarks are numbered in `remarks`, the same text under the same number."""
    name = entry["id"] if len(entry["id"]) < ID_WIDTH else "…" + entry["id"][2 - ID_WIDTH :]
    sound = "-" if entry["audio"] is None else "render" if entry["rendered"] else "file"
    marks = "".join(f"[{remarks.setdefault(text, len(remarks) + 1)}]" for text in _remarks(entry))
    cells = "".join(column.text(entry) for column in COLUMNS)
    return f"{name.ljust(ID_WIDTH)}{cells}  {sound:<6}  {'failed ' if entry['error'] else ''}{marks}".rstrip()


def _remarks(entry: Mapping[str, Any]) -> list[str]:
    """What an entry has to say beside its numbers: its error, its warnings, the views it lacks."""
    unavailable = [
        f"{view}: unavailable, {keys['unavailable']}"
        for half in ("symbolic", "audio")
        for view, keys in (entry[half] or {}).items()
        if isinstance(keys, Mapping) and "unavailable" in keys
    ]
    return ([entry["error"]] if entry["error"] else []) + entry["warnings"] + unavailable


def _rank(entry: Mapping[str, Any]) -> tuple[int, float]:
    """Likeliest first by the first view with a number; renderings and recordings apart, what has none at the end."""
    for view in ("events", "vqvae"):
        bits = _look_up(entry, ("symbolic", view, "bits_per_note"))
        if bits is not None:
            return (0, bits)
    nats = _look_up(entry, ("audio", "spectral_lm", "nll_nats_per_second"))
    return (3, 0.0) if nats is None else (1 if entry["rendered"] else 2, nats)
