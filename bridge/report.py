"""The report in the forms people and programs read: a table, JSON and CSV."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.views import SYMBOLIC_VIEWS, VIEWS
from losscal.files import atomic_path

REPORT_VERSION = 1
SYMBOLIC_KEYS = ("nll_nats", "end_nll_nats", "nll_nats_per_note", "bits_per_note", "nll_nats_per_second", "percentile")
AUDIO_KEYS = {
    "spectral_lm": (
        *("nll_nats", "nll_nats_per_second", "percentile", "typicality", "llr_nats_per_second", "llr_percentile"),
        "active_fraction",
    ),
    "musicgen": ("perplexity", "nll_nats_per_second", "cross_entropy"),
    "audiobox": ("CE", "CU", "PC", "PQ"),
}
ATTRIBUTES = ("time", "pitch", "duration", "velocity")
CSV_COLUMNS: dict[str, tuple[str, ...]] = {
    **{name: (name,) for name in ("id", "group", "midi", "wav", "rendered")},
    "notes": ("symbolic", "notes"),
    "seconds": ("symbolic", "seconds"),
    "audio_seconds": ("audio", "seconds"),
    **{f"{view}_{key}": ("symbolic", view, key) for view in SYMBOLIC_VIEWS for key in SYMBOLIC_KEYS},
    **{f"vqvae_{key}": ("symbolic", "vqvae", key) for key in ("code_nll_nats", "note_nll_nats", "mixture_nll_nats")},
    **{
        f"{view}_{attribute}_nats": ("symbolic", view, "by_attribute", attribute)
        for view in SYMBOLIC_VIEWS
        for attribute in ATTRIBUTES
    },
    **{f"{view}_{key}": ("audio", view, key) for view, keys in AUDIO_KEYS.items() for key in keys},
    **{f"match_{key}": ("match", key) for key in ("chroma_similarity", "offset_seconds")},
    "warnings": ("warnings",),
    "error": ("error",),
}
"""Column name of report.csv to where its value lies in an entry; the figures of plug-ins stand behind them."""


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
        columns = CSV_COLUMNS | {
            f"{view}_{key}": ("audio", view, key) for view, keys in _plugin_keys(report).items() for key in keys
        }
        writer = csv.writer(file)
        writer.writerow(columns)
        for entry in report["items"]:
            values = [_look_up(entry, keys) for keys in columns.values()]
            writer.writerow("; ".join(map(str, value)) if isinstance(value, list) else value for value in values)


def _look_up(entry: Mapping[str, Any], keys: Sequence[str]) -> Any:
    """The value at a path of keys, None where any part of the path is absent or null."""
    value: Any = entry
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def _plugin_keys(report: Mapping[str, Any]) -> dict[str, list[str]]:
    """The names of the figures of each plug-in that answered for any item, by view."""
    keys: dict[str, dict[str, None]] = {}
    for entry in report["items"]:
        for view, figures in (entry["audio"] or {}).items():
            if view not in (*VIEWS, "seconds") and "unavailable" not in figures:
                keys.setdefault(view, {}).update(dict.fromkeys(figures))
    return {view: list(names) for view, names in keys.items()}


ID_WIDTH, MAX_WIDTH = 40, 120
MAX_NAME = 16
TAIL_HEAD = "  sound   remarks"


@dataclass(frozen=True)
class Column:
    """One column of the table: its header, a width, where an entry's value lies, its form, and what it means."""

    header: str
    width: int
    keys: tuple[str, ...]
    form: str = "{:.2f}"
    legend: str = ""

    def text(self, entry: Mapping[str, Any]) -> str:
        """The cell, right-aligned; "-" where the entry holds no value."""
        value = _look_up(entry, self.keys)
        return ("-" if value is None else self.form.format(value)).rjust(self.width)


@dataclass(frozen=True)
class Section:
    """The columns of one view, under its name."""

    view: str
    columns: tuple[Column, ...]

    @property
    def width(self) -> int:
        """Characters of a row."""
        return sum(column.width for column in self.columns)

    def header(self) -> str:
        """The second header line."""
        return "".join(column.header.rjust(column.width) for column in self.columns)

    def text(self, entry: Mapping[str, Any]) -> str:
        """The cells of an entry."""
        return "".join(column.text(entry) for column in self.columns)


_BITS = {
    "events": "bits/note: surprise of the notes; lower is likelier.",
    "vqvae": "bits/note of vqvae: an upper bound of the notes' surprise; lower is likelier.",
}
_NATS = "nats/s: surprise of the sound's semitone-band frames; lower is likelier."
_LLR = "llr/s: nats/s by which the sound is likelier than under a model of shuffled notes; higher is more musical."
_PERCENTILE = "pct: per cent of held-out real windows that are less likely; 100: likelier than all."
_PERPLEXITY = "ppl: perplexity of EnCodec codes under MusicGen (weights CC-BY-NC); lower is likelier."
_RATINGS = (
    "CE, CU, PC, PQ: enjoyment, usefulness, complexity, quality as learned from listeners, 1 to 10; no likelihoods."
)
_LM = ("audio", "spectral_lm")
SECTIONS = (
    Section(
        "",
        (Column("notes", 7, ("symbolic", "notes"), "{}"), Column("seconds", 8, ("symbolic", "seconds"), "{:.1f}")),
    ),
    *(
        Section(
            view,
            (
                Column("bits/note", 10, ("symbolic", view, "bits_per_note"), legend=_BITS[view]),
                Column("pct", 4, ("symbolic", view, "percentile"), "{:.0f}", _PERCENTILE),
            ),
        )
        for view in SYMBOLIC_VIEWS
    ),
    Section(
        "spectral_lm",
        (
            Column("nats/s", 8, (*_LM, "nll_nats_per_second"), "{:.1f}", _NATS),
            Column("pct", 4, (*_LM, "percentile"), "{:.0f}", _PERCENTILE),
            Column("llr/s", 7, (*_LM, "llr_nats_per_second"), "{:.1f}", _LLR),
        ),
    ),
    Section("musicgen", (Column("ppl", 10, ("audio", "musicgen", "perplexity"), "{:.1f}", _PERPLEXITY),)),
    Section(
        "audiobox",
        tuple(Column(axis, 5, ("audio", "audiobox", axis), "{:.1f}", _RATINGS) for axis in AUDIO_KEYS["audiobox"]),
    ),
)
"""What the table can show of our views."""


