"""The command: its tables, going on after a kill, benchmarks that come back as they went, and flags that are wrong."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from music import random_performance

from bridge import calibrate
from bridge.calibrate import Draw, main, measure
from bridge.calibration.cases import ORIGINAL, YARDSTICK, Case, Studio
from bridge.calibration.scores import open_panel
from bridge.views.declarations import VIEWS
from bridge.views.sound import AudioView
from losscal import statistics
from losscal.errors import InputError
from losscal.references import ViewReference
from losscal.views import View
from symbolic.data.excerpts import Length
from symbolic.notes.corruption import loop
from symbolic.notes.performance import write_midi

FLAGS = ["--seconds", "1", "--per-piece", "1", "--corruptions", "wrong_notes,clip"]
TABLES = ("rows", "adversaries", "controls", "severity_correlation", "comparisons", "failures")


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr(statistics, "RESAMPLES", 50)


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    folder = tmp_path_factory.mktemp("music")
    for seed in (1, 2):
        write_midi(random_performance(seed, 40), folder / f"{seed}.mid")
    return folder


@pytest.fixture
def opened(views, monkeypatch):
    """The stand-in views, given to whoever opens views."""
    monkeypatch.setattr(calibrate, "open_views", lambda *_: views)
    monkeypatch.setattr(calibrate, "trained_on", lambda *_: {"spectral_lm": ["wrong_notes"]})
    return views


@pytest.fixture(scope="module")
def drawn(music):
    return Draw(per_piece=1).excerpts([music], Length(1.0, "seconds")), Studio(16_000, None, ("wrong_notes", "clip"))


def test_a_loop_loses_to_what_was_played_whatever_its_likelihood(views):
    played = random_performance(3, 60)
    looped = loop(played, np.random.default_rng(3), 0.6)
    judge = open_panel(views).of_notes[0]
    of_played, of_looped = judge([played, looped], 10.0)
    assert np.isfinite(of_played["events"]) and np.isinf(of_looped["events"])
    assert np.isfinite(of_looped["events: bits_per_note"])


def listening_results(path):
    """What listeners made of a test, under these views' weights and under others."""
    row = {"spearman": 0.84, "interval": [0.7, 0.9], "stimuli": 9, "listeners": 20, "mode": "ratings", "alpha": 0.6}
    views = [row | {"view": name, "weights_sha256": "events-hash"} for name in ("events", "vqvae")]
    path.write_text(json.dumps({"version": 1, "views": views}))
    return path


def costs_of(measured):
    return {(str(case), score): costs.tolist() for (case, score), costs in measured.costs.items()}


@pytest.mark.fluidsynth
def test_results_are_written_and_a_benchmark_of_our_own_scores_gives_them_again(music, opened, tmp_path, capsys):
    out, benchmark, again = (tmp_path / name for name in ("out", "benchmark", "again"))
    listened = listening_results(tmp_path / "listening.json")
    assert main([str(music), *FLAGS, "--out", str(out), "--listeners", str(listened)]) == 0
    told = capsys.readouterr()
    assert "2 excerpts of 1 seconds from 2 pieces" in told.out and "0.84 [0.70, 0.90]" in told.out
    assert "left out" in told.err and "vqvae ranked by other weights" in told.err
    calibration = json.loads((out / "calibration.json").read_text())
    assert calibration["weights"] == {name: f"{name}-hash" for name in ("events", "vqvae", "spectral_lm")}
    assert calibration["scores"]["events"] == "bits_per_note, gated"
    assert {row["corruption"] for row in calibration["rows"] if row["view"] == "spectral_lm"} == {"wrong_notes", "clip"}
    assert {row["corruption"] for row in calibration["rows"] if row["view"] == "events"} == {"wrong_notes"}
    assert all(len(row["interval"]) == 2 for row in calibration["rows"])
    assert [(row["view"], row["spearman"]) for row in calibration["listeners"]] == [("events", 0.84)]
    with open(out / "calibration.csv", newline="", encoding="utf-8") as file:
        (row,) = (row for row in csv.DictReader(file) if row["kind"] == "listeners")
    assert [row[key] for key in ("view", "spearman", "spearman_low", "listeners")] == ["events", "0.84", "0.7", "20"]
    assert sorted(path.name for path in out.iterdir() if path.is_file()) == [
        "calibration.csv",
        "calibration.json",
        "calibration.svg",
        "scores.csv",
    ]

    assert main([str(music), *FLAGS, "--write-benchmark", str(benchmark)]) == 0
    flags = ["--benchmark", str(benchmark), "--submission", str(out / "scores.csv"), "--lower-is-better"]
    assert main([*flags, "--out", str(again)]) == 0
    submitted = json.loads((again / "calibration.json").read_text())
    for row in calibration["rows"] + calibration["adversaries"]:
        row["in_distribution"] = False  # nobody tells what a submission was trained on
    assert {name: submitted[name] for name in TABLES} == {name: calibration[name] for name in TABLES}
    for key in ("length", "pieces", "excerpts", "piece_sha256"):
        assert submitted["config"][key] == calibration["config"][key]


