"""report.xlsx: the report as a workbook, for those who sort, filter and plot in a spreadsheet.

Every sheet has its columns' names in the first row and their units in the second. Rows are written as they are read,
so that memory is bounded by one item's notes and the finished, packed workbook; numbers keep the 16 digits that a
workbook holds.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, count, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from traceback import clear_frames
from typing import TYPE_CHECKING, Any

from bridge.items.tables import read_table, table_header
from bridge.report.columns import columns_of, item_rows
from bridge.report.report import Report

if TYPE_CHECKING:
    from xlsxwriter import Workbook

HEADER_ROWS = 2
MAX_SHEET_ROWS = 1_048_576
"""Of a sheet, header and all; Excel knows no more."""
MAX_NOTES = 300_000
"""Of all items; more would take minutes to write and a spreadsheet longer to open."""
MAX_CELL_CHARACTERS = 32_767
PATH_WIDTH, TEXT_WIDTH, NUMBER_WIDTH = 36, 60, 11
"""Characters; a column is at least as wide as its name."""
TEXT_COLUMNS = frozenset({"warnings", "error", "verdict_in_words", "text", "reason", "why"})
PATH_COLUMNS = frozenset({"id", "midi", "wav", "group", "reference"})
WHOLE_NUMBERS = frozenset(
    {"notes", "note", "reference_note", "rank", "pitch", "velocity", "distinct_velocities", "shared_seconds"}
)
NOTE_UNITS = {"note": "place, from 0", "onset": "s", "duration": "s", "pitch": "MIDI", "velocity": "MIDI"}
LEFT_OUT = "The {:,} notes of all items are more than the {:,} that this workbook takes: see the tables in per_note/."
GROUP_COLUMNS = {
    **dict.fromkeys(("group", "source", "reference", "view", "ranked_by", "unit", "id"), ""),
    "rank": "1 = likeliest",
    "value": "as in unit",
    "difference_nats": "nats more than the reference",
    **dict.fromkeys(("interval_low", "interval_high"), "nats"),
    "shared_seconds": "s",
    **dict.fromkeys(("verdict", "reason"), ""),
    "chroma_distance": "0 to 1",
    "mfcc_distance": "dB",
    "verdict_in_words": "of the whole group",
}
ANSWER_COLUMNS = {
    **dict.fromkeys(("group", "id", "answer", "why", "view"), ""),
    **{"value": "as in unit", "unit": "", "difference_nats": "nats more than the reference"},
    **dict.fromkeys(("interval_low", "interval_high"), "nats"),
}
MOMENT_COLUMNS = {"start_seconds": "s", "end_seconds": "s", "nats": "nats", "reason": "", "text": ""}
PLACE = "place, from 0"
EDIT_COLUMNS = {"kind": "", "seconds": "s", "note": PLACE, "reference_note": PLACE, "text": ""} | {
    "reference_seconds": "s"
}


def write_xlsx(report: Report, path: Path, folder: Path) -> None:
    """Write the workbook of a report whose tables lie below `folder`.

    Sheets: answer, items, of all items (what is remarked on each of them), moments, groups, edits, per-note; those
    without rows are left out. What does not fit on a per-note sheet stands on "per-note 2" and so on; of more than
    MAX_NOTES notes there is a line that says so.
    Raises OSError where the file system refuses, InputError where a table is not there.
    """
    from xlsxwriter import Workbook
    from xlsxwriter.exceptions import FileCreateError

    packed = io.BytesIO()  # what a full disk refuses is refused once, where the finished file is written
    try:
        with (
            TemporaryDirectory() as temporary,  # where the library would leave what it could not end
            Workbook(packed, {"constant_memory": True, "tmpdir": temporary}) as workbook,
        ):
            _write_workbook(workbook, report, folder)
    except FileCreateError as error:  # it wraps the OSError and is none
        (refusal,) = error.args
        clear_frames(refusal.__traceback__)  # lets go of the library's open zip, while what it is written to is open
        raise refusal from error
    path.write_bytes(packed.getbuffer())


def _write_workbook(workbook: "Workbook", report: Report, folder: Path) -> None:
    columns = columns_of(report)
    _write_sheets(workbook, "answer", ANSWER_COLUMNS, _answer_rows(report))
    shared = report.shared_warnings
    own = (replace(entry, warnings=tuple(of for of in entry.warnings if of not in shared)) for entry in report.items)
    _write_sheets(workbook, "items", {column.name: column.unit for column in columns}, item_rows(own, columns))
    _write_sheets(workbook, "of all items", {"warnings": ""}, ([text] for text in shared))
    _write_sheets(workbook, "moments", {"id": "", "view": "", **MOMENT_COLUMNS}, _moment_rows(report))
    _write_sheets(workbook, "groups", GROUP_COLUMNS, _group_rows(report))
    _write_sheets(workbook, "edits", {"group": "", "id": "", **EDIT_COLUMNS}, _edit_rows(report))
    tables = [(entry.id, half, folder / path) for entry in report.items for half, path in entry.per_note.items()]
    n_notes = sum(entry.half(half).notes for entry in report.items for half in entry.per_note)
    if tables and n_notes > MAX_NOTES:
        _write_sheets(workbook, "per-note", {"text": ""}, [[LEFT_OUT.format(n_notes, MAX_NOTES)]])
        return
    names = list(dict.fromkeys(chain.from_iterable(table_header(path) for *_, path in tables)))
    units = {"id": "", "half": "read in a file or heard", "note": NOTE_UNITS["note"]}
    units |= {name: _note_unit(name) for name in names}
    _write_sheets(workbook, "per-note", units, _note_rows(tables, names))


def _write_sheets(workbook: "Workbook", name: str, units: Mapping[str, str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows under a header of column names and units, on as many sheets as they need."""
    rest = iter(rows)
    for number in count(1):
        first = list(islice(rest, 1))
        if not first:
            return
        title = name if number == 1 else f"{name} {number}"
        _write_sheet(workbook, title, units, chain(first, islice(rest, MAX_SHEET_ROWS - HEADER_ROWS - 1)))


