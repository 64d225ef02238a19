"""bridge.score from Python and as a command: items, both halves of the report, what is refused, exit statuses."""

import csv
import json
import subprocess
import sys
from dataclasses import replace

import mido
import numpy as np
import pytest
import soundfile

import bridge.scorer
from bridge.items.finding import Item, find_items
from bridge.items.part import Part
from bridge.items.tables import read_table
from bridge.score import main
from bridge.scorer import score_items
from bridge.views.declarations import VIEWS
from bridge.views.opening import OpenViews
from bridge.views.sound import AudioView
from losscal.errors import InputError
from losscal.references import References


@pytest.fixture
def broken_files(tmp_path, make_midi, make_wav):
    """One file of each kind that cannot be scored, and one good pair."""
    folder = tmp_path / "in"
    folder.mkdir()
    make_midi(folder / "good.mid")
    make_wav(folder / "good.wav")
    (folder / "empty.mid").write_bytes(b"")
    (folder / "empty_sound.wav").write_bytes(b"")
    (folder / "text.mid").write_text("Dear reader, this is a letter and no MIDI file.")
    (folder / "truncated.mid").write_bytes((folder / "good.mid").read_bytes()[:100])
    drums = mido.MidiFile()
    drums.tracks.append(mido.MidiTrack())
    drums.tracks[0].append(mido.Message("note_on", channel=9, note=38, velocity=90, time=0))
    drums.tracks[0].append(mido.Message("note_off", channel=9, note=38, time=100))
    drums.save(folder / "drums.mid")
    (folder / "header.wav").write_bytes(b"RIFX" + (folder / "good.wav").read_bytes()[4:40])
    soundfile.write(folder / "nan.wav", np.full(32_000, np.nan, dtype=np.float32), 16_000, subtype="FLOAT")
    soundfile.write(folder / "silent.wav", np.zeros(32_000), 16_000)
    return folder


@pytest.mark.fluidsynth
def test_a_pair_carries_both_halves_with_the_keys_of_the_contract(tmp_path, views, make_midi, make_wav):
    midi, wav = make_midi(tmp_path / "a.mid", count=60), make_wav(tmp_path / "a.wav", seconds=8.0)
    report = score_items([Item(id="a", midi=midi, wav=wav, group="g")], views)
    assert set(report) == {
        *("version", "created", "weights", "units", "context_policy", "items", "groups", "agreement", "passed_over"),
        "soundfont",
    }
    assert report["version"] == 1 and report["agreement"] is None
    assert report["weights"] == {name: f"{name}-hash" for name in ("events", "vqvae", "spectral_lm")}
    assert report["units"]["spectral_lm"] == "nats of peaks" and set(report["units"]) == set(report["weights"])
    assert report["context_policy"] == "events: all of it; vqvae: all of it"
    (entry,) = report["items"]
    assert set(entry) == {
        *("id", "group", "midi", "wav", "rendered", "symbolic", "heard", "audio", "match", "heard_against_read"),
        *("moments", "explanations", "warnings", "error"),
    }
    assert (entry["midi"], entry["wav"], entry["rendered"], entry["match"]) == (str(midi), str(wav), False, None)
    assert ["less than 15 s" in text for text in entry["warnings"]] == [True] and entry["error"] is None
    symbolic = entry["symbolic"]
    assert set(symbolic) == {"notes", "seconds", "repairs", "sequenced", "looped_share", "events", "vqvae", "per_note"}
    assert symbolic["notes"] == 60 and symbolic["seconds"] == pytest.approx(5.99)
    shared = {
        *("nll_nats", "end_nll_nats", "nll_nats_per_note", "bits_per_note", "nll_nats_per_second"),
        *("onset_bits_per_note", "percentile", "by_attribute"),
    }
    assert set(symbolic["events"]) == shared | {"pitch_bits_per_note"}
    assert set(symbolic["vqvae"]) == shared | {"code_nll_nats", "note_nll_nats", "code_bits_per_note"}
    for view in ("events", "vqvae"):
        parts = sum(symbolic[view]["by_attribute"].values()) + symbolic[view].get("code_nll_nats", 0.0)
        assert parts == pytest.approx(symbolic[view]["nll_nats"])
    assert symbolic["events"]["nll_nats_per_note"] == pytest.approx(6.05)
    assert symbolic["events"]["percentile"] == pytest.approx(39.5)  # references rise evenly from 0 to 10
    assert entry["audio"]["seconds"] == 8.0
    assert entry["audio"]["spectral_lm"]["percentile"] == pytest.approx(75.0, abs=0.1)
    assert entry["audio"]["spectral_lm"]["typicality"] == pytest.approx(0.5, abs=0.01)
    assert entry["audio"]["spectral_lm"]["llr_percentile"] is entry["audio"]["spectral_lm"]["curve"] is None


