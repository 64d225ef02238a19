"""Descriptors of music, against music whose description is known."""

import numpy as np
import pytest
from music import random_performance

from symbolic.notes import descriptors
from symbolic.notes.performance import NOTE_DTYPE, Performance


def performance(*rows):
    """Rows of (onset, duration, pitch, velocity bin)."""
    return Performance(np.array(list(rows), dtype=NOTE_DTYPE))


def test_counts_by_hand():
    music = performance((0, 100, 60, 3), (0, 50, 64, 3), (30, 1, 48, 9), (430, 10, 90, 31))
    assert np.flatnonzero(descriptors.pitch_classes(music)).tolist() == [0, 4, 6]
    assert descriptors.pitch_classes(music).sum() == 4
    intervals = descriptors.intervals(music)
    assert {at - 24: intervals[at] for at in np.flatnonzero(intervals)} == {4: 1, -16: 1, 24: 1}
    assert descriptors.inter_onsets(music)[0] == 1
    assert descriptors.inter_onsets(music).sum() == 3
    assert descriptors.durations(music)[0] == 0
    assert descriptors.velocities(music)[[3, 9, 31]].tolist() == [2, 1, 1]
    assert descriptors.polyphony(music)[:5].tolist() == [330, 50 + 10, 30 + 19, 1, 0]


@pytest.mark.parametrize("name", descriptors.DISTRIBUTIONS)
def test_sets_of_pieces_add_up_in_equal_bins(name):
    rows = [descriptors.DISTRIBUTIONS[name](random_performance(seed)) for seed in range(3)]
    assert len({row.shape for row in rows}) == 1
    assert all(row.sum() > 0 and (row >= 0).all() for row in rows)


def test_polyphony_covers_the_whole_piece():
    music = random_performance(3)
    assert descriptors.polyphony(music).sum() == round(music.seconds * 100)


def test_chroma_shares_a_note_among_the_seconds_it_sounds_in():
    frames = descriptors.chroma(performance((0, 10, 60, 0), (50, 170, 62, 0)))
    assert frames.shape == (3, 12)
    assert frames[:, 0].tolist() == [10, 0, 0]
    assert frames[:, 2].tolist() == [50, 100, 20]
    assert frames.sum() == 180


def test_chroma_counts_every_tick_of_every_note():
    music = random_performance(4)
    assert descriptors.chroma(music).sum() == music.notes["duration_ticks"].sum()


def test_self_similarity_knows_the_period():
    by_turns = performance(*[(100 * second, 100, 60 + second % 2, 0) for second in range(8)])
    assert descriptors.self_similarity(by_turns, 1).tolist() == [0, 7]
    assert descriptors.self_similarity(by_turns, 2).tolist() == [6, 6]


def test_self_similarity_leaves_silence_out():
    gap = performance((0, 100, 60, 0), (300, 100, 72, 0), (400, 100, 61, 0))
    assert descriptors.self_similarity(gap, 1).tolist() == [0, 1]
    assert descriptors.self_similarity(gap, 3).tolist() == [1, 1]
    assert descriptors.self_similarity(gap, 16).tolist() == [0, 0]


def scale(steps, ticks=50):
    return performance(*((50 * n, ticks, 60 + step, 9) for n, step in enumerate(steps)))


def test_a_key_is_clear_where_its_notes_are_played_and_in_any_transposition():
    c_major = scale((0, 2, 4, 5, 7, 9, 11, 12, 7, 4, 0))
    clarity = descriptors.key_clarity(descriptors.pitch_classes(c_major))
    assert clarity > 0.85
    up = scale(np.array((0, 2, 4, 5, 7, 9, 11, 12, 7, 4, 0)) + 3)
    assert descriptors.key_clarity(descriptors.pitch_classes(up)) == pytest.approx(clarity)
    of_all = descriptors.key_clarity(np.stack([np.ones(12, dtype=int), descriptors.pitch_classes(c_major)]))
    assert of_all.tolist() == pytest.approx([0.0, clarity])


def test_pitch_classes_are_as_uncertain_as_there_are_many():
    bits = descriptors.pitch_class_bits(np.array([np.ones(12), np.eye(12)[3], np.eye(12)[3] + np.eye(12)[5]]))
    assert bits.tolist() == pytest.approx([np.log2(12), 0.0, 1.0])


def test_windows_of_few_notes_are_left_out():
    music = performance(*((100 * n, 10, 60 + n % 2, 9) for n in range(25)))  # 25 s
    counts = descriptors.pitch_classes_by_window(music, 10, 6)
    assert counts[:, :2].tolist() == [[5, 5], [5, 5]]
    assert len(descriptors.pitch_classes_by_window(music, 10, 5)) == 3


def test_a_silence_is_where_nothing_sounds():
    assert descriptors.longest_silence(performance((0, 500, 40, 9), (10, 5, 60, 9), (600, 10, 60, 9))) == 1.0
    assert descriptors.longest_silence(performance((0, 50, 40, 9), (10, 5, 60, 9))) == 0.0


def test_sections_are_alike_where_their_harmony_is_second_by_second():
    music, other = scale((0, 0, 4, 4, 7, 7)), scale((12, 12, 16, 16, 19, 19, 2, 2))
    assert descriptors.likeness(music, other) == pytest.approx(1.0)
    assert descriptors.likeness(music, scale((1, 1, 2, 2, 3, 3))) == 0.0