@pytest.mark.fluidsynth
def test_a_benchmark_names_its_files_by_hash_and_they_hold_the_versions(music, tmp_path):
    import soundfile

    from losscal.files import sha256_of
    from symbolic.notes.cleaning import read_midi

    assert main([str(music), *FLAGS, "--pieces", "1", "--write-benchmark", str(tmp_path)]) == 0
    lines = {line["case_id"]: line for line in csv.DictReader((tmp_path / "manifest.csv").open())}
    original, scale = lines["0001 original"], lines["0001 scale"]
    (drawn,) = Draw(pieces=1, per_piece=1).excerpts([music], Length(1.0, "seconds"))
    assert (original["piece_sha256"], int(original["first_note"])) == (drawn.piece.sha256, drawn.first_note)
    cleaned = read_midi(tmp_path / original["midi"]).performance
    assert np.array_equal(cleaned.notes["pitch"], drawn.performance.notes["pitch"])
    for line in (original, scale, lines["0001 clip 50 %"]):
        assert sha256_of(tmp_path / line["wav"]) == line["wav_sha256"]
    louder, rate = soundfile.read(tmp_path / lines["0001 gain +12 dB"]["wav"])
    quieter, _ = soundfile.read(tmp_path / lines["0001 gain -12 dB"]["wav"])
    assert rate == 16_000 and np.allclose(louder, quieter * 10**1.2, atol=1e-5)  # nothing is clipped by the format
    assert lines["0001 clip 50 %"]["midi"] == "" and lines["0001 silence"]["midi"] == ""


@pytest.mark.fluidsynth
def test_a_killed_run_goes_on_where_it_stopped(drawn, views, tmp_path):
    excerpts, studio = drawn
    heard = []

    def counted(sound):
        heard.append(sound)
        return of_sound.score(sound)

    of_sound = views.audio["spectral_lm"]
    views = replace(views, audio={"spectral_lm": AudioView(of_sound.view, of_sound.description, counted)})

    def killed(items):
        yield items[0]
        raise KeyboardInterrupt

    whole = measure(excerpts, studio, views)
    in_one_go = len(heard)
    with pytest.raises(KeyboardInterrupt):
        measure(excerpts, studio, views, out=tmp_path, progress=killed)
    before = len(heard)
    resumed = measure(excerpts, studio, views, out=tmp_path)
    assert costs_of(resumed) == costs_of(whole)
    assert len(heard) - before < in_one_go
    before = len(heard)
    assert costs_of(measure(excerpts, studio, views, out=tmp_path)) == costs_of(whole)
    assert len(heard) == before
    measure(excerpts, Studio(16_000, None, ("clip",), seed=2), views, out=tmp_path)
    assert len(heard) > before  # another seed is another run


def test_what_is_beyond_the_references_has_lost(drawn, views):
    excerpts, studio = drawn
    high = ViewReference.of_values("events-hash", "nll_nats_per_note", {64: [50.0, 60.0]})
    views.references.by_view["events"] = high
    panel = open_panel(replace(views, audio={}))
    record = panel.record(studio.versions(excerpts[0], 1), 1.0)
    assert record["sound"] == {}
    assert "events" not in record["notes"][str(ORIGINAL)] and "vqvae" in record["notes"][str(ORIGINAL)]
    assert record["notes"][str(ORIGINAL)]["events: bits_per_note"] > 0


@pytest.mark.fluidsynth
def test_the_ratio_is_gated_by_both_its_percentiles_and_negated(drawn, views):
    _, studio = drawn
    figures = {"nll_nats_per_second": 100.0, "llr_nats_per_second": 7.0}
    audio = {"spectral_lm": replace(views.audio["spectral_lm"], score=lambda sound: figures)}
    panel = open_panel(replace(views, audio=audio, symbolic={}))

    def costs():
        return panel.record(studio.adversaries(1.0), 1.0)["sound"]["scale"]

    got = costs()
    assert got["spectral_lm"] == got["spectral_lm: llr_nats_per_second"] == -7.0
    assert got["spectral_lm: nll_nats_per_second"] == 100.0 and got["spectral_lm: typicality"] == -1.0
    llr = ViewReference.of_values("spectral_lm-hash", "llr_nats_per_second", {10: [1.0, 6.0]})
    views.references.by_view["spectral_lm_llr"] = llr
    panel = open_panel(replace(views, audio=audio, symbolic={}))
    assert "spectral_lm" not in costs()
    figures["llr_nats_per_second"] = 5.0
    assert costs()["spectral_lm"] == -5.0
    figures["nll_nats_per_second"] = -1.0  # likelier than all windows
    assert "spectral_lm" not in costs()


@pytest.mark.fluidsynth
def test_a_view_that_refuses_leaves_its_scores_out_and_the_others_go_on(drawn, views, capsys):
    def refusing(sound):
        raise InputError(f"{sound.source}: no.")

    audio = {"spectral_lm": replace(views.audio["spectral_lm"], score=refusing)}
    record = open_panel(replace(views, audio=audio)).record(drawn[1].adversaries(1.0), 1.0)
    assert record["sound"]["scale"].keys() == {"baseline: RMS", "baseline: compressed bits/s"}
    assert "refused: silence: no." in capsys.readouterr().err


