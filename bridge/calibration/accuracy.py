"""From costs to a calibration: how often each score prefers the original, and what it does not mind.

Pairwise accuracy is the share of excerpts that a score prefers to their other version, a tie counting one half and what
is refused being lost; AUC pools all originals and all versions of a case instead. Severity correlation is Spearman's,
within the versions of an excerpt. A control's change is set in relation to what 10 % of wrong notes change, and is
neutral where the whole interval lies within 5 % of that (two one-sided tests at 2.5 %). Intervals: 95 %, over pieces.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from types import MappingProxyType
from typing import Any

import numpy as np

from bridge.calibration.cases import ADVERSARIES, CONTROLS, ORIGINAL, SEVERITIES, YARDSTICK, Case
from bridge.calibration.scores import BASELINE, UNDIRECTED, Record, is_view
from losscal.statistics import Estimate, area_under_curve, rank_correlation, ratio, share, wins

Costs = Mapping[tuple[Case, str], np.ndarray]
"""Costs by version and score: float64 [pieces, per_piece], infinite where refused."""

TRAINED_AS = {"held chord": "held_chords", "scale": "scales"}
"""What adversaries are called among the rules of a background model (symbolic.notes.monotony)."""
MONOTONY_ADVICE = "listen before you believe that something monotonous is better"
YARDSTICK_TEXT = f"{100 * YARDSTICK.severity:g} % of wrong notes"
NEUTRAL_SHARE = 0.05
LOSES = 0.95
"""An adversary must lose against this share of the excerpts."""
ADVICE = {
    "another SoundFont": "do not compare timbres by it",
    "a semitone higher": "do not compare keys by it",
    "a semitone lower": "do not compare keys by it",
    "gain +12 dB": "bring sounds to one loudness first",
    "gain -12 dB": "bring sounds to one loudness first",
    "1 s of silence at either end": "cut silence away first",
    "a room": "do not compare recordings of different rooms by it",
    "another microphone": "do not compare recordings of different microphones by it",
    "MP3 of 64 kbit/s": "do not compare an MP3 with another file by it",
}


@dataclass(frozen=True)
class Measured:
    """The costs of all versions of excerpts, and how long the pieces are that they are from, seconds [pieces].

    quantities: what scores are of, where their names do not say it.
    """

    costs: Costs
    piece_seconds: np.ndarray
    quantities: Mapping[str, str] = field(default_factory=dict)

    @property
    def scores(self) -> list[str]:
        """Each score once: views, their other figures and baselines, in the order in which they were judged."""
        return list(dict.fromkeys(score for _, score in self.costs))

    def quantity(self, score: str) -> str:
        """What a score is of: a key of the report, for a baseline its name."""
        return self.quantities.get(score, score.rpartition(": ")[2])

    def of(self, case: Case, score: str) -> np.ndarray | None:
        """Costs [pieces, per_piece]; None where a score has no say in a case."""
        return self.costs.get((case, score))

    def won(self, case: Case, score: str) -> np.ndarray:
        """1 where the original is preferred to a version, 0 where that is, 0.5 where neither: [pieces, per_piece]."""
        return wins(self.costs[ORIGINAL, score], self.costs[case, score])


def measured_of(
    records: Sequence[Record],
    cases: Iterable[Case],
    piece_seconds: Sequence[float],
    quantities: Mapping[str, str] = MappingProxyType({}),
) -> Measured:
    """Records of excerpts, piece by piece, as many of each; piece_seconds: of each piece."""
    costs = {}
    for part in ("notes", "sound"):
        of_part = [record[part] for record in records]
        scores = dict.fromkeys(score for record in of_part for own in record.values() for score in own)
        for case in (ORIGINAL, *cases, *map(Case, (*CONTROLS, *ADVERSARIES))):
            if not any(str(case) in record for record in of_part):
                continue
            for score in scores:
                values = [record.get(str(case), {}).get(score, np.inf) for record in of_part]
                costs[case, score] = np.array(values).reshape(len(piece_seconds), -1)
    return Measured(in_their_favour(costs), np.asarray(piece_seconds, np.float64), quantities)


def in_their_favour(costs: Costs) -> Costs:
    """The baselines of UNDIRECTED turned, where that makes them better, and named by what they now prefer."""
    turned = {key: values for key, values in costs.items() if key[1] not in UNDIRECTED}
    for score in UNDIRECTED:
        own = {case: values for (case, name), values in costs.items() if name == score}
        corrupted = [values for case, values in own.items() if case.severity is not None]
        if not corrupted:
            continue
        prefers_lower = np.mean([wins(own[ORIGINAL], values) for values in corrupted]) >= 0.5
        name = f"{BASELINE}{'lower' if prefers_lower else 'higher'} {score.removeprefix(BASELINE)}"
        for case, values in own.items():
            is_turned = np.isfinite(values) & (not prefers_lower)
            turned[case, name] = np.where(is_turned, -values, values)
    return turned


def tables(measured: Measured, trained_on: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The lists of calibration.json: rows, adversaries, controls, severity_correlation, comparisons, failures.

    trained_on: {score: corruptions that its model has been trained on}.
    """
    cases = dict.fromkeys(case for case, _ in measured.costs)
    rows = _each(measured, [case for case in cases if case.severity is not None], _row)
    adversaries = _each(measured, [case for case in cases if case.name in ADVERSARIES], _row)
    for row in rows + adversaries:
        name = row["corruption"]
        row["in_distribution"] = TRAINED_AS.get(name, name) in trained_on.get(row["view"], ())
    controls = _each(measured, [case for case in cases if case.name in CONTROLS], _control)
    return {
        "rows": rows,
        "adversaries": adversaries,
        "controls": controls,
        "severity_correlation": _severity_correlations(measured),
        "comparisons": _comparisons(measured),
        "failures": failures(controls, adversaries),
    }


