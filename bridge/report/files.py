"""The report in the forms people and programs read: text, JSON, CSV, a workbook and a page."""

import csv
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from bridge.items.part import told_of
from bridge.report.columns import columns_of, item_rows
from bridge.report.html import write_html
from bridge.report.report import Report
from bridge.report.table import text_table
from bridge.report.xlsx import write_xlsx
from losscal.errors import InputError
from losscal.files import atomic_path
from losscal.records import record_of
from losscal.text import csv_cell

REPORT_FILE = "report.json"


def to_json(report: Mapping[str, Any]) -> str:
    """The report as JSON text; raises ValueError for NaN and infinities, which JSON has no word for."""
    return json.dumps(report, allow_nan=False, indent=2)


def table(report: Mapping[str, Any]) -> str:
    """The report as text of at most 120 columns, see `bridge.report.table`; raises InputError for unknown keys."""
    return text_table(record_of(Report, report))


def write_report(report: Mapping[str, Any], folder: Path) -> None:
    """Write report.json, report.csv, report.xlsx and report.html into `folder`, where the report's tables lie.

    report: what `bridge.score.score` has returned, or what a report.json holds. Each file appears whole or not at all.
    Raises InputError for keys that no report has, and, when the others are written, for the files that cannot be, or
    whose tables are not there.
    """
    typed = record_of(Report, report)
    writers: dict[str, Callable[[Path], object]] = {
        REPORT_FILE: lambda path: path.write_text(to_json(report) + "\n", encoding="utf-8"),
        "report.csv": lambda path: _write_csv(typed, path),
        "report.xlsx": lambda path: write_xlsx(typed, path, folder),
        "report.html": lambda path: write_html(typed, path, folder),
    }
    problems: list[str] = []
    for name, write in writers.items():
        try:
            with told_of(str(folder / name)), atomic_path(folder / name) as path:
                write(path)
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError(" ".join(problems))


def other_items(folder: Path, ids: Iterable[str]) -> list[str]:
    """The items of the report in `folder` that are not among `ids`; none where there is no report.

    Raises InputError where what is called like one is none.
    """
    path = folder / REPORT_FILE
    if not path.exists():
        return []
    try:
        named = [item["id"] for item in json.loads(path.read_text(encoding="utf-8"))["items"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path}: is no report; add --overwrite to replace it, or choose another --out.") from error
    known = set(ids)
    return [name for name in named if name not in known]


def _write_csv(report: Report, path: Path) -> None:
    columns = columns_of(report)
    with open(path, "w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)  # a name is one cell whatever separates cells
        writer.writerow(column.name for column in columns)
        writer.writerows(map(csv_cell, row) for row in item_rows(report.items, columns))