@pytest.mark.fluidsynth
def test_other_views_give_nats_or_each_of_their_figures(drawn, views):
    of = views.audio["spectral_lm"].description
    audio = {
        "musicgen": AudioView(VIEWS["musicgen"], of, lambda sound: {"nll_nats_per_second": 3.0, "perplexity": 9.0}),
        "audiobox": AudioView(VIEWS["audiobox"], of, lambda sound: {"CE": 2.0, "PQ": 5.0}),
        "crest": AudioView(View("crest", "sound", "dB", lambda weights: None), of, lambda sound: {"decibels": 4.0}),
    }
    scale = open_panel(replace(views, audio=audio)).record(drawn[1].adversaries(1.0), 1.0)["sound"]["scale"]
    own = {score: cost for score, cost in scale.items() if not score.startswith("baseline: ")}
    assert own == {"musicgen": 3.0, "audiobox: CE": -2.0, "audiobox: PQ": -5.0, "crest: decibels": -4.0}


@pytest.mark.fluidsynth
def test_an_excerpt_of_the_top_key_alone_does_not_stop_a_run(views, tmp_path):
    music = random_performance(1, 3)
    music.notes["pitch"] = 108
    write_midi(music, tmp_path / "top.mid")
    assert main([str(tmp_path / "top.mid"), *FLAGS[2:], "--notes", "2", "--write-benchmark", str(tmp_path / "b")]) == 0
    lines = {line["case_id"]: line for line in csv.DictReader((tmp_path / "b" / "manifest.csv").open())}
    assert lines["0001 a semitone higher"]["midi"] == lines["0001 a semitone higher"]["wav"] == ""
    excerpts = Draw(per_piece=1).excerpts([tmp_path / "top.mid"], Length(2, "notes"))
    measured = measure(excerpts, Studio(16_000, None, ("clip",)), views)
    assert np.isinf(measured.costs.get((Case("a semitone higher"), "events"), np.inf)).all()
    assert np.isfinite(measured.costs[Case("a semitone lower"), "events: bits_per_note"]).all()


@pytest.fixture(scope="module")
def benchmark(music, tmp_path_factory):
    folder = tmp_path_factory.mktemp("benchmark")
    assert main([str(music), *FLAGS, "--write-benchmark", str(folder)]) == 0
    return folder


def submit(benchmark, path, lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return main(["--benchmark", str(benchmark), "--submission", str(path)])


@pytest.mark.fluidsynth
def test_higher_is_better_unless_said_and_a_refusal_loses(benchmark, tmp_path, capsys):
    ids = [line["case_id"] for line in csv.DictReader((benchmark / "manifest.csv").open())]
    cases = ["original", str(YARDSTICK), "scale", str(Case("wrong_notes", 0.5))]
    values = dict(zip(cases, ["2.5", "1.5", "refused", "3"], strict=True))
    lines = ["case_id,mine"] + [f"{name},{values[name[5:]]}" for name in ids if name[5:] in values]
    assert submit(benchmark, tmp_path / "mine.csv", lines) == 0
    text = capsys.readouterr().out
    assert "| wrong_notes 10 % | 1.000 [0.158, 1.000] |" in text and "| scale | 1.000 [0.158, 1.000] |" in text
    assert "| wrong_notes 50 % | 0.000 [0.000, 0.842] |" in text and "clip" not in text


@pytest.mark.fluidsynth
@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["id,mine", "0001 original,1"], "has no column case_id"),
        (["case_id,mine"], "has no line"),
        (["case_id", "0001 original"], "holds no score"),
        (["case_id,mine", "0009 original,1"], "2: '0009 original' is no case of the benchmark"),
        (["case_id,mine", "0001 original,much"], "2: mine: 'much' is no number"),
        (["case_id,mine", "0001 original,nan"], "2: mine: nan is not finite"),
        (["case_id,mine", "0001 original,1", "0001 original,1"], "3: 0001 original stands there twice"),
        (["case_id,mine", "0001 original,1"], "mine has no value for 0002 original"),
        (["case_id,mine", "0001 original,1", "0002 original,1"], "mine has no value for any wrong_notes 10 %"),
    ],
)
def test_a_submission_that_cannot_be_read_is_told_where(benchmark, tmp_path, lines, message):
    with pytest.raises(InputError, match=message):
        submit(benchmark, tmp_path / "mine.csv", lines)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--corruptions", "clap"], "--corruptions clap"),
        (["--soundfont", "none.sf2"], "--soundfont none.sf2: no such file"),
    ],
)
def test_flags_that_are_wrong_are_named(music, opened, flags, message):
    with pytest.raises(InputError, match=message):
        main([str(music), *flags])


@pytest.mark.parametrize(
    "flags", [[], ["--benchmark", "B"], ["--submission", "S"], ["M", "--benchmark", "B", "--submission", "S"]]
)
def test_what_is_to_be_done_must_be_clear(flags, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(flags)
    assert stopped.value.code == 2
    assert "SOURCE" in capsys.readouterr().err
