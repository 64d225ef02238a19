"""The notes heard in a recording are scored as those of a file, told as heard, and left out where they are none."""

import csv
import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hearing import Ears, as_heard, listener_of
from music import random_performance

from bridge.items.entry import ItemEntry
from bridge.items.finding import Item, find_items
from bridge.items.tables import performance_of, read_table
from bridge.report.files import table, write_report
from bridge.report.html import item_data
from bridge.score import main, score
from bridge.scorer import score_items
from bridge.transcription import opening
from bridge.transcription.listening import Listener
from bridge.transcription.transcriber import HeardNote
from bridge.views.opening import OpenViews
from losscal.errors import InputError
from losscal.records import record_of
from losscal.references import References, ViewReference
from symbolic.notes.cleaning import read_midi
from symbolic.notes.performance import TICK_SECONDS, Performance, write_midi

SLOWER = random_performance(5, 40).notes
SLOWER["onset_ticks"] *= 2
MUSIC = Performance(SLOWER)
"""What begins at once or 60 ms apart and more, so that its chords are heard as they are."""
START = 1.25
WITH_LISTENER = OpenViews.with_listener


@pytest.fixture
def hearing_views(views, monkeypatch):
    return replace(views, listener=listener_of(monkeypatch, {"take": as_heard(MUSIC, START)}))


@pytest.fixture
def take(tmp_path, make_wav):
    return make_wav(tmp_path / "take.wav", seconds=60.0)


@pytest.fixture
def someone_listens(monkeypatch):
    """Undo what keeps tests from listening."""
    monkeypatch.setattr(OpenViews, "with_listener", WITH_LISTENER)


def test_heard_notes_get_the_figures_of_the_same_notes_in_a_file(tmp_path, hearing_views, take):
    write_midi(MUSIC, tmp_path / "notes.mid")
    items = [Item(id="take", wav=take), Item(id="notes", midi=tmp_path / "notes.mid")]
    heard, read = score_items(items, replace(hearing_views, audio={}), tables_dir=tmp_path / "out")["items"]
    assert heard["symbolic"] is None and heard["error"] is None and read["heard"] is None
    assert heard["heard"].keys() - read["symbolic"].keys() == {
        *("transcriber", "transcriber_version", "first_note_seconds")
    }
    for view in ("events", "vqvae"):
        told = {**heard["heard"][view], "percentile": None}
        assert told == {**read["symbolic"][view], "percentile": None}
        assert f"{view}" in heard["explanations"][f"heard_{view}"]
    assert (heard["heard"]["transcriber"], heard["heard"]["transcriber_version"]) == ("ears", "1.0")
    assert heard["heard"]["first_note_seconds"] == START
    notes = read_table(tmp_path / "out" / heard["heard"]["per_note"])
    assert notes["onset_seconds"][0] == START
    assert (performance_of(notes).notes == MUSIC.notes).all()


def test_moments_of_heard_notes_have_the_recording_s_time(hearing_views, take):
    """A key that costs three times what others cost, 2 s behind the first note."""
    notes = [HeardNote(START + 0.1 * i, START + 0.1 * i + 0.05, 30 + 70 * (i == 20), 80) for i in range(64)]
    hearing_views.listener.transcriber.notes["take"] = notes
    (entry,) = score_items([Item(id="take", wav=take)], hearing_views)["items"]
    moment = entry["moments"][0]
    assert moment["view"] == "heard_events" and moment["notes"] == [20]
    assert moment["start_seconds"] == pytest.approx(START + 2.0) and "0:03.2" in moment["text"]


def test_percentiles_of_heard_notes_need_references_of_heard_notes(hearing_views, take):
    by_view = hearing_views.references.by_view
    (entry,) = score_items([Item(id="take", wav=take)], hearing_views)["items"]
    assert entry["heard"]["events"]["percentile"] is None
    assert any("heard_events: no percentile, it has no references" in text for text in entry["warnings"])
    of_onsets = {"statistic": "onset_bits_per_note", "weights_sha256": "events-hash ears 1.0"}
    by_view["heard_events"] = replace(by_view["events"], **of_onsets)
    by_view["heard_vqvae"] = replace(by_view["vqvae"], **of_onsets | {"weights_sha256": "vqvae-hash ears 0.9"})
    (entry,) = score_items([Item(id="take", wav=take)], hearing_views)["items"]
    bits = entry["heard"]["events"]["onset_bits_per_note"]
    assert entry["heard"]["events"]["percentile"] == pytest.approx(100.0 - 10.0 * bits)  # even from 0 to 10
    assert entry["heard"]["vqvae"]["percentile"] is None  # another version heard those
    by_view["heard_events"] = replace(by_view["heard_events"], statistic="nll_nats_per_note")
    (entry,) = score_items([Item(id="take", wav=take)], hearing_views)["items"]
    assert entry["heard"]["events"]["percentile"] is None
    assert any("its references are of nll_nats_per_note" in text for text in entry["warnings"])