def _write_sheet(workbook: "Workbook", title: str, units: Mapping[str, str], rows: Iterable[Sequence[Any]]) -> None:
    sheet = workbook.add_worksheet(title)
    bold = workbook.add_format({"bold": True, "bottom": 1})
    italic = workbook.add_format({"italic": True, "bottom": 1})
    two_digits = workbook.add_format({"num_format": "0.00"})
    for place, name in enumerate(units):
        sheet.set_column(place, place, _width(name), None if name in WHOLE_NUMBERS else two_digits)
    for row, (texts, form) in enumerate(((units.keys(), bold), (units.values(), italic))):
        for place, text in enumerate(texts):
            sheet.write_string(row, place, text, form)
    last = HEADER_ROWS - 1
    for last, row in enumerate(rows, start=HEADER_ROWS):
        for place, value in enumerate(row):
            _write_cell(sheet, last, place, value)
    sheet.freeze_panes(HEADER_ROWS, 1)
    sheet.autofilter(HEADER_ROWS - 1, 0, last, len(units) - 1)


def _write_cell(sheet: Any, row: int, place: int, value: Any) -> None:
    """Numbers as numbers, words as words (never as formulas), nothing for None and no words."""
    if isinstance(value, bool):
        sheet.write_boolean(row, place, value)
    elif isinstance(value, int | float):
        sheet.write_number(row, place, value)
    elif value:
        text = str(value).encode("utf-8", "backslashreplace").decode("utf-8")  # file names may hold stray bytes
        sheet.write_string(row, place, text[:MAX_CELL_CHARACTERS])


def _width(name: str) -> int:
    wide = TEXT_WIDTH if name in TEXT_COLUMNS else PATH_WIDTH if name in PATH_COLUMNS else NUMBER_WIDTH
    return max(wide, len(name) + 3)  # room for the filter's arrow


def _moment_rows(report: Report) -> Iterator[list[Any]]:
    for entry in report.items:
        for moment in entry.moments:
            yield [entry.id, moment.view, *(getattr(moment, name) for name in MOMENT_COLUMNS)]


def _answer_rows(report: Report) -> Iterator[list[Any]]:
    """A row a version; a reason that is that of all others stands once."""
    for group in report.groups:
        told: str | None = None
        for answer in group.answers:
            row = group.row_of(answer)
            figures = (
                [None] * 4 if row is None else [row.ranked_value, row.difference_nats, *(row.interval or (None, None))]
            )
            why = None if answer.why == told else answer.why
            unit = None if answer.view is None else group.views[answer.view].unit
            yield [group.group, answer.id, answer.answer, why, answer.view, figures[0], unit, *figures[1:]]
            told = answer.why


def _group_rows(report: Report) -> Iterator[list[Any]]:
    """A row for each view and version; one for a view that ranks none, where another ranks some."""
    for group in report.groups:
        verdict: str | None = group.verdict  # once, and not in every row
        is_ranked = any(ranking.first is not None for ranking in group.views.values())
        for view, ranking in group.views.items():
            of_view = [group.group, group.source, group.reference, view, ranking.quantity, ranking.unit]
            if is_ranked and ranking.first is None:
                row = ranking.items[0]
                yield [*of_view, "all", *[None] * 6, row.verdict, row.reason, None, None, verdict]
                verdict = None
                continue
            reasons: set[str] = set()
            for version in ranking.items:
                low, high = version.interval or (None, None)
                distances = group.distances.get(version.id)
                yield [
                    *(*of_view, version.id, version.rank, version.value, version.difference_nats),
                    *(low, high, version.shared_seconds, version.verdict),
                    None if version.reason in reasons else version.reason,
                    *((None, None) if distances is None else (distances.chroma, distances.mfcc)),
                    verdict,
                ]
                verdict = None
                reasons.add(version.reason)


def _edit_rows(report: Report) -> Iterator[list[Any]]:
    """Those of versions, then those of recordings against their MIDI files, which have no group."""
    for group in report.groups:
        for item, edits in group.edits.items():
            for edit in edits:
                yield [group.group, item, *(getattr(edit, name) for name in EDIT_COLUMNS)]
    for entry in report.items:
        for edit in () if entry.heard_against_read is None else entry.heard_against_read.edits:
            yield [None, entry.id, *(getattr(edit, name) for name in EDIT_COLUMNS)]


def _note_rows(tables: Iterable[tuple[str, str, Path]], names: Sequence[str]) -> Iterator[list[Any]]:
    """The notes of all tables: the item's id, its half, the note's place in its table, then the columns `names`."""
    for item, half, path in tables:
        columns = {name: values.tolist() for name, values in read_table(path).items()}
        n_notes = len(next(iter(columns.values())))
        cells = [columns.get(name) or [None] * n_notes for name in names]
        for place, row in enumerate(zip(*cells, strict=True)):
            yield [item, half, place, *row]


def _note_unit(name: str) -> str:
    return "nats" if name.endswith("_nats") else NOTE_UNITS[name.removesuffix("_seconds")]
