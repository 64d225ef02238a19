"""Programmed music is told from played music, at any tempo and through changes of tempo."""

import numpy as np
import pytest

from symbolic.notes.performance import NOTE_DTYPE, Performance
from symbolic.notes.quantisation import MIN_ONSETS, find_grid


def with_onsets(seconds, velocity_bins=(16,)):
    """A performance with a note at each time, as cleaning would put it on the 10 ms grid."""
    ticks = np.unique(np.rint((np.asarray(seconds) - seconds[0]) * 100).astype(int))
    notes = np.zeros(len(ticks), dtype=NOTE_DTYPE)
    notes["onset_ticks"], notes["duration_ticks"], notes["pitch"] = ticks, 5, 60
    notes["velocity_bin"] = np.resize(velocity_bins, len(ticks))
    return Performance(notes)


def steps(seed, count, longest=4):
    return np.cumsum(np.random.default_rng(seed).integers(1, longest, endpoint=True, size=count))


@pytest.mark.parametrize("beats_per_minute", [50, 61.3, 90, 104.7, 137, 180])
@pytest.mark.parametrize("steps_per_beat", [2, 3, 4, 6])
def test_quantised_onsets_are_found_with_their_grid_at_any_tempo(beats_per_minute, steps_per_beat):
    step = 60 / beats_per_minute / steps_per_beat
    grid = find_grid(with_onsets(0.0037 + step * steps(1, 120), velocity_bins=(15, 20)))
    assert grid.seconds == pytest.approx(step, rel=0.01)
    assert grid.share >= 0.9 and grid.distinct_velocities == 2
    assert "2 velocities" in grid.sentence() and f"{1000 * grid.seconds:.0f} ms" in grid.sentence()


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("deviation_seconds", [0.02, 0.04])
def test_played_music_is_not_even_on_a_regular_pulse(seed, deviation_seconds):
    rng = np.random.default_rng(seed)
    pulse = 0.25 * steps(seed, 150, longest=2)
    assert find_grid(with_onsets(np.sort(pulse + rng.normal(0.0, deviation_seconds, len(pulse))))) is None
    assert find_grid(with_onsets(np.cumsum(rng.exponential(0.12, 300)))) is None


def test_a_change_of_tempo_hides_nothing():
    first = 0.125 * steps(2, 100)
    second = first[-1] + 0.0937 * steps(3, 100)
    assert find_grid(with_onsets(np.concatenate([first, second]))) is not None


def test_a_few_onsets_off_the_grid_are_forgiven_where_velocities_are_flat():
    onsets = 0.125 * steps(4, 200)
    onsets[::16] += 0.05  # ornaments
    assert find_grid(with_onsets(np.sort(onsets))) is not None
    assert find_grid(with_onsets(np.sort(onsets), velocity_bins=tuple(range(5, 25)))) is None


def test_too_few_onsets_tell_nothing():
    assert find_grid(with_onsets(0.125 * np.arange(MIN_ONSETS - 1))) is None
    assert find_grid(with_onsets(0.125 * np.arange(MIN_ONSETS))) is not None