def test_how_long_notes_are_heard_to_be_is_no_matter(tmp_path, hearing_views, take):
    """A note is drawn as surprising, and a recording ranked, by all but the durations."""
    report = score_items([Item(id="take", wav=take)], hearing_views, tables_dir=tmp_path / "out")
    (entry,) = report["items"]
    for view, in_all in (("events", 0.75), ("vqvae", 0.875)):  # of equal parts, and half of a code
        figures = entry["heard"][view]
        assert figures["onset_bits_per_note"] == pytest.approx(in_all * figures["bits_per_note"])
        assert f"{figures['onset_bits_per_note']:.2f} bits" in entry["explanations"][f"heard_{view}"]
    page = item_data(record_of(ItemEntry, entry), tmp_path / "out", False, hearing_views.declared.values())
    assert {view: [*nats] for view, nats in page["nats"].items()} == {
        "events": ["time", "pitch", "velocity"],
        "vqvae": ["time", "pitch", "velocity", "code"],
    }


@pytest.mark.fluidsynth
def test_no_rendering_of_ours_is_heard(tmp_path, hearing_views, make_midi):
    item = Item(id="notes", midi=make_midi(tmp_path / "take.mid"))
    (entry,) = score_items([item], hearing_views)["items"]
    assert entry["rendered"] and entry["heard"] is None and hearing_views.listener.transcriber.asked == 0


@pytest.mark.parametrize(
    ("notes", "told"),
    [
        ([], "no note of a piano is heard in 60 s"),
        (as_heard(MUSIC)[:1], "one note is heard in 60 s"),
        (as_heard(MUSIC)[:20], "only 20 notes are heard in 60 s"),
    ],
)
def test_a_recording_in_which_hardly_anything_is_heard_is_told_and_not_scored(hearing_views, take, notes, told):
    hearing_views.listener.transcriber.notes["take"] = notes
    (entry,) = score_items([Item(id="take", wav=take)], hearing_views)["items"]
    assert entry["heard"] is None and entry["error"] is None and entry["audio"]["spectral_lm"]
    assert any(told in text for text in entry["warnings"])


