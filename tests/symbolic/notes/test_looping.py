"""What is played over and over is found, and what is played is not."""

import numpy as np
import pytest
from music import random_performance

from symbolic.notes.corruption import loop
from symbolic.notes.looping import LOOPED_SHARE, is_looped, looped_share
from symbolic.notes.performance import NOTE_DTYPE, Performance


def notes_of(pitch, shift_ticks, velocity_bin=16, duration_ticks=20):
    """A performance of these pitches, each so long after the one before."""
    notes = np.zeros(len(pitch), dtype=NOTE_DTYPE)
    notes["onset_ticks"], notes["pitch"] = np.cumsum(shift_ticks) - shift_ticks[0], pitch
    notes["velocity_bin"], notes["duration_ticks"] = velocity_bin, duration_ticks
    return Performance(notes)


def by_definition(performance, least=4, run=8, farthest=64):
    """The share, note by note."""
    notes = performance.notes
    shift = np.diff(notes["onset_ticks"].astype(int), prepend=0)
    rows = [
        (*map(int, (n["pitch"], n["velocity_bin"], n["duration_ticks"])), int(t))
        for n, t in zip(notes, shift, strict=True)
    ]
    found = set()
    for period in range(least, min(farthest, len(rows) - least) + 1):
        for first in range(period, len(rows)):
            stop = first + (rows[first][:3] == rows[first - period][:3])
            while first < stop < len(rows) and rows[stop] == rows[stop - period]:
                stop += 1
            if stop - first >= min(period, run):
                found |= set(range(first, stop))
    return len(found) / len(rows)


@pytest.mark.parametrize("seed", range(6))
def test_the_share_is_that_of_its_definition(seed):
    rng = np.random.default_rng(seed)
    bars = [[*zip(rng.integers(40, 44, 6), rng.integers(8, 11, 6), strict=True)] for _ in range(3)]
    pitch, shift = zip(*(note for bar in rng.integers(0, 3, 12) for note in bars[bar]), strict=True)
    performance = notes_of(np.array(pitch), np.array(shift))
    assert 0 < looped_share(performance) == pytest.approx(by_definition(performance))


@pytest.mark.parametrize("amount", [0.2, 0.4, 0.6, 0.8, 1.0])
def test_loops_are_found_at_about_their_share(amount):
    played = random_performance(3, 256)
    looped = loop(played, np.random.default_rng(3), amount)
    assert looped_share(played) == 0.0
    assert looped_share(looped) == pytest.approx(amount, abs=0.13)
    assert is_looped(looped) and not is_looped(played)


def test_a_chord_struck_again_alike_is_looped_and_one_note_struck_again_is_not():
    chord = notes_of([48, 55, 60, 64, 67] * 2, [0, 0, 0, 0, 0, 600, 0, 0, 0, 0])
    assert looped_share(chord) == 0.5 and is_looped(chord)
    assert looped_share(notes_of([60] * 3, [0, 600, 600])) == 0.0


@pytest.mark.parametrize("name", ["pitch", "velocity_bin", "duration_ticks", "onset_ticks"])
def test_copies_that_differ_in_one_thing_are_none(name):
    played = random_performance(5, 24).notes
    twice = np.concatenate([played, played])
    twice["onset_ticks"][24:] += played["onset_ticks"][-1] + 50
    assert looped_share(Performance(twice)) == 0.5
    moved = twice.copy()
    if name == "onset_ticks":
        moved[name][24:] += np.arange(24) // 3  # a tick later after every third note
    else:
        moved[name][24::3] += 1
    assert looped_share(Performance(moved)) == 0.0


def test_a_sequencer_repeats_itself_by_nature():
    sequenced = notes_of(np.tile([60, 64, 67, 72], 16), [12] * 64)
    assert looped_share(sequenced) > LOOPED_SHARE and not is_looped(sequenced)
