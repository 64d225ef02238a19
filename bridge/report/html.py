"""report.html: the report as one page that opens without a network, in any browser, and prints.

The page carries the report as JSON and, for each item, a block of its notes, curves and sound clips (deflated, in
base64) that its script unpacks when a reader opens the item: so a report of a thousand items opens as fast as one of
ten. Users' words are never markup: they stand in JSON, become text nodes, and a policy in the page's head lets nothing
run or load but what was written here.
"""

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from bridge.items.entry import ItemEntry
from bridge.items.part import told_of
from bridge.items.tables import read_table
from bridge.report.clips import MAX_CLIP_ITEMS, clips_of, compared_seconds, has_own_sound, passages_of
from bridge.report.columns import figure_column, units_of
from bridge.report.report import Report
from bridge.report.table import shown_sections
from losscal.errors import InputError
from losscal.views import View

TEMPLATES = Path(__file__).parent / "templates"
SCRIPTS = ("dom", "sound", "roll", "table", "item", "group", "report")
"""In the order they are to run; each may use those before it."""
STEPS_PER_SECOND, STEPS_PER_NAT = 100, 100
"""Times and nats of notes are embedded in whole steps: 10 ms, as notes are scored, and hundredths of a nat."""
NO_CLIPS: Mapping[str, Any] = {"clips": {}, "passages": []}
DEFLATE_LEVEL = 4
"""Six times as fast as zlib's default, for 4 % more bytes."""


def write_html(report: Report, path: Path, folder: Path) -> None:
    """Write the page of a report whose tables lie below `folder`; raises InputError where one is not there."""
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(pieces_of_page(report, folder))


def pieces_of_page(report: Report, folder: Path, *, is_item: bool = False) -> Iterator[str]:
    """The page of a report whose tables lie below `folder`, piece by piece; raises InputError where one is not there.

    is_item: of its only item alone, without what a report says beside.
    """
    own_sound = [entry for entry in report.items if has_own_sound(entry)]
    with_clips = len(own_sound) <= MAX_CLIP_ITEMS
    views = report.views().values()
    compared = compared_seconds(report)
    yield _head(report, "" if with_clips else _no_clips(len(own_sound)), is_item)
    for place, entry in enumerate(report.items):
        data = item_data(entry, folder, with_clips, views, compared.get(entry.id, ()))
        if data:
            yield f'<script type="text/plain" id="item-{place}">{_packed(data)}</script>\n'
    yield "</body>\n</html>\n"


def item_data(
    entry: ItemEntry, folder: Path, with_clips: bool, views: Iterable[View], compared: Sequence[float] = ()
) -> dict[str, Any]:
    """What the page draws and plays of an item, as the typedef ItemData of templates/dom.js says; {} for nothing.

    Onsets are differences to the note before. compared: when its recording differs from what it is held against.
    """
    if not entry.tables:
        return {}
    of_halves = [_of_notes(read_table(folder / path), key, views) for key, path in entry.per_note.items()]
    curve_tables = {view: read_table(folder / path) for view, path in entry.curves.items()}
    starts = [columns["start_seconds"][0] for columns in curve_tables.values()] if "symbolic" in entry.per_note else []
    sound_start = float(max(starts, default=0.0))  # some views tell where the sound begins, the others count from 0
    return {
        **(of_halves[0] if of_halves else {"notes": None, "nats": {}}),
        "heard": of_halves[1] if len(of_halves) > 1 else None,
        "curves": {
            view: {name: values.tolist() for name, values in columns.items()} for view, columns in curve_tables.items()
        },
        "sound_start": sound_start,
        **(_clips(entry, sound_start, compared) if with_clips else NO_CLIPS),
    }


def _of_notes(table: Mapping[str, np.ndarray], half_key: str, views: Iterable[View]) -> dict[str, Any]:
    """Notes and nats of the half that a report calls half_key."""
    return {
        "notes": _notes(table),
        "nats": {
            view: {attribute: _steps(nats, STEPS_PER_NAT).tolist() for attribute, nats in by_attribute.items()}
            for view, by_attribute in _nats(table, half_key, views)
        },
    }


def _clips(entry: ItemEntry, sound_start: float, compared: Sequence[float]) -> Mapping[str, Any]:
    """The clips of an item; none where its recording was taken away or replaced since it was scored."""
    try:
        with told_of(entry.id):
            return {"clips": clips_of(entry, sound_start), "passages": passages_of(entry, compared)}
    except InputError:
        return NO_CLIPS


def _notes(table: Mapping[str, np.ndarray]) -> dict[str, list[int]]:
    onset = _steps(table["onset_seconds"], STEPS_PER_SECOND)
    return {
        "onset": np.diff(onset, prepend=0).tolist(),
        "duration": _steps(table["duration_seconds"], STEPS_PER_SECOND).tolist(),
        "pitch": table["pitch"].astype(int).tolist(),
        "velocity": table["velocity"].astype(int).tolist(),
    }


def _nats(
    table: Mapping[str, np.ndarray], half_key: str, views: Iterable[View]
) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Each view of that half's notes that the table knows, with the parts of a note's nats it goes by, [N] each."""
    for key, view_key, parts in ((*view.report_keys, view.note_parts) for view in views):
        names = {part: f"{view_key}_{part}_nats" for part in parts}
        if key == half_key and names and table.keys() >= set(names.values()):
            yield view_key, {part: table[name] for part, name in names.items()}


def _steps(values: np.ndarray, per_unit: int) -> np.ndarray:
    return np.rint(values * per_unit).astype(np.int64)


def _packed(data: Mapping[str, Any]) -> str:
    return base64.b64encode(zlib.compress(_json(data).encode(), DEFLATE_LEVEL)).decode("ascii")


def _json(value: Any) -> str:
    """JSON in ASCII that can stand inside a script element: no `<` that could end it."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _head(report: Report, note: str, is_item: bool) -> str:
    """The page up to the items' blocks."""
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    scripts = "\n".join((TEMPLATES / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    script = f'(() => {{\n"use strict";\n{scripts}}})();\n'
    page = Template((TEMPLATES / "report.html").read_text(encoding="utf-8"))
    return page.substitute(
        style=style,
        script=script,
        style_hash=_integrity(style),
        script_hash=_integrity(script),
        report=_json(report.by_keys()),
        layout=_json(_layout(report, note) | {"is_item": is_item}),
    )


def _integrity(text: str) -> str:
    """As a Content-Security-Policy names what may run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _layout(report: Report, note: str) -> dict[str, Any]:
    """What the page shows of the report, as the typedef Layout of templates/dom.js says."""
    views = report.views()
    return {
        "sections": [
            {
                "view": section.view,
                "columns": [
                    {"keys": column.keys}
                    | {name: getattr(column.shown, name) for name in ("header", "digits", "legend")}
                    for column in section.columns
                ],
                "percentiles": _more_percentiles(views[section.view]) if section.view else [],
            }
            for section in shown_sections(report)
        ],
        "units": units_of(views.values()),
        "glossary": [(view.name, view.glossary) for view in views.values() if view.glossary],
        "note": note,
    }


def _more_percentiles(view: View) -> list[tuple[str, ...]]:
    """The keys on the way to each percentile of a view that the summary has no room for."""
    told = [view.figure(of.percentile) for of in view.references if of.percentile is not None]
    return [figure_column(view, figure).keys for figure in told if figure.shown is None]


def _no_clips(n_items: int) -> str:
    return (
        f"{n_items} items have sound of their own, more than the {MAX_CLIP_ITEMS} whose clips this page can carry: "
        "moments are played from the notes."
    )
