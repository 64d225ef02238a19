"""The hand-entered theme is right by count, always played the same, and likelier than its corruptions."""

import csv
import json
from collections import Counter
from math import isfinite
from pathlib import Path

import bridal_chorus
import numpy as np
import pytest

from bridge.score import main as score_command
from bridge.score import score
from symbolic.notes.cleaning import read_midi
from symbolic.notes.performance import Performance, write_midi

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_every_bar_is_full():
    bars = [bar for line in bridal_chorus.MELODY.strip().splitlines() for bar in line.split("|")]
    assert len(bars) == 16
    assert {sum(float(symbol.split(":")[1]) for symbol in bar.split()) for bar in bars} == {2.0}
    chords = [bar for line in bridal_chorus.CHORDS.strip().splitlines() for bar in line.split("|")]
    assert len(chords) == 16 and {bar.count(",") for bar in chords} == {1}


def test_the_theme_begins_as_wagner_wrote_it():
    melody = [note.pitch for note in bridal_chorus.written_notes() if note.part == "melody"]
    assert melody[:8] == [65, 70, 70, 70, 65, 72, 69, 70]  # F Bb Bb Bb, F C A Bb


@pytest.mark.parametrize(("name", "pitch"), [("C4", 60), ("Bb3", 58), ("A4", 69), ("Eb5", 75)])
def test_pitch_names(name, pitch):
    assert bridal_chorus.pitch_of(name) == pitch


def test_no_two_hands_share_a_key():
    written = Counter((note.onset_beats, note.pitch) for note in bridal_chorus.written_notes())
    assert set(written.values()) == {1}


def test_the_performance_keeps_every_note_and_is_always_the_same(tmp_path):
    for name in ("a.mid", "b.mid"):
        bridal_chorus.write_bridal_chorus(tmp_path / name)
    assert (tmp_path / "a.mid").read_bytes() == (tmp_path / "b.mid").read_bytes()
    performance = read_midi(tmp_path / "a.mid").performance
    assert len(performance) == len(list(bridal_chorus.written_notes()))
    assert 18.0 < performance.seconds < 19.5


@pytest.fixture(scope="module")
def entries():
    report = score(EXAMPLES, listener=None)
    return {Path(entry["id"]).stem: entry for entry in report["items"]}


@pytest.mark.fluidsynth
def test_every_example_has_a_number_and_a_percentile_in_every_view(entries):
    assert sum(entry["rendered"] for entry in entries.values()) == 6 and len(entries) == 11
    for entry in entries.values():
        assert entry["error"] is None and entry["warnings"] == []
        figures = [entry["symbolic"]["events"], entry["symbolic"]["vqvae"], entry["audio"]["spectral_lm"]]
        assert all(isfinite(figure["nll_nats_per_second"]) for figure in figures)
        assert all(0.0 <= figure["percentile"] <= 100.0 for figure in figures)


@pytest.mark.parametrize("view", ["events", "vqvae"])
def test_the_original_is_likelier_than_its_corruptions(entries, view):
    bits = {name: entry["symbolic"][view]["bits_per_note"] for name, entry in entries.items()}
    assert bits["bridal_chorus"] < bits["bridal_chorus_wrong_notes"] < bits["bridal_chorus_random"]


@pytest.mark.parametrize("view", ["events", "vqvae"])
def test_attributes_and_codes_sum_to_the_total(entries, view):
    for entry in entries.values():
        figures = entry["symbolic"][view]
        parts = sum(figures["by_attribute"].values()) + figures.get("code_nll_nats", 0.0)
        assert parts == pytest.approx(figures["nll_nats"], rel=1e-9)


def test_a_prefix_is_as_surprising_note_by_note_as_inside_the_whole_piece(tmp_path):
    theme = read_midi(EXAMPLES / "bridal_chorus.mid").performance.notes
    repeats = np.tile(theme, 5)
    repeats["onset_ticks"] += np.repeat(np.arange(5) * 2000, len(theme)).astype(repeats["onset_ticks"].dtype)
    piece, cut = Performance(repeats), 600  # beyond the first window of 512, and whole phrases
    write_midi(piece, tmp_path / "whole.mid")
    write_midi(piece.excerpt(0, cut), tmp_path / "prefix.mid")
    out = tmp_path / "out"
    paths = [str(tmp_path / name) for name in ("prefix.mid", "whole.mid")]
    assert score_command([*paths, "--views", "events,vqvae", "--out", str(out)]) == 0
    items = json.loads((out / "report.json").read_text())["items"]
    prefix, whole = (
        list(csv.DictReader((out / item["symbolic"]["per_note"]).read_text().splitlines())) for item in items
    )
    assert (len(prefix), len(whole)) == (cut, len(piece))
    for before, after in zip(prefix, whole[:cut], strict=True):
        assert {name: float(value) for name, value in before.items()} == pytest.approx(
            {name: float(value) for name, value in after.items()}, abs=2e-3
        )