def table(report: Mapping[str, Any]) -> str:
    """The report as text of at most 120 columns: a row an item, the likeliest of a group first, then what to know.

    Columns that are empty throughout are left out. Where the rest does not fit, blocks of rows stand one below another.
    """
    remarks: dict[str, int] = {}
    rows = list(_rows(report["items"]))
    tails = ["" if isinstance(row, str) else _tail(row, remarks) for row in rows]
    *blocks, last = _packed(_shown(report))
    lines = [line for sections in blocks for line in _block(sections, rows, [""] * len(rows), "")]
    lines += _block(last, rows, tails, TAIL_HEAD)
    legend = [column.legend for sections in (*blocks, last) for section in sections for column in section.columns]
    told = [f"[{number}] {text}" for text, number in remarks.items()]
    return "\n".join([*lines, *dict.fromkeys(filter(None, legend)), *told])


def _shown(report: Mapping[str, Any]) -> Iterator[Section]:
    """The sections of which any item has a value, with those columns alone; of a plug-in its first figure."""
    plugins = [_plugin_section(view, key, report["units"][view]) for view, (key, *_) in _plugin_keys(report).items()]
    for section in (*SECTIONS, *plugins):
        filled = [
            column
            for column in section.columns
            if any(_look_up(entry, column.keys) is not None for entry in report["items"])
        ]
        if filled:
            yield Section(section.view, tuple(filled))


def _plugin_section(view: str, key: str, unit: str) -> Section:
    view_name, figure = view[:MAX_NAME], key[:MAX_NAME]
    width = max(len(view_name), len(figure), 6) + 2
    return Section(view_name, (Column(figure, width, ("audio", view, key), "{:.4g}", f"{view}: {unit}."),))


def _packed(sections: Iterable[Section]) -> list[list[Section]]:
    """As many sections beside each other as fit, in blocks; one empty block where there is none."""
    blocks: list[list[Section]] = [[]]
    room = available = MAX_WIDTH - ID_WIDTH - len(TAIL_HEAD)
    for section in sections:
        if section.width > room and blocks[-1]:
            blocks.append([])
            room = available
        blocks[-1].append(section)
        room -= section.width
    return blocks


def _rows(entries: Iterable[Mapping[str, Any]]) -> Iterator[str | Mapping[str, Any]]:
    """The entries in the order of the table, the heading of a group before its own."""
    entries_of_group: dict[str | None, list[Mapping[str, Any]]] = {}
    for entry in entries:
        entries_of_group.setdefault(entry["group"], []).append(entry)
    for group, of_group in entries_of_group.items():
        if group is not None:
            yield f"group {group}"
        yield from sorted(of_group, key=_rank)


def _block(
    sections: Sequence[Section], rows: Sequence[str | Mapping[str, Any]], tails: Sequence[str], tail_head: str
) -> list[str]:
    """The lines of a table that shows `sections`: two of header, then the rows between rules."""
    views = "".join(section.view.center(section.width) for section in sections)
    headers = "".join(section.header() for section in sections)
    head = [f"{'':<{ID_WIDTH}}{views}".rstrip(), f"{'item':<{ID_WIDTH}}{headers}{tail_head}"]
    rule = "-" * max(map(len, head))
    lines = []
    for row, tail in zip(rows, tails, strict=True):
        if isinstance(row, str):
            lines.append(row)
            continue
        name = row["id"] if len(row["id"]) < ID_WIDTH else "…" + row["id"][2 - ID_WIDTH :]
        cells = "".join(section.text(row) for section in sections)
        lines.append(f"{name:<{ID_WIDTH}}{cells}{tail}".rstrip())
    return [*head, rule, *lines, rule]


def _tail(entry: Mapping[str, Any], remarks: dict[str, int]) -> str:
    """What stands behind an entry's numbers; its remarks are numbered in `remarks`, the same text under one number."""
    sound = "-" if entry["audio"] is None else "render" if entry["rendered"] else "file"
    marks = "".join(f"[{remarks.setdefault(text, len(remarks) + 1)}]" for text in _remarks(entry))
    return f"  {sound:<6}  {'failed ' if entry['error'] else ''}{marks}"


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
    for view in SYMBOLIC_VIEWS:
        bits = _look_up(entry, ("symbolic", view, "bits_per_note"))
        if bits is not None:
            return (0, bits)
    for place, keys in enumerate(((*_LM, "nll_nats_per_second"), ("audio", "musicgen", "perplexity"))):
        surprise = _look_up(entry, keys)
        if surprise is not None:
            return (1 + 2 * place + (not entry["rendered"]), surprise)
    return (5, 0.0)
