"""Reading back the tables that stand beside a report."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bridge.report.columns import look_up
from losscal.errors import InputError


def per_note_path(entry: Mapping[str, Any], folder: Path) -> Path | None:
    """Where an item's per-note table lies, of a report in `folder`; None where it has none."""
    below = look_up(entry, ("symbolic", "per_note"))
    return None if below is None else folder / below


def curve_paths(entry: Mapping[str, Any], folder: Path) -> dict[str, Path]:
    """Where the curves of an item's views of sound lie."""
    below = {view: look_up(entry, ("audio", view, "curve")) for view in entry["audio"] or {}}
    return {view: folder / path for view, path in below.items() if path is not None}


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