@pytest.mark.fluidsynth
def test_a_lone_midi_is_rendered_and_nothing_is_left_behind(tmp_path, views, make_midi):
    midi = make_midi(tmp_path / "a.mid")
    (entry,) = score_items([Item(id="a", midi=midi)], views)["items"]
    assert entry["rendered"] is True and entry["wav"] is None and entry["error"] is None
    assert entry["audio"]["seconds"] > entry["symbolic"]["seconds"]
    assert list(tmp_path.iterdir()) == [midi]


def test_a_lone_recording_has_no_symbolic_half(tmp_path, views, make_wav):
    (entry,) = score_items([Item(id="a", wav=make_wav(tmp_path / "a.wav"))], views)["items"]
    assert entry["symbolic"] is None and entry["rendered"] is False and entry["error"] is None


def test_where_one_half_fails_the_other_is_reported_with_the_error(tmp_path, views, make_midi, make_wav):
    midi, wav = make_midi(tmp_path / "a.mid"), make_wav(tmp_path / "a.wav")
    no_midi, no_wav = score_items(
        [Item(id="1", midi=tmp_path / "gone.mid", wav=wav), Item(id="2", midi=midi, wav=tmp_path / "gone.wav")], views
    )["items"]
    assert no_midi["symbolic"] is None and no_midi["audio"]["spectral_lm"] and "gone.mid" in no_midi["error"]
    assert no_wav["audio"] is None and no_wav["symbolic"]["events"] and "gone.wav" in no_wav["error"]
    assert no_wav["rendered"] is False


@pytest.mark.fluidsynth
def test_broken_files_take_one_sentence_each_and_the_good_ones_are_scored(broken_files, views):
    report = score_items(find_items([broken_files, broken_files / "missing.mid"]), views)
    entries = {entry["id"].rsplit("/", 1)[-1]: entry for entry in report["items"]}
    assert set(entries) == {
        *("good.mid", "empty.mid", "empty_sound.wav", "text.mid", "truncated.mid", "drums.mid"),
        *("header.wav", "nan.wav", "silent.wav", "missing.mid"),
    }
    good = entries.pop("good.mid")
    assert good["error"] is None and good["symbolic"]["notes"] == 40 and good["audio"]
    for name, entry in entries.items():
        assert name in entry["error"] and "\n" not in entry["error"] and entry["error"].endswith("."), name
        assert entry["symbolic"] is None and entry["audio"] is None


def test_views_not_asked_for_are_absent_and_those_not_in_this_version_say_why(tmp_path, views, make_midi):
    asked = OpenViews(views.symbolic | {}, {}, {"musicgen": "not yet"}, views.references)
    (entry,) = score_items([Item(id="a", midi=make_midi(tmp_path / "a.mid"))], asked)["items"]
    assert entry["audio"]["musicgen"] == {"unavailable": "not yet"} and "spectral_lm" not in entry["audio"]
    symbolic_only = OpenViews({"events": views.symbolic["events"]}, {}, {}, views.references)
    (entry,) = score_items([Item(id="a", midi=tmp_path / "a.mid")], symbolic_only)["items"]
    assert entry["audio"] is None and "vqvae" not in entry["symbolic"]


def test_a_recording_under_symbolic_views_alone_is_an_error(tmp_path, views, make_wav):
    symbolic_only = OpenViews(views.symbolic, {}, {}, views.references)
    (entry,) = score_items([Item(id="a", wav=make_wav(tmp_path / "a.wav"))], symbolic_only)["items"]
    assert entry["error"] == (
        "a: not scored, the views asked for (events, vqvae) need a MIDI file; give it, or ask for others."
    )


