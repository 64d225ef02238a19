"""The hand-entered theme is right by count, and its performance is always the same."""

import sys
from collections import Counter
from pathlib import Path

import pytest

from symbolic.cleaning import read_midi

sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))
import bridal_chorus


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