def _each(
    measured: Measured, cases: Iterable[Case], row: Callable[[Measured, Case, str], dict[str, Any]]
) -> list[dict[str, Any]]:
    """A row for each case that a score has a say in, score by score."""
    return [
        {"view": score, "quantity": measured.quantity(score), "corruption": case.name, "severity": case.severity}
        | row(measured, case, score)
        for score in measured.scores
        for case in cases
        if (case, score) in measured.costs
    ]


def _row(measured: Measured, case: Case, score: str) -> dict[str, Any]:
    won = measured.won(case, score)
    by_piece = won.mean(axis=1)
    weighted = share(by_piece, measured.piece_seconds)
    auc = area_under_curve(measured.costs[ORIGINAL, score], measured.costs[case, score])
    return {
        "n": won.size,
        **_figures("pairwise_accuracy", share(by_piece, np.ones_like(by_piece)), "interval"),
        **_figures("auc", auc),
        **_figures("corpus_weighted_accuracy", weighted),
    }


def _control(measured: Measured, case: Case, score: str) -> dict[str, Any]:
    """How a control changes the cost, in its unit and as a share of what YARDSTICK does, with and without the sign.

    There is no share of a yardstick that is not shown to cost anything.
    """
    original, control, yardstick = (measured.costs[version, score] for version in (ORIGINAL, case, YARDSTICK))
    is_measured = np.isfinite(original) & np.isfinite(control) & np.isfinite(yardstick)

    def by_piece(values: np.ndarray) -> np.ndarray:
        return np.where(is_measured, values, 0.0).sum(axis=1)

    with np.errstate(invalid="ignore"):  # what is refused on both sides is left out below
        change, effect = control - original, yardstick - original
    excerpts = is_measured.sum(axis=1).astype(np.float64)
    yards = by_piece(effect) if ratio(by_piece(effect), excerpts).low > 0 else np.zeros_like(excerpts)
    moved, size = (ratio(by_piece(values), yards) for values in (change, np.abs(change)))
    won = measured.won(case, score).mean(axis=1)
    return {
        "n": int(is_measured.sum()),
        **_figures("pairwise_accuracy", share(won, np.ones_like(won)), "interval"),
        **_figures("cost_change", ratio(by_piece(change), excerpts)),
        **_figures("share_of_yardstick", moved),
        **_figures("size_of_yardstick", size),
        "is_neutral": None if isnan(moved.value) else moved.low > -NEUTRAL_SHARE and moved.high < NEUTRAL_SHARE,
    }