def test_an_item_whose_views_cannot_be_had_is_not_done(tmp_path, views, make_midi, make_wav):
    nothing = OpenViews({}, {}, {"events": "no weights.", "spectral_lm": "none either."}, views.references)
    of_notes, of_sound = score_items(
        [Item(id="a", midi=make_midi(tmp_path / "a.mid")), Item(id="b", wav=make_wav(tmp_path / "b.wav"))], nothing
    )["items"]
    assert of_notes["error"] == "a: not scored. events: no weights. spectral_lm: none either."
    assert of_sound["error"] == "b: not scored. spectral_lm: none either."


def test_percentiles_are_given_only_with_references_of_the_same_weights(tmp_path, views, make_midi):
    stale = OpenViews(views.symbolic, {}, {}, References({"events": views.references.by_view["vqvae"]}))
    (entry,) = score_items([Item(id="a", midi=make_midi(tmp_path / "a.mid"))], stale)["items"]
    assert entry["symbolic"]["events"]["percentile"] is None and entry["symbolic"]["vqvae"]["percentile"] is None
    assert ["other weights" in text or "no references" in text for text in entry["warnings"]] == [True, True]


def test_numbers_that_are_not_finite_never_reach_the_report(tmp_path, views, make_midi, monkeypatch):
    monkeypatch.setattr(views.symbolic["vqvae"], "factor", float("nan"))
    items = [Item(id="a", midi=make_midi(tmp_path / "a.mid"))]
    (entry,) = score_items(items, views, tables_dir=tmp_path / "out")["items"]
    assert "vqvae" not in entry["symbolic"] and "events" in entry["symbolic"] and "not finite" in entry["error"]
    table = read_table(tmp_path / "out" / entry["symbolic"]["per_note"])
    assert "events_pitch_nats" in table and "vqvae_pitch_nats" not in table


def test_a_sound_whose_figures_are_not_finite_has_no_curve_and_no_moments(tmp_path, views, make_wav):
    def broken(sound):
        curve = {"start_seconds": list(range(20)), "nll_nats_per_second": [1.0, float("nan")] * 10}
        return view.score(sound) | {"curve": curve}

    view = views.audio["spectral_lm"]
    views = OpenViews({}, {"spectral_lm": replace(view, score=broken)}, {}, views.references)
    wav = make_wav(tmp_path / "a.wav", seconds=20.0)
    (entry,) = score_items([Item(id="a", wav=wav)], views, tables_dir=tmp_path / "out")["items"]
    assert entry["audio"] is None and entry["moments"] == [] and "spectral_lm gave a number" in entry["error"]
    assert not (tmp_path / "out" / "curves").exists()


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (MemoryError(), "takes more memory than there is"),
        (RuntimeError("DefaultCPUAllocator: not enough memory"), "takes more memory than there is"),
        (RecursionError("maximum recursion depth exceeded"), "failed (RecursionError: maximum"),
        (OSError(28, "No space left on device"), "the system refuses (No space left on device)"),
        (KeyError("pitch"), "please report this file"),
    ],
)
@pytest.mark.parametrize("half", ["symbolic", "audio"])
def test_whatever_one_item_raises_is_its_own(tmp_path, views, make_midi, make_wav, monkeypatch, half, raised, told):
    """The neighbours, its other half and the report are complete, and the next run is no worse off."""
    items = [
        Item(
            id=name, midi=make_midi(tmp_path / f"{name}.mid", count=40 + place), wav=make_wav(tmp_path / f"{name}.wav")
        )
        for place, name in enumerate("abc")
    ]
    notes, sound = views.symbolic["events"], views.audio["spectral_lm"]
    score_notes, score_sound = notes.score, sound.score

    def fail_on(is_b, answer):
        if is_b:
            raise raised
        return answer()

    if half == "symbolic":
        notes.score = lambda given, **flags: fail_on(len(given[0]) == 41, lambda: score_notes(given, **flags))
    else:
        views.audio["spectral_lm"] = replace(
            sound, score=lambda given: fail_on(given.source.endswith("b.wav"), lambda: score_sound(given))
        )
    monkeypatch.setattr("bridge.items.scoring.match_of_pair", lambda music: Part())
    for _ in range(2):
        a, b, c = score_items(items, views, tables_dir=tmp_path / "out")["items"]
        assert a["error"] is c["error"] is None and a["symbolic"]["events"] and c["audio"]["spectral_lm"]
        assert told in b["error"] and "\n" not in b["error"] and b["error"].endswith(".")
        assert b["symbolic"]["vqvae"] and (b["audio"] is None) == (half == "audio")


