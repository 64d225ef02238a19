"""What a calibration leaves behind: calibration.json with its tables, both as CSV and as a picture, and all costs."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bridge.calibration.accuracy import Measured, tables
from bridge.calibration.benchmark import write_scores
from bridge.calibration.plot import accuracy_svg
from bridge.calibration.text import write_csv
from losscal.cli import log
from losscal.files import atomic_path

VERSION = 1
RESULT_FILE = "calibration.json"


def result(
    measured: Measured,
    config: Mapping[str, Any],
    *,
    weights: Mapping[str, str] | None = None,
    known: Mapping[str, Sequence[str]] | None = None,
    listeners: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """What calibration.json holds; weights: sha256 by view, known: what `calibration.tables` calls trained_on.

    listeners: how far views agree with listeners, rows of `bridge.listen.files.ListenersRow`.
    """
    return {
        "version": VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "weights": dict(weights or {}),
        "config": dict(config),
        "scores": {score: measured.quantity(score) for score in measured.scores},
        **tables(measured, known or {}),
        "listeners": list(listeners),
    }


def write_results(out: Path, measured: Measured, calibration: Mapping[str, Any]) -> None:
    """Write calibration.json, .csv and .svg, and all costs as a submission to the benchmark, scores.csv."""
    write_csv(calibration, out / "calibration.csv")
    write_scores(out / "scores.csv", measured)
    with atomic_path(out / "calibration.svg") as temporary:
        temporary.write_text(accuracy_svg(calibration["rows"]), encoding="utf-8")
    write_json(out / RESULT_FILE, calibration)
    log(f"written: {out / RESULT_FILE}, calibration.csv, calibration.svg and scores.csv")


def made_of(folder: Path) -> dict[str, Any] | None:
    """What the result in a folder was made of; None where there is none that can be read."""
    try:
        made = json.loads((folder / RESULT_FILE).read_text(encoding="utf-8"))
        return {name: made[name] for name in ("config", "weights")}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def write_json(path: Path, content: Any) -> None:
    """A file that appears whole."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, allow_nan=False) + "\n", encoding="utf-8")