def _severity_correlations(measured: Measured) -> list[dict[str, Any]]:
    """Spearman's correlation of each score with the severities of each corruption, the original being the least."""
    rows = []
    for score in measured.scores:
        for corruption, amounts in SEVERITIES.items():
            versions = [measured.of(case, score) for case in (ORIGINAL, *(Case(corruption, a) for a in amounts))]
            if any(costs is None for costs in versions):
                continue
            by_piece = rank_correlation(np.stack(versions, axis=-1)).mean(axis=1)
            estimate = ratio(by_piece, np.ones_like(by_piece))
            rows.append(
                {"view": score, "corruption": corruption, "n": versions[0].size}
                | _figures("spearman", estimate, "interval")
            )
    return rows


def _comparisons(measured: Measured) -> list[dict[str, Any]]:
    """How far each view is ahead of its other figures and of the baselines on YARDSTICK, paired by excerpt."""
    rows = []
    for view in filter(is_view, measured.scores):
        for other in measured.scores:
            if not other.startswith((f"{view}: ", BASELINE)):
                continue
            ahead = (measured.won(YARDSTICK, view) - measured.won(YARDSTICK, other)).mean(axis=1)
            rows.append(
                {"view": view, "against": other, "corruption": YARDSTICK.name, "severity": YARDSTICK.severity}
                | _figures("ahead_by", ratio(ahead, np.ones_like(ahead)), "interval")
            )
    return rows


def failures(controls: Iterable[Mapping[str, Any]], adversaries: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What went wrong with the figures that views rank by: {"view", "case", "has_failed", "text", "advice"}.

    A control has failed where an interval lies wholly outside the margin, that of the changes without their sign too:
    what moves each piece another way compares no two versions. Else it is only not shown to be neutral.
    """
    found = []
    for row in controls:
        if is_view(row["view"]) and row["is_neutral"] is False:
            low, high = row["share_of_yardstick_interval"]
            size_low, _ = row["size_of_yardstick_interval"]
            has_failed = low > NEUTRAL_SHARE or high < -NEUTRAL_SHARE or size_low > NEUTRAL_SHARE
            text = (
                f"{'fails' if has_failed else 'is not shown to pass'} the control '{row['corruption']}', which changes "
                f"it by {row['share_of_yardstick']:.0%} [{low:.0%}, {high:.0%}] of what {YARDSTICK_TEXT} do, "
                f"{row['size_of_yardstick']:.0%} without the sign"
            )
            found.append(_failure(row, has_failed, text, ADVICE[row["corruption"]]))
    for row in adversaries:
        if is_view(row["view"]) and row["pairwise_accuracy"] < LOSES:
            text = f"prefers the adversary '{row['corruption']}' to {1 - row['pairwise_accuracy']:.0%} of the excerpts"
            found.append(_failure(row, True, text, MONOTONY_ADVICE))
    return found


def _failure(row: Mapping[str, Any], has_failed: bool, text: str, advice: str) -> dict[str, Any]:
    return {
        "view": row["view"],
        "case": row["corruption"],
        "has_failed": has_failed,
        "text": text,
        "advice": advice,
    }


def _figures(name: str, estimate: Estimate, interval: str | None = None) -> dict[str, Any]:
    """An estimate as two JSON values, None where nothing was measured."""
    value, *ends = (None if isnan(figure) else float(f"{figure:.6g}") for figure in estimate)
    return {name: value, interval or f"{name}_interval": ends}
