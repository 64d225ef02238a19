"""The results of a listening test as files: listening.json, with rows for a calibration, a table, and a picture."""

import csv
import json
from math import isnan
from pathlib import Path
from typing import Any

from bridge.calibration.listeners import VERSION, ListenersRow
from bridge.listen.picture import results_svg
from bridge.listen.results import Results
from losscal.files import atomic_path
from losscal.records import to_json
from losscal.statistics import Estimate
from losscal.text import csv_cell

RESULT_FILE, TABLE_FILE, PICTURE_FILE = "listening.json", "listening.csv", "listening.svg"
TABLE_FIELDS = ("kind", "name", "figure", "value", "low", "high", "n")


def rows_of(results: Results) -> list[ListenersRow]:
    """A row a view."""
    counted = results.listeners - len(results.flagged)
    return [
        ListenersRow(
            one.view,
            *_figures(one.estimate),
            one.stimuli,
            counted,
            results.study.config.mode,
            None if results.alpha is None else _figure(results.alpha),
            one.weights_sha256,
        )
        for one in results.views
    ]


def write_results(out: Path, results: Results) -> None:
    """Write all three into the folder; raises InputError where the file system refuses."""
    unit = "mean opinion" if results.is_rated else "log strength"
    standings = [
        {
            "name": one.name,
            **dict(zip(("value", "interval"), _figures(one.estimate), strict=True)),
            "answers": one.answers,
        }
        for one in results.standings
    ]
    content: dict[str, Any] = {
        "version": VERSION,
        "mode": results.study.config.mode,
        "unit": unit,
        "listeners": results.listeners,
        "flagged": list(results.flagged),
        "alpha": None if results.alpha is None else _figure(results.alpha),
        "standings": standings,
        "views": to_json(rows_of(results)),
    }
    table = [("stimulus", one["name"], unit, one["value"], *one["interval"], one["answers"]) for one in standings]
    table += [
        ("view", row.view, "rank correlation", row.spearman, *row.interval, row.stimuli) for row in rows_of(results)
    ]
    with atomic_path(out / TABLE_FILE) as path, open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([TABLE_FIELDS, *([csv_cell(cell) for cell in line] for line in table)])
    with atomic_path(out / PICTURE_FILE) as path:
        path.write_text(results_svg(results), encoding="utf-8")
    with atomic_path(out / RESULT_FILE) as path:
        path.write_text(json.dumps(content, allow_nan=False) + "\n", encoding="utf-8")


def _figures(estimate: Estimate) -> tuple[float | None, tuple[float | None, ...]]:
    value, *interval = map(_figure, estimate)
    return value, tuple(interval)


def _figure(value: float) -> float | None:
    return None if isnan(value) else float(f"{value:.6g}")