def test_the_per_note_table_sums_to_the_report(tmp_path, views, make_midi):
    midi = make_midi(tmp_path / "a.mid")
    (entry,) = score_items([Item(id="a", midi=midi)], views, tables_dir=tmp_path / "out")["items"]
    with open(tmp_path / "out" / entry["symbolic"]["per_note"], newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 40 and lines[1]["onset_seconds"] == "0.10" and lines[1]["pitch"] == "61"
    for view in ("events", "vqvae"):
        parts = [f"{view}_{part}_nats" for part in VIEWS[view].note_parts]
        total = sum(float(line[part]) for line in lines for part in parts)
        assert total == pytest.approx(entry["symbolic"][view]["nll_nats"], abs=0.05)


def test_the_curve_is_a_table_whose_path_stands_in_the_report(tmp_path, views, make_wav):
    wav = make_wav(tmp_path / "a.wav", seconds=6.5)
    (entry,) = score_items([Item(id="a", wav=wav)], views, tables_dir=tmp_path / "out")["items"]
    path = entry["audio"]["spectral_lm"]["curve"]
    assert path.startswith("curves/a-") and path.endswith("_spectral_lm.csv")
    with open(tmp_path / "out" / path, newline="") as file:
        lines = list(csv.DictReader(file))
    assert [float(line["start_seconds"]) for line in lines] == [0, 1, 2, 3, 4, 5, 6]
    assert {float(line["nll_nats_per_second"]) for line in lines} == {50.0}


def test_a_view_that_refuses_a_sound_costs_the_others_nothing(tmp_path, views, make_wav):
    def refuse(sound):
        raise InputError(f"{sound.source}: too dull.")

    spectral_lm = views.audio["spectral_lm"]
    dull = replace(spectral_lm, score=refuse)
    some = OpenViews({}, {"spectral_lm": spectral_lm, "audiobox": dull}, {}, views.references)
    wav = make_wav(tmp_path / "a.wav")
    (entry,) = score_items([Item(id="a", wav=wav)], some)["items"]
    assert set(entry["audio"]) == {"seconds", "spectral_lm"} and entry["error"] == f"{wav}: too dull."
    none = OpenViews({}, {"musicgen": dull, "audiobox": dull}, {}, views.references)
    (entry,) = score_items([Item(id="a", wav=wav)], none)["items"]
    assert entry["audio"] is None and entry["error"] == f"{wav}: too dull."  # told once


def test_what_a_view_remarks_is_told_beside_its_figures(tmp_path, views, make_wav):
    spectral_lm = views.audio["spectral_lm"]
    remarking = replace(spectral_lm, score=lambda sound: {**spectral_lm.score(sound), "remarks": ("hardly music",)})
    opened = OpenViews({}, {"spectral_lm": remarking}, {}, views.references)
    (entry,) = score_items([Item(id="a", wav=make_wav(tmp_path / "a.wav"))], opened)["items"]
    assert "hardly music" in entry["warnings"] and "remarks" not in entry["audio"]["spectral_lm"]


def test_the_ratio_has_references_of_its_own(tmp_path, views, make_wav):
    spectral_lm = views.audio["spectral_lm"]
    ratio = replace(spectral_lm, score=lambda sound: spectral_lm.score(sound) | {"llr_nats_per_second": 150.0})
    of_ratio = replace(views.references.by_view["spectral_lm"], statistic="llr_nats_per_second")
    items = [Item(id="a", wav=make_wav(tmp_path / "a.wav"))]
    references = References({**views.references.by_view, "spectral_lm_llr": of_ratio})
    (entry,) = score_items(items, OpenViews({}, {"spectral_lm": ratio}, {}, references))["items"]
    assert entry["audio"]["spectral_lm"]["percentile"] == pytest.approx(75.0, abs=0.1)
    assert entry["audio"]["spectral_lm"]["llr_percentile"] == pytest.approx(
        75.0, abs=0.1
    )  # more is better, of 0 to 200
    (entry,) = score_items(items, OpenViews({}, {"spectral_lm": ratio}, {}, views.references))["items"]
    assert entry["audio"]["spectral_lm"]["llr_percentile"] is None
    assert ["spectral_lm_llr: no percentile" in text for text in entry["warnings"]] == [True]


def test_a_view_without_references_has_no_percentile_and_no_warning_about_it(tmp_path, views, make_wav):
    ratings = AudioView(VIEWS["audiobox"], views.audio["spectral_lm"].description, lambda sound: {"CE": 5.0})
    (entry,) = score_items([Item(id="a", wav=make_wav(tmp_path / "a.wav"))], OpenViews({}, {"audiobox": ratings}))[
        "items"
    ]
    assert entry["audio"]["audiobox"] == {"CE": 5.0} and entry["warnings"] == []


def test_excerpts_have_no_end_symbol_and_say_so(tmp_path, views, make_midi):
    report = score_items([Item(id="a", midi=make_midi(tmp_path / "a.mid"))], views, excerpt=True)
    assert report["items"][0]["symbolic"]["events"]["end_nll_nats"] is None
    assert "excerpt" in report["context_policy"]


@pytest.fixture
def command(monkeypatch, views, capsys):
    """The command line with the stand-in views: a function of its arguments to (exit status, stdout, stderr)."""
    monkeypatch.setattr(bridge.scorer, "open_views", lambda names, weights_dir, checkpoints: views)

    def run_command(*arguments):
        status = main([str(argument) for argument in arguments])
        return status, *capsys.readouterr()

    return run_command


@pytest.mark.fluidsynth
def test_exit_status_says_whether_items_failed(command, tmp_path, make_midi, broken_files):
    midi = make_midi(tmp_path / "a.mid")
    assert command(midi)[0] == 0
    status, out, _ = command(midi, tmp_path / "missing.wav")
    assert status == 1 and "missing.wav: no such file" in out
    (tmp_path / "nothing").mkdir()
    assert command(tmp_path / "nothing")[0] == 1
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text(f'{json.dumps({"midi": str(midi)})}\n{{"midi"\n')
    status, out, _ = command("--pairs", pairs)
    assert status == 1 and "pairs.jsonl:2: not JSON" in out
    assert command(broken_files)[0] == 1


def test_wrong_usage_exits_with_2(command, tmp_path):
    with pytest.raises(SystemExit, match="2"):
        command()
    with pytest.raises(SystemExit, match="2"):
        command("--no-such-flag")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be made"):
        command(tmp_path, "--out", tmp_path / "file")


@pytest.mark.fluidsynth
def test_json_prints_the_report_alone(command, tmp_path, make_midi):
    status, out, _ = command(make_midi(tmp_path / "a.mid"), "--json", "--out", tmp_path / "out")
    report = json.loads(out)
    assert status == 0 and report == json.loads((tmp_path / "out/report.json").read_text())


@pytest.mark.fluidsynth
def test_without_out_nothing_is_written_and_with_it_nothing_beside_the_input(command, tmp_path, make_midi):
    folder = tmp_path / "in"
    folder.mkdir()
    make_midi(folder / "a.mid")
    command(folder)
    assert [path.name for path in tmp_path.rglob("*")] == ["in", "a.mid"]
    command(folder, "--out", tmp_path / "out")
    assert [path.name for path in folder.iterdir()] == ["a.mid"]
    written = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.*"))
    assert [name.split("-")[0] for name in written[:2]] == ["curves/a", "journal.jsonl"] and "per_note/a-" in written[2]
    assert written[3:] == ["report.csv", "report.html", "report.json", "report.xlsx"]


def test_help_loads_no_heavy_package():
    probe = (
        "import sys, bridge.score\n"
        "try: bridge.score.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'scipy', 'soundfile', 'mido', 'lightning'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    result = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert result.returncode == 0 and "PATH" in result.stdout, result.stderr


def test_command_line_prints_one_sentence_for_wrong_usage(tmp_path):
    command = [sys.executable, "-m", "bridge.score", str(tmp_path), "--weights", str(tmp_path / "none")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2 and result.stdout == ""
    assert result.stderr.count("\n") == 1 and result.stderr.startswith("error: --weights")
