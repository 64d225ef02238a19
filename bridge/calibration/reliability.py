"""How far a view can be believed, in one sentence, by the calibrations that are shipped beside this module.

Views of heard notes have one of their own, because hearing takes a hundred times as long as scoring.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from bridge.calibration.cases import ADVERSARIES, YARDSTICK
from bridge.items.entry import ItemEntry
from bridge.views.declarations import REPORTED, VIEWS, half_of
from losscal.errors import InputError
from losscal.files import sha256_of
from losscal.views import HEARD, HEARD_PREFIX, NOTES, SOUND

CALIBRATION_FILE = Path(__file__).with_name("calibration.json")
HEARD_CALIBRATION_FILE = Path(__file__).with_name("heard_calibration.json")
KINDS = ("midi", "sequenced", "heard", "rendering", "recording")
"""What a view was given: notes as played or as a grid has them, notes heard in a sound file of the user's, notes that
we played, or the file."""


def reliability_of(view: str, entry: ItemEntry, weights: Mapping[str, str]) -> str | None:
    """How reliable a view with these weights is on input like the entry's; None where that was not measured."""
    half = half_of(view)
    if half == NOTES:
        kind = "sequenced" if entry.is_sequenced else "midi"
    elif half == HEARD:
        kind = "heard"
    else:
        kind = "rendering" if entry.rendered else "recording"
    return sentence(view, kind, weights_sha256=weights.get(view.removeprefix(HEARD_PREFIX)))


def sentence(view: str, kind: str, *, weights_sha256: str | None = None) -> str | None:
    """How often the view noticed wrong notes and what it failed at; None where it was not calibrated.

    kind: one of KINDS. Of sequenced notes only the pitches count, so theirs is the figure quoted. These and recordings
    get a warning more, since only performances and renderings were calibrated.
    weights_sha256: of the view's weights, by default of those shipped; a calibration of others says nothing of them.
    """
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r}: need one of {', '.join(KINDS)}")
    calibration = _calibration(HEARD_CALIBRATION_FILE if half_of(view) == HEARD else CALIBRATION_FILE)
    calibrated = calibration["weights"].get(view.removeprefix(HEARD_PREFIX))
    if calibrated is None or calibrated != (weights_sha256 or shipped_sha256(view)):
        return None
    config = calibration["config"]
    is_sequenced = kind == "sequenced"
    figure = ", by the bits of the pitches alone," if is_sequenced else ""
    score = f"{view}: {VIEWS[view].quantity((), is_sequenced=True).key}" if is_sequenced else view
    yardstick = score, YARDSTICK.name, YARDSTICK.severity
    rows = (row for row in calibration["rows"] if (row["view"], row["corruption"], row["severity"]) == yardstick)
    row = next(rows, None)
    if row is None or None in row["interval"]:
        return None
    low, high = (f"{100 * end:.0f}" for end in row["interval"])
    parts = [
        f"On {config['excerpts']} excerpts of {config['length']} from {config['pieces']} test pieces this view{figure} "
        f"preferred the original to a version with {100 * YARDSTICK.severity:g} % wrong notes in "
        f"{100 * row['pairwise_accuracy']:.0f} % [{low}-{high} %] of cases",
        *_failures(calibration, score),
        *_of_listeners(calibration, view),
    ]
    if is_sequenced:
        parts.append("that was measured on performances, not on sequenced music")
    if kind == "heard":
        parts.append(f"that was measured on renderings, heard by {config['heard_by']}; in recordings more is misheard")
    if kind == "recording" and half_of(view) == SOUND:
        parts.append("nothing was calibrated on recordings, only on renderings by one SoundFont")
    return "; ".join(parts) + "."


@cache
def shipped_sha256(view: str) -> str:
    """Of the shipped weights of a view, as its scorer tells it: of all files that are there."""
    return sha256_of(*(path for path in REPORTED[view].weights.paths() if path.is_file()))


def _failures(calibration: Mapping[str, Any], score: str) -> list[str]:
    """What a score failed at, in words; what has the same advice in one."""
    by_advice: dict[tuple[str, str], list[str]] = {}
    for failure in calibration["failures"]:
        if failure["view"] == score and failure["has_failed"]:
            verb = "falls for the adversary" if failure["case"] in ADVERSARIES else "fails the control"
            by_advice.setdefault((verb, failure["advice"]), []).append(f"'{failure['case']}'")
    return [f"it {verb} {' and '.join(cases)}: {advice}" for (verb, advice), cases in by_advice.items()]


def _of_listeners(calibration: Mapping[str, Any], view: str) -> list[str]:
    """How far people who listened agree, in words, of each test."""
    return [
        f"its order of {row['stimuli']} pieces agrees with that of {row['listeners']} listeners by a rank correlation "
        f"of {row['spearman']:.2f} [{row['interval'][0]:.2f}, {row['interval'][1]:.2f}]"
        for row in calibration.get("listeners", ())
        if row["view"] == view and None not in (row["spearman"], *row["interval"])
    ]


@cache
def _calibration(path: Path) -> Mapping[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read; make it with python -m bridge.calibrate.") from error
