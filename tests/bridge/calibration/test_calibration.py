"""Tables say of made-up costs what they are made of: who wins, what a control moves, and what has failed."""

import numpy as np
import pytest

from bridge.calibration.accuracy import Measured, failures, in_their_favour, measured_of, tables
from bridge.calibration.cases import ADVERSARIES, CONTROLS, ORIGINAL, SEVERITIES, YARDSTICK, Case
from bridge.calibration.plot import accuracy_svg
from bridge.calibration.text import text_of, write_csv
from losscal import statistics
from symbolic.notes.corruption import CORRUPTIONS

CASES = [Case(name, amount) for name, amounts in SEVERITIES.items() for amount in amounts]
VERSIONS = (ORIGINAL, *CASES, *map(Case, (*CONTROLS, *ADVERSARIES)))
SHAPE = 20, 2


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr(statistics, "RESAMPLES", 200)


def level(case):
    """How far a version is from the original: 0 to 5."""
    if case in (ORIGINAL, *map(Case, CONTROLS)):
        return 0.0
    return 5.0 if case.severity is None else 1.0 + SEVERITIES[case.name].index(case.severity)


def scorer(factor, name="view"):
    """Costs that grow with the severity, on top of how costly each piece is, by `factor`."""
    pieces = np.random.default_rng(1).normal(0.0, 50.0, SHAPE)
    return {(case, name): pieces + factor * level(case) for case in VERSIONS}


def made(costs, known=None, seconds=None):
    return tables(Measured(costs, np.ones(SHAPE[0]) if seconds is None else seconds), known or {})


@pytest.mark.parametrize(
    ("factor", "accuracy", "interval", "correlation"),
    [(1.0, 1.0, [0.831567, 1.0], 1.0), (0.0, 0.5, [0.5, 0.5], 0.0), (-1.0, 0.0, [0.0, 0.168433], -1.0)],
)
def test_a_perfect_a_constant_and_an_inverse_scorer(factor, accuracy, interval, correlation):
    result = made(scorer(factor))
    assert len(result["rows"]) == len(CASES) and len(result["adversaries"]) == len(ADVERSARIES)
    for row in result["rows"] + result["adversaries"]:
        assert (row["pairwise_accuracy"], row["n"]) == (accuracy, 40)
        assert row["interval"] == row["corpus_weighted_accuracy_interval"] == interval
        assert row["corpus_weighted_accuracy"] == accuracy
    assert {row["spearman"] for row in result["severity_correlation"]} == {correlation}
    assert [row["corruption"] for row in result["severity_correlation"]] == list(SEVERITIES)
    aucs = [row["auc"] for row in result["rows"] if row["corruption"] == "semitone"]
    assert aucs == sorted(aucs, reverse=factor < 0)  # what pieces differ by hides a little in the pool
    assert all(0.5 < auc < 0.6 for auc in aucs) if factor > 0 else max(aucs) <= 0.5
    assert made(scorer(1e6))["rows"][0]["auc"] == 1.0


def test_rows_say_which_view_corruption_and_severity_they_are_of():
    row = made(scorer(1.0))["rows"][CASES.index(Case("semitone", 0.05))]
    assert {key: row[key] for key in ("view", "quantity", "corruption", "severity")} == {
        "view": "view",
        "quantity": "view",
        "corruption": "semitone",
        "severity": 0.05,
    }


def test_longer_pieces_count_more_where_they_shall():
    costs = scorer(0.0)
    costs[YARDSTICK, "view"][0] += 1.0  # the original wins in the first piece, all others tie
    seconds = np.ones(SHAPE[0])
    seconds[0] = 21.0
    row = made(costs, seconds=seconds)["rows"][CASES.index(YARDSTICK)]
    assert row["pairwise_accuracy"] == pytest.approx((1 + 19 * 0.5) / 20)
    assert row["corpus_weighted_accuracy"] == pytest.approx((21 + 19 * 0.5) / 40)


