"""Corruptions keep a performance valid and playable, and change what they say, by as much as they say."""

import numpy as np
import pytest

from symbolic.corruption import CORRUPTIONS
from symbolic.performance import NOTE_DTYPE, Performance, end_at_restrikes


def chorale(n_chords=200):
    generator = np.random.default_rng(0)
    notes = np.zeros(3 * n_chords, dtype=NOTE_DTYPE)
    notes["onset_ticks"] = np.repeat(np.arange(n_chords) * 40, 3)
    notes["pitch"] = (generator.integers(24, 100, n_chords)[:, None] + [0, 1, 4]).ravel()
    notes["duration_ticks"], notes["velocity_bin"] = 60, generator.integers(0, 32, 3 * n_chords)
    return Performance(end_at_restrikes(notes))


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("amount", [0.1, 1.0])
def test_every_corruption_is_seeded_valid_and_playable(name, amount):
    original = chorale()
    before = original.notes.copy()
    corrupted = CORRUPTIONS[name](original, np.random.default_rng(1), amount)
    again = CORRUPTIONS[name](original, np.random.default_rng(1), amount)
    other = CORRUPTIONS[name](original, np.random.default_rng(2), amount)
    assert (original.notes == before).all()
    assert (corrupted.notes == again.notes).all()
    assert (corrupted.notes != other.notes).any()
    assert len(corrupted) == len(original)
    assert (end_at_restrikes(corrupted.notes) == corrupted.notes).all()
    assert sorted(corrupted.notes["velocity_bin"]) == sorted(original.notes["velocity_bin"])


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_no_amount_no_change_and_no_impossible_amount(name):
    original = chorale(5)
    assert (CORRUPTIONS[name](original, np.random.default_rng(0), 0.0).notes == original.notes).all()
    with pytest.raises(ValueError, match=r"amount 1\.5"):
        CORRUPTIONS[name](original, np.random.default_rng(0), 1.5)


@pytest.mark.parametrize(("name", "furthest"), [("semitone", 1), ("wrong_notes", 12), ("random_pitches", 87)])
def test_pitch_corruptions_touch_the_share_they_say_and_no_time(name, furthest):
    line = np.zeros(400, dtype=NOTE_DTYPE)  # single notes, so that each can be followed
    line["onset_ticks"], line["pitch"], line["duration_ticks"] = np.arange(400) * 70, 60, 10
    corrupted = CORRUPTIONS[name](Performance(line), np.random.default_rng(0), 0.25)
    moved = corrupted.notes["pitch"].astype(int) - 60
    assert (corrupted.notes["onset_ticks"] == line["onset_ticks"]).all()
    assert 95 <= (moved != 0).sum() <= 100
    assert np.abs(moved).max() <= furthest
    assert {-1, 1} == set(np.sign(moved)) - {0}


def test_every_pitch_can_be_drawn_and_the_edges_hold():
    line = np.zeros(4000, dtype=NOTE_DTYPE)
    line["onset_ticks"], line["pitch"], line["duration_ticks"] = np.arange(4000), 21, 1
    drawn = CORRUPTIONS["random_pitches"](Performance(line), np.random.default_rng(0), 1.0).notes["pitch"]
    assert set(drawn.tolist()) == set(range(21, 109))
    assert set(CORRUPTIONS["semitone"](Performance(line), np.random.default_rng(0), 1.0).notes["pitch"]) == {22}


def test_jitter_moves_onsets_by_150_ms_at_most():
    line = np.zeros(300, dtype=NOTE_DTYPE)
    line["onset_ticks"], line["pitch"], line["duration_ticks"] = np.arange(300) * 100, 60, 10
    corrupted = CORRUPTIONS["jitter_onsets"](Performance(line), np.random.default_rng(0), 0.5).notes
    shift = corrupted["onset_ticks"] - line["onset_ticks"]
    shift -= np.bincount(shift - shift.min()).argmax() + shift.min()  # the untouched notes stay where they were
    assert np.abs(shift).max() <= 15
    assert (shift != 0).sum() == 150
    assert (corrupted["duration_ticks"] == 10).all()


def test_a_note_with_no_free_place_stays():
    cluster = np.zeros(88, dtype=NOTE_DTYPE)
    cluster["pitch"], cluster["duration_ticks"] = np.arange(21, 109), 5
    for name in ("semitone", "wrong_notes", "random_pitches"):
        assert (CORRUPTIONS[name](Performance(cluster), np.random.default_rng(0), 1.0).notes == cluster).all()
