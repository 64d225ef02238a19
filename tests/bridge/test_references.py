"""Percentile references: made from a corpus, read beside the weights, and refused where they do not belong."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hearing import listener_of

from bridge.references import (
    NOTE_LENGTHS,
    audio_references,
    heard_references,
    heard_windows,
    main,
    symbolic_references,
)
from bridge.transcription.transcriber import HeardNote
from bridge.views.opening import OpenViews
from losscal.errors import InputError
from losscal.references import GRID, References, ViewReference, place_in_words, typicality
from symbolic.data.corpus import Corpus, Piece, write_corpus
from symbolic.data.excerpts import pieces_of_corpus
from symbolic.notes.performance import NOTE_DTYPE, Performance


@pytest.fixture
def reference():
    return ViewReference.of_values("hash", "nll_nats_per_note", {64: np.arange(1001.0), 1024: np.arange(1001.0) / 10})


def test_100_is_likelier_than_all_held_out_windows(reference):
    assert reference.percentile(64, -1.0) == reference.percentile(64, 0.0) == 100.0
    assert reference.percentile(64, 1000.0) == reference.percentile(64, 1e9) == 0.0
    assert reference.percentile(64, 250.0) == pytest.approx(75.0)
    assert reference.percentile(64, 252.5) == pytest.approx(74.75)  # between two points of the grid


def test_only_what_is_beyond_the_references_is_likelier_than_all_or_none():
    words = [place_in_words(percentile) for percentile in (100.0, 99.7, 50.2, 0.3, 0.0)]
    assert words == [
        *("likelier than all", "likelier than 99 % of", "likelier than 50 % of", "likelier than 1 % of"),
        "less likely than all",
    ]


def test_percentile_agrees_with_counting():
    values = np.random.default_rng(0).gamma(3.0, size=500)
    reference = ViewReference.of_values("hash", "nll_nats_per_note", {64: values})
    for value in np.linspace(0.5, 8.0, 20):
        assert reference.percentile(64, value) == pytest.approx(100.0 * np.mean(values > value), abs=0.6)


def test_of_a_ratio_more_is_likelier():
    reference = ViewReference.of_values("hash", "llr_nats_per_second", {30: np.arange(1001.0)})
    assert [reference.percentile(30, value) for value in (-1.0, 250.0, 1000.0)] == pytest.approx([0.0, 25.0, 100.0])


def test_the_nearest_length_is_chosen_by_ratio(reference):
    assert [reference.nearest_length(n) for n in (1, 64, 255, 257, 5000)] == [64, 64, 64, 1024, 1024]
    assert reference.percentile(5000, 50.0) == pytest.approx(50.0)
    assert reference.percentile(10, 50.0) == pytest.approx(95.0)


def test_typicality_is_highest_in_the_middle():
    assert [typicality(percentile) for percentile in (0.0, 25.0, 50.0, 90.0, 100.0)] == pytest.approx(
        [0, 0.5, 1, 0.2, 0]
    )


def test_saved_references_come_back(reference, tmp_path):
    References({"events": reference}).save(tmp_path / "references.json")
    loaded = References.load([tmp_path / "references.json", tmp_path / "absent.json"])
    assert loaded.by_view["events"].windows == {64: 1001, 1024: 1001}
    for length in (64, 1024):
        quantiles = loaded.by_view["events"].quantiles[length]
        assert quantiles.shape == GRID.shape
        np.testing.assert_allclose(quantiles, reference.quantiles[length], rtol=1e-5)


def test_references_of_other_weights_and_views_are_refused(reference):
    references = References({"events": reference})
    assert references.missing_because("events", "hash") is None
    assert "other weights" in references.missing_because("events", "another hash")
    assert "no references" in references.missing_because("vqvae", "hash")
    assert references.missing_because("events", "hash", "nll_nats_per_note") is None
    assert "of nll_nats_per_note" in references.missing_because("events", "hash", "onset_bits_per_note")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"views": {"events": {}}}', '{"views": {"events": 3}}'])
def test_a_broken_references_file_is_refused_in_one_sentence(tmp_path, text):
    path = tmp_path / "references.json"
    path.write_text(text)
    with pytest.raises(InputError, match="not a references file"):
        References.load([path])


@pytest.fixture
def corpus_folder(tmp_path):
    """Three test pieces, of 100, 1200 and 3000 notes at ten a second, and one of the train split."""
    pieces, performances, first = [], [], 0
    for name, count, split in (("a", 100, "test"), ("b", 1200, "test"), ("c", 3000, "test"), ("d", 5000, "train")):
        notes = np.zeros(count, dtype=NOTE_DTYPE)
        notes["onset_ticks"], notes["duration_ticks"], notes["velocity_bin"] = np.arange(count) * 10, 9, 16
        notes["pitch"] = 90 if split == "train" else 40 + len(pieces)
        performances.append(Performance(notes))
        facts = {
            "sha256": name,
            "name": name,
            "composer": "",
            "era": "",
            "work_group": name,
            "flags": (),
            "repairs": {},
        }
        stop = first + count
        pieces.append(Piece(**facts, split=split, start=first, stop=stop, seconds=performances[-1].seconds))
        first = stop
    write_corpus(tmp_path / "corpus", pieces, performances, [], "built in the test")
    return tmp_path / "corpus"


@pytest.mark.fluidsynth
def test_references_of_stand_in_views(corpus_folder, views):
    pieces = pieces_of_corpus(Corpus.open(corpus_folder))
    symbolic = symbolic_references({"events": views.symbolic["events"]}, pieces, 6)["events"]
    assert {name: each.statistic for name, each in symbolic.items()} == {
        "events": "nll_nats_per_note",
        "events_per_second": "nll_nats_per_second",
    }
    assert all(set(each.quantiles) == set(NOTE_LENGTHS) for each in symbolic.values())
    assert {each.weights_sha256 for each in symbolic.values()} == {"events-hash"}
    of_notes, of_seconds = (each.quantiles[1024] for each in symbolic.values())
    assert (of_notes[0], of_notes[-1]) == pytest.approx((4.1, 4.2))
    assert (of_seconds[0], of_seconds[-1]) == pytest.approx((41.0, 42.0), rel=1e-3)  # ten notes a second
    view = views.audio["spectral_lm"]
    (audio,) = audio_references(view, pieces, 1).values()
    assert set(audio.quantiles) == {10, 30, 120} and audio.windows == {10: 1, 30: 1, 120: 1}
    with_ratio = replace(view, score=lambda sound: view.score(sound) | {"llr_nats_per_second": sound.seconds / 10})
    audio = audio_references(with_ratio, pieces, 1)
    assert {name: each.statistic for name, each in audio.items()} == {
        "spectral_lm": "nll_nats_per_second",
        "spectral_lm_llr": "llr_nats_per_second",
    }
    assert audio["spectral_lm_llr"].weights_sha256 == "spectral_lm-hash"
    assert audio["spectral_lm_llr"].quantiles[30][0] == pytest.approx(3.0, abs=0.01)


@pytest.mark.fluidsynth
def test_references_of_heard_notes_are_of_what_is_heard_in_renderings(corpus_folder, views, monkeypatch):
    """Ears that hear 300 notes in whatever sounds: four windows of 64 of them, spread evenly, and one of 256."""
    notes = [HeardNote(0.1 * i, 0.1 * i + 0.05, 40 + i % 2, 80) for i in range(300)]
    listener = listener_of(monkeypatch, {"window": notes})
    windows = heard_windows(pieces_of_corpus(Corpus.open(corpus_folder)), 3, listener)
    assert {n_notes: [len(heard) for heard in of] for n_notes, of in windows.items()} == {64: [64] * 12, 256: [256] * 3}
    assert windows[64][1].notes["pitch"][0] == notes[78].number and len(windows[64][3]) == 64
    made = heard_references({"heard_events": views.symbolic["events"]}, windows, listener)["heard_events"]
    assert {each.weights_sha256 for each in made.values()} == {"events-hash ears 1.0"}
    assert made["heard_events"].windows == {64: 12, 256: 3}
    assert {name: each.statistic for name, each in made.items()} == {"heard_events": "onset_bits_per_note"}
    assert made["heard_events"].quantiles[256] == pytest.approx(np.full(201, 0.75 * 4.05 / np.log(2)))


def test_the_command_writes_beside_the_weights_and_keeps_other_views(corpus_folder, views, tmp_path, monkeypatch):
    symbolic_only = OpenViews(views.symbolic, {}, {"spectral_lm": "gone"})
    monkeypatch.setattr("bridge.references.open_views", lambda names, weights_dir: symbolic_only)
    weights = tmp_path / "weights"
    References({"spectral_lm": views.references.by_view["spectral_lm"]}).save(weights / "references.json")
    assert main(["--data", str(corpus_folder), "--weights", str(weights), "--windows", "4"]) == 0
    content = json.loads((weights / "references.json").read_text())
    assert set(content["views"]) == {"events", "events_per_second", "vqvae", "vqvae_per_second", "spectral_lm"}
    assert References.load([weights / "references.json"]).missing_because("vqvae", "vqvae-hash") is None


@pytest.mark.fluidsynth
def test_references_of_heard_notes_can_be_made_alone(corpus_folder, views, tmp_path, monkeypatch):
    listener = listener_of(monkeypatch, {"window": [HeardNote(0.1 * i, 0.1 * i + 0.05, 40, 80) for i in range(300)]})
    opened = {("events",): replace(views, audio={})}
    monkeypatch.setattr("bridge.references.open_views", lambda names, weights_dir: opened[tuple(names)])
    monkeypatch.setattr(OpenViews, "with_listener", lambda views, _: replace(views, listener=listener))
    weights = tmp_path / "weights"
    References({"events": views.references.by_view["events"]}).save(weights / "references.json")
    flags = ["--data", str(corpus_folder), "--weights", str(weights), "--heard-windows", "1"]
    assert main([*flags, "--views", "heard_events"]) == 0
    made = References.load([weights / "references.json"]).by_view
    assert set(made) == {"events", "heard_events"} and made["events"].windows == {64: 401, 256: 401}