def test_what_a_model_was_trained_on_is_marked():
    result = made(scorer(1.0) | scorer(1.0, "other"), {"view": ["semitone", "loop", "scales"]})
    rows = result["rows"] + result["adversaries"]
    marked = {(row["view"], row["corruption"]) for row in rows if row["in_distribution"]}
    assert marked == {("view", "semitone"), ("view", "loop"), ("view", "scale")}


def test_a_control_is_neutral_where_its_whole_interval_is_within_the_margin():
    costs = scorer(10.0 / level(YARDSTICK))
    rng = np.random.default_rng(2)
    changes = {
        "gain -12 dB": np.full(SHAPE, 0.2),
        "1 s of silence at either end": np.full(SHAPE, -2.0),
        "a semitone higher": rng.choice([-3.0, 3.0], SHAPE),  # without a direction
        "another SoundFont": np.full(SHAPE, np.inf),
    }
    for name, change in changes.items():
        costs[Case(name), "view"] = costs[ORIGINAL, "view"] + change
    rows = {row["corruption"]: row for row in made(costs)["controls"]}
    assert list(rows) == list(CONTROLS)
    not_neutral = {name: row["is_neutral"] for name, row in rows.items() if row["is_neutral"] is not True}
    assert not_neutral == {
        "1 s of silence at either end": False,
        "a semitone higher": False,
        "another SoundFont": None,
    }
    assert rows["gain -12 dB"]["share_of_yardstick"] == pytest.approx(0.02)
    assert rows["gain -12 dB"]["cost_change"] == pytest.approx(0.2)
    assert rows["1 s of silence at either end"]["share_of_yardstick"] == pytest.approx(-0.2)
    assert rows["a semitone higher"]["size_of_yardstick"] == pytest.approx(0.3)
    assert rows["another SoundFont"]["n"] == 0 and rows["another SoundFont"]["share_of_yardstick"] is None


def test_nothing_is_measured_by_a_yardstick_that_is_not_shown_to_cost_anything():
    costs = scorer(0.0)
    costs[YARDSTICK, "view"] += np.random.default_rng(2).normal(size=SHAPE)
    costs[Case("gain -12 dB"), "view"] = costs[ORIGINAL, "view"] + 5.0
    result = made(costs)
    row = next(row for row in result["controls"] if row["corruption"] == "gain -12 dB")
    assert (row["share_of_yardstick"], row["is_neutral"]) == (None, None)
    assert row["cost_change"] == pytest.approx(5.0)
    assert not any(failure["case"] in CONTROLS for failure in result["failures"])


def test_failures_are_said_with_what_follows_from_them():
    costs = scorer(10.0 / level(YARDSTICK))
    for name, change in {"another SoundFont": 5.0, "scale": -500.0}.items():
        costs[Case(name), "view"] = costs[ORIGINAL, "view"] + change
    costs[Case("a semitone lower"), "view"] += np.random.default_rng(2).choice([0.0, 4.0], SHAPE, p=[0.9, 0.1])
    costs |= {(case, "view: raw"): values for (case, _), values in costs.items()}
    lower, soundfont, scale = made(costs)["failures"]
    assert (lower["view"], lower["case"], lower["has_failed"]) == ("view", "a semitone lower", False)
    assert lower["text"].startswith("is not shown to pass the control 'a semitone lower'")
    assert soundfont["has_failed"] and soundfont["advice"] == "do not compare timbres by it"
    assert soundfont["text"] == (
        "fails the control 'another SoundFont', which changes it by 50% [50%, 50%] of what 10 % of wrong notes do, "
        "50% without the sign"
    )
    assert scale["text"] == "prefers the adversary 'scale' to 100% of the excerpts"
    assert failures([], []) == []


