"""A calibration for people and other programs: Markdown tables, sentences, and one CSV."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bridge.calibration.accuracy import YARDSTICK_TEXT
from bridge.calibration.cases import YARDSTICK, Case
from bridge.calibration.scores import BASELINE, is_view
from losscal.files import atomic_path
from losscal.statistics import Estimate, interval_text, markdown_table, mean

CSV_FIELDS = (
    "kind",
    "view",
    "quantity",
    "corruption",
    "severity",
    "in_distribution",
    "n",
    "pairwise_accuracy",
    "pairwise_accuracy_low",
    "pairwise_accuracy_high",
    "auc",
    "auc_low",
    "auc_high",
    "corpus_weighted_accuracy",
    "share_of_yardstick",
    "share_of_yardstick_low",
    "share_of_yardstick_high",
    "is_neutral",
    "spearman",
    "spearman_low",
    "spearman_high",
    "stimuli",
    "listeners",
)


def text_of(calibration: Mapping[str, Any]) -> str:
    """All tables in Markdown, and in words what failed."""
    compared = calibration["rows"] + calibration["adversaries"]
    others = [row for row in compared if _is_other_figure(row["view"])]
    parts = [
        f"Pairwise accuracy: share of excerpts of which a score prefers the original ({_size(calibration)})",
        _accuracy_table([row for row in compared if not _is_other_figure(row["view"])]),
    ]
    if others:
        parts += ["The same of figures that views do not rank by", _accuracy_table(others)]
    if any(row["in_distribution"] for row in compared):
        parts.append("A row with * is of what the background model of spectral_lm was trained on.")
    parts += [
        f"Of {YARDSTICK_TEXT}: AUC, and accuracy with pieces weighted by their length; Spearman's correlation with the "
        "severity of wrong notes, and its mean over all corruptions",
        _score_table(calibration),
        f"How far a view is ahead on {YARDSTICK_TEXT}, paired by excerpt",
        _comparison_table(calibration["comparisons"]),
        f"Controls: change of the cost, and that as a share of what {YARDSTICK_TEXT} do to the same score",
        _control_table(calibration["controls"]),
        *_of_listeners(calibration.get("listeners", ())),
        *(f"{failure['view']} {failure['text']}: {failure['advice']}." for failure in calibration["failures"]),
    ]
    return "\n\n".join(parts)


def write_csv(calibration: Mapping[str, Any], path: Path) -> None:
    """Rows, adversaries, controls and listeners as one table, whole or not at all; an interval takes two columns."""
    kinds = {"rows": "corruption", "adversaries": "adversary", "controls": "control", "listeners": "listeners"}
    with atomic_path(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, CSV_FIELDS, extrasaction="ignore")
        writer.writeheader()
        for key, kind in kinds.items():
            writer.writerows({"kind": kind, **_flat(row)} for row in calibration.get(key, ()))


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, list):
            figure = "pairwise_accuracy" if "pairwise_accuracy" in row else "spearman"
            name = figure if key == "interval" else key.removesuffix("_interval")
            flat[f"{name}_low"], flat[f"{name}_high"] = value
        else:
            flat[key] = value
    return flat


def _is_other_figure(score: str) -> bool:
    return not is_view(score) and not score.startswith(BASELINE)


def _size(calibration: Mapping[str, Any]) -> str:
    config = calibration["config"]
    return f"{config['excerpts']} excerpts of {config['length']} from {config['pieces']} pieces"


def _cell(row: Mapping[str, Any] | None, key: str, interval: str, form: str) -> str:
    if row is None or row[key] is None:
        return ""
    return interval_text(Estimate(row[key], *row[interval]), form)


def _accuracy_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """A line a case, a column a score."""
    by_case: dict[Case, dict[str, Mapping[str, Any]]] = {}
    for row in rows:
        by_case.setdefault(Case(row["corruption"], row["severity"]), {})[row["view"]] = row
    scores = list(dict.fromkeys(row["view"] for row in rows))
    lines = []
    for case, own in by_case.items():
        is_known = any(row["in_distribution"] for row in own.values())
        cells = (_cell(own.get(score), "pairwise_accuracy", "interval", ".3f") for score in scores)
        lines.append([f"{case}{' *' * is_known}", *cells])
    return markdown_table(["original against", *scores], lines)


def _score_table(calibration: Mapping[str, Any]) -> str:
    """A line a score."""
    of_yardstick = {
        row["view"]: row
        for row in calibration["rows"]
        if (row["corruption"], row["severity"]) == (YARDSTICK.name, YARDSTICK.severity)
    }
    correlations: dict[str, list[Mapping[str, Any]]] = {}
    for row in calibration["severity_correlation"]:
        correlations.setdefault(row["view"], []).append(row)
    lines = []
    for score, row in of_yardstick.items():
        own = {of["corruption"]: of for of in correlations.get(score, ())}
        cells = [_cell(row, key, f"{key}_interval", ".3f") for key in ("auc", "corpus_weighted_accuracy")]
        cells.append(_cell(own.get(YARDSTICK.name), "spearman", "interval", ".3f"))
        cells.append(f"{mean(np.array([of['spearman'] for of in own.values()])):.3f}" if own else "")
        lines.append([score, *cells])
    return markdown_table(["score", "AUC", "weighted accuracy", "correlation", "mean correlation"], lines)


def _comparison_table(comparisons: Iterable[Mapping[str, Any]]) -> str:
    lines = [[row["view"], row["against"], _cell(row, "ahead_by", "interval", "+.3f")] for row in comparisons]
    return markdown_table(["view", "against", "is ahead by"], lines)


def _control_table(controls: Iterable[Mapping[str, Any]]) -> str:
    """A line a control and view, baselines left out."""
    lines = [
        [
            f"{row['corruption']}, {row['view']}",
            _cell(row, "cost_change", "cost_change_interval", "+.2f"),
            *(_cell(row, key, f"{key}_interval", ".1%") for key in ("share_of_yardstick", "size_of_yardstick")),
            {True: "yes", False: "no", None: "?"}[row["is_neutral"]],
        ]
        for row in controls
        if is_view(row["view"])
    ]
    return markdown_table(["control, view", "change of the cost", "share", "without sign", "neutral"], lines)


def _of_listeners(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line a view and listening test; nothing where nobody has listened."""
    if not rows:
        return []
    lines = [
        [
            row["view"],
            _cell(row, "spearman", "interval", ".2f"),
            str(row["stimuli"]),
            str(row["listeners"]),
            row["mode"],
        ]
        for row in rows
    ]
    head = ["view", "rank correlation with listeners", "stimuli", "listeners", "asked for"]
    return ["What listeners say: Spearman's correlation of a view's order with theirs", markdown_table(head, lines)]