def test_heard_notes_stand_in_every_form_of_the_report(tmp_path, hearing_views, take):
    report = score_items([Item(id="take", wav=take)], hearing_views, tables_dir=tmp_path / "out")
    text = table(report)
    assert "heard_events" in text and "heard: notes that a transcriber heard" in text
    write_report(report, tmp_path / "out")
    with open(tmp_path / "out/report.csv", newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    bits = report["items"][0]["heard"]["events"]["bits_per_note"]
    assert (row["heard_notes"], float(row["heard_events_bits_per_note"])) == (str(len(MUSIC)), bits)
    assert (row["heard_by"], row["notes"], row["events_bits_per_note"]) == ("ears", "", "")


def test_a_journal_is_believed_only_of_the_same_ears(tmp_path, hearing_views, take, monkeypatch):
    def asked():
        score_items([Item(id="take", wav=take)], hearing_views, tables_dir=tmp_path / "out")
        return hearing_views.listener.transcriber.asked

    assert [asked(), asked()] == [1, 1]
    monkeypatch.setattr(Ears, "fingerprint", "other weights")
    assert asked() == 2


@pytest.mark.usefixtures("someone_listens")
def test_without_a_transcriber_a_sentence_says_so_and_all_else_is_done(tiny_weights, take, make_midi, monkeypatch):
    def absent(progress):
        raise InputError("ears: is not installed; run pip install ears.")

    monkeypatch.setitem(opening.TRANSCRIBERS, "ears", absent)
    paths = [take, make_midi(take.with_name("notes.mid"))]
    options = {"views": ["events"], "weights_dir": tiny_weights, "listener": Listener("ears")}
    notes, recording = score(paths, **options)["items"]
    if notes["midi"] is None:
        notes, recording = recording, notes
    assert notes["error"] is None and "ears" not in str(notes["warnings"])
    assert recording["warnings"] == ["heard notes: ears: is not installed; run pip install ears."]
    assert "need a MIDI file" in recording["error"]


@pytest.mark.usefixtures("someone_listens")
def test_it_is_said_beforehand_how_long_listening_takes(tiny_weights, take, monkeypatch):
    told = []
    listener = listener_of(monkeypatch, {"take": as_heard(MUSIC)})
    options = {"views": ["events"], "weights_dir": tiny_weights, "tell": told.append}
    (entry,) = score([take], listener=listener, **options)["items"]
    assert entry["heard"]["notes"] == len(MUSIC)
    assert told == [
        "notes are heard in 1 recording, 60 s of sound: about 10 min on one core, less where they were heard before; "
        "--no-transcription leaves that out"
    ]
    score([take], listener=None, **options)
    assert len(told) == 1 and listener.transcriber.asked == 1


@pytest.mark.usefixtures("someone_listens")
def test_no_transcription_leaves_it_out(tiny_weights, take, capsys):
    assert main([str(take), "--views", "events", "--weights", str(tiny_weights), "--no-transcription", "--json"]) == 1
    (entry,) = json.loads(capsys.readouterr().out)["items"]
    assert entry["heard"] is None and "need a MIDI file" in entry["error"]


@pytest.mark.usefixtures("someone_listens")
@pytest.mark.skipif(importlib.util.find_spec("transkun") is None, reason="transkun is not installed")
def test_the_shipped_transcriber_hears_an_example(tmp_path, tiny_weights):
    example = Path(__file__).parents[3] / "examples/generated_by_events"
    samples, rate = soundfile.read(example.with_suffix(".wav"), stop=5 * 44_100)
    soundfile.write(tmp_path / "start.wav", samples, rate)
    (entry,) = score(
        [tmp_path / "start.wav"], views=["events"], weights_dir=tiny_weights, listener=Listener(keeps=False)
    )["items"]
    onsets = read_midi(example.with_suffix(".mid")).performance.notes["onset_ticks"] * TICK_SECONDS
    assert entry["heard"]["notes"] == pytest.approx((onsets < entry["heard"]["seconds"]).sum(), rel=0.2)
    assert np.isfinite(entry["heard"]["events"]["bits_per_note"])


@pytest.mark.fluidsynth
def test_a_pair_s_recording_is_held_against_its_notes(tmp_path, hearing_views, make_wav):
    """One note is left out, one is another, one comes late and one is added; lengths and loudness are no matter."""
    played = MUSIC.notes.copy()
    played["onset_ticks"] *= 4  # no chord and no repetition within reach
    played["duration_ticks"] = 20
    score_of = Performance(played)
    heard = played.copy()
    heard["pitch"][5] = 108 if heard["pitch"][5] < 100 else 21
    heard["onset_ticks"][8:9] += 20
    heard["duration_ticks"] += 30
    notes = as_heard(Performance(np.sort(heard, order=("onset_ticks", "pitch"))), START)
    last = notes[-1].end_seconds
    notes = [*notes[:10], *notes[11:], HeardNote(last + 2.0, last + 2.5, 60, 20)]
    hearing_views.listener.transcriber.notes["take"] = notes
    write_midi(score_of, tmp_path / "take.mid")
    make_wav(tmp_path / "take.wav", seconds=60.0)
    items = find_items([tmp_path / "take.mid", tmp_path / "take.wav"])
    report = score_items(items, replace(hearing_views, audio={}), tables_dir=tmp_path / "out")
    (entry,) = report["items"]
    told = entry["heard_against_read"]
    counts = {"matched": len(played) - 3, "missing": 1, "extra": 1, "moved": 1, "repitched": 1}
    assert {name: told[name] for name in counts} == counts
    assert told["text"] == (
        f"{len(played) - 3} of {len(played)} notes are heard where the file has them, "
        "1 missing, 1 extra, 1 moved, 1 of another pitch"
    )
    repitched = next(edit for edit in told["edits"] if edit["kind"] == "changed")
    assert repitched["seconds"] == pytest.approx(START + played["onset_ticks"][5] * 0.01)
    assert repitched["reference_seconds"] == pytest.approx(played["onset_ticks"][5] * 0.01)
    assert {edit["kind"] for edit in told["edits"]} == {"changed", "moved", "added", "removed"}
    write_report(report, tmp_path / "out")
    assert "Heard in the recording" in (tmp_path / "out/report.html").read_text(encoding="utf-8")


@pytest.mark.fluidsynth
def test_a_recording_of_other_music_is_told_without_edits(tmp_path, hearing_views, make_midi, make_wav):
    make_midi(tmp_path / "take.mid")
    make_wav(tmp_path / "take.wav", seconds=60.0)
    items = find_items([tmp_path / "take.mid", tmp_path / "take.wav"])
    (entry,) = score_items(items, replace(hearing_views, audio={}))["items"]
    told = entry["heard_against_read"]
    assert told["edits"] == [] and told["text"].endswith("it is other music")


@pytest.mark.parametrize(("ratio", "is_foreign"), [(-5.0, True), (50.0, False)])
def test_a_sound_that_is_foreign_to_a_view_is_remarked_on(views, make_midi, make_wav, tmp_path, ratio, is_foreign):
    sound = views.audio["spectral_lm"]
    ratios = {"spectral_lm_llr": ViewReference.of_values("spectral_lm-hash", "llr_nats_per_second", {10: [0.0, 100.0]})}
    views = replace(
        views,
        audio={"spectral_lm": replace(sound, score=lambda of: sound.score(of) | {"llr_nats_per_second": ratio})},
        references=References({**views.references.by_view, **ratios}),
    )
    pair = Item(id="pair", midi=make_midi(tmp_path / "a.mid"), wav=make_wav(tmp_path / "a.wav"))
    (entry,) = score_items([pair], views)["items"]
    assert entry["symbolic"]["events"]["percentile"] > 2.5
    assert any("spectral_lm: its ratio lies below" in warning for warning in entry["warnings"]) == is_foreign