def test_a_baseline_is_turned_where_that_favours_it_and_stays_lost_where_it_refused():
    costs = scorer(-1.0, "baseline: RMS") | scorer(1.0, "baseline: note density") | scorer(1.0)
    costs[Case("scale"), "baseline: RMS"] = np.full(SHAPE, np.inf)
    turned = in_their_favour(costs)
    measured = Measured(turned, np.ones(SHAPE[0]))
    assert measured.scores == ["view", "baseline: lower note density", "baseline: higher RMS"]
    assert [measured.won(YARDSTICK, score).mean() for score in measured.scores] == [1.0, 1.0, 1.0]
    assert measured.won(Case("scale"), "baseline: higher RMS").mean() == 1.0


def test_a_view_is_set_against_its_other_figures_and_the_baselines_on_the_same_excerpts():
    costs = scorer(1.0) | scorer(0.0, "view: raw") | scorer(-1.0, "baseline: x") | scorer(1.0, "other")
    rows = made(costs)["comparisons"]
    assert [(row["view"], row["against"], row["ahead_by"], row["interval"]) for row in rows] == [
        ("view", "view: raw", 0.5, [0.5, 0.5]),
        ("view", "baseline: x", 1.0, [1.0, 1.0]),
        ("other", "baseline: x", 1.0, [1.0, 1.0]),
    ]


def test_records_become_costs_by_piece_and_what_is_left_out_has_lost():
    cases = [YARDSTICK]
    versions = [str(ORIGINAL), str(YARDSTICK)]
    records = [
        {"notes": {name: {"events": 10.0 * number + place} for place, name in enumerate(versions)}, "sound": {}}
        for number in range(4)
    ]
    del records[2]["notes"][str(YARDSTICK)]["events"]
    measured = measured_of(records, cases, [100.0, 200.0])
    assert measured.costs[ORIGINAL, "events"].tolist() == [[0.0, 10.0], [20.0, 30.0]]
    assert measured.costs[YARDSTICK, "events"].tolist() == [[1.0, 11.0], [np.inf, 31.0]]
    assert measured.of(Case("scale"), "events") is None


def test_a_version_that_one_excerpt_has_none_of_is_refused_in_that_one():
    missing = {"notes": {str(ORIGINAL): {"events": 1.0}, str(YARDSTICK): {"events": 2.0}}, "sound": {}}
    higher = {"notes": {**missing["notes"], "a semitone higher": {"events": 3.0}}, "sound": {}}
    measured = measured_of([missing, higher], [YARDSTICK], [100.0, 200.0])
    assert measured.costs[Case("a semitone higher"), "events"].tolist() == [[np.inf], [3.0]]
    assert tables(measured, {})["controls"][0]["n"] == 1


def test_text_csv_and_picture_hold_every_row(tmp_path):
    config = {"excerpts": 40, "length": "10 seconds", "pieces": 20}
    of_notes = {
        key: values for key, values in scorer(1.0, "notes").items() if key[0].name in (*CORRUPTIONS, "original")
    }
    calibration = {"config": config, **made(scorer(1.0) | scorer(0.0, "view: raw") | of_notes, {"view": ["loop"]})}
    text = text_of(calibration)
    assert "40 excerpts of 10 seconds from 20 pieces" in text
    assert "| wrong_notes 10 % | 1.000 [0.832, 1.000] | 1.000 [0.832, 1.000] |" in text
    assert "| loop 20 % * |" in text and "| low_pass 500 Hz | 1.000 [0.832, 1.000] |  |" in text
    assert "| view | view: raw | +0.500 [+0.500, +0.500] |" in text
    write_csv(calibration, tmp_path / "calibration.csv")
    lines = (tmp_path / "calibration.csv").read_text().splitlines()
    assert len(lines) == 1 + sum(len(calibration[key]) for key in ("rows", "adversaries", "controls"))
    assert lines[1].startswith("corruption,view,view,wrong_notes,0.01,False,40,1.0,0.831567,1.0,")
    picture = accuracy_svg(calibration["rows"])
    assert picture.count("<g ") == len(SEVERITIES)
    assert picture.count("<polyline") == 2 + 2 * len(SEVERITIES)  # two in the legend
