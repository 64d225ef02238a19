"""Differences in nats, worked out by hand, and intervals that tell chance from more."""

import numpy as np
import pytest

from bridge.versions.differences import MIN_SHARED_SECONDS, SharedSeconds
from bridge.versions.shared_time import shared_notes, shared_rows
from symbolic.notes.alignment import TimeMap


def per_note(onset_seconds, pitch_nats):
    onset_seconds = np.asarray(onset_seconds, dtype=np.float64)
    time = np.ones(len(onset_seconds))
    return {"onset_seconds": onset_seconds, "m_pitch_nats": np.asarray(pitch_nats, np.float64), "m_time_nats": time}


def test_with_as_many_notes_it_is_the_difference_of_the_sums():
    rng = np.random.default_rng(0)
    onset, reference_nats = np.arange(0.0, 20.0, 0.25), rng.uniform(1, 5, 80)
    nats = reference_nats.copy()
    nats[[3, 20, 41, 60, 77]] += [4.0, 1.0, 6.0, 2.0, 3.5]
    shared = shared_notes(per_note(onset, nats), per_note(onset, reference_nats), TimeMap(), "m", ("time", "pitch"))
    difference = shared.difference()
    assert difference.nats == pytest.approx(16.5)
    assert 0.0 < difference.low < 16.5 < difference.high < 40.0
    assert difference.shared_seconds == 20
    assert difference == shared.difference()  # seeded


def test_fewer_notes_are_no_advantage_and_only_what_is_shared_counts():
    onset = np.arange(0.0, 20.0, 0.25)
    reference = per_note(onset, np.full(80, 3.0))
    thinned = per_note(onset[::2], np.full(40, 3.0))
    assert shared_notes(thinned, reference, TimeMap(), "m", ("pitch",)).difference().nats == pytest.approx(0.0)
    longer = per_note(np.arange(0.0, 30.0, 0.25), [3.0] * 80 + [50.0] * 40)
    assert shared_notes(longer, reference, TimeMap(), "m", ("pitch",)).difference().nats == pytest.approx(0.0)
    late = per_note(onset[40:] - 10.0, np.full(40, 4.0))  # begins where the reference is at 10 s
    difference = shared_notes(late, reference, TimeMap(offset_seconds=10.0), "m", ("pitch",)).difference()
    assert (difference.nats, difference.shared_seconds) == (pytest.approx(40.0), 10)


@pytest.mark.parametrize("seconds", [31, 37, 50])  # no multiples of the blocks that are drawn
def test_what_costs_the_same_in_every_second_is_told_without_doubt(seconds):
    onset = np.arange(0.0, seconds, 1.0)
    reference, version = per_note(onset, np.full(seconds, 3.0)), per_note(onset, np.full(seconds, 4.0))
    difference = shared_notes(version, reference, TimeMap(), "m", ("pitch",)).difference()
    assert (difference.nats, difference.low, difference.high) == pytest.approx((seconds, seconds, seconds))


def test_the_same_music_does_not_differ_and_noise_is_no_difference():
    onset = np.arange(0.0, 40.0, 0.25)
    rng = np.random.default_rng(1)
    nats = rng.uniform(1, 5, 160)
    same = shared_notes(per_note(onset, nats), per_note(onset, nats), TimeMap(), "m", ("pitch",)).difference()
    assert (same.nats, same.low, same.high) == (0.0, 0.0, 0.0)
    deviation = rng.normal(0, 2, 160)
    noisy = per_note(onset, nats + deviation - deviation.mean() / 2)
    noise = shared_notes(noisy, per_note(onset, nats), TimeMap(), "m", ("pitch",)).difference()
    assert noise.low < 0.0 < noise.high


@pytest.mark.parametrize("seconds", [5, 12, 30, 60])
def test_the_interval_covers_as_often_as_it_says(seconds):
    """Differences that run on for about two seconds, as a surprise does; of 95 in 100 a few are lost to few blocks."""
    covered = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        noise = np.convolve(rng.normal(0, 1, seconds + 1), [0.7, 0.7], "valid")
        ones = np.ones(seconds)
        difference = SharedSeconds(noise + 0.5, ones, np.zeros(seconds), ones).difference()
        covered += difference.low <= 0.5 * seconds <= difference.high
    assert covered / 200 >= 0.90


def test_too_little_shared_gives_no_difference():
    ones = np.ones(MIN_SHARED_SECONDS)
    assert SharedSeconds(ones[1:], ones[1:], ones[1:], ones[1:]).difference() is None
    assert SharedSeconds(ones, 0 * ones, ones, ones).difference() is None
    apart = shared_notes(
        per_note([0, 1], [1, 1]), per_note([0, 1], [1, 1]), TimeMap(offset_seconds=9.0), "m", ("pitch",)
    )
    assert len(apart) == 0 and apart.difference() is None


def curve(first, llr, active=1.0):
    llr = np.asarray(llr, dtype=np.float64)
    start = first + np.arange(len(llr))
    return {"start_seconds": start, "llr_nats_per_second": llr, "active_fraction": np.full(len(llr), active)}


def test_curves_are_laid_on_each_other_by_their_offset():
    music = np.array([5.0, 1.0, 8.0, 2.0, 9.0, 4.0, 7.0, 3.0, 6.0, 0.5])
    reference, later = curve(0.0, music), curve(3.2, music - 1.0)
    by_start = shared_rows(later, reference, None, "llr_nats_per_second")
    by_match = shared_rows(later, reference, 3.0, "llr_nats_per_second")
    for shared in (by_start, by_match):
        assert len(shared) == 9  # the last row may be a part of a second
        assert shared.difference().nats == pytest.approx(9.0)  # the lower the ratio, the more it costs
    entered_late = shared_rows(curve(0.0, music[2:]), reference, -2.0, "llr_nats_per_second")
    assert len(entered_late) == 7 and entered_late.difference().nats == pytest.approx(0.0)
    before = shared_rows(curve(0.0, [1.0, 1.0, *music]), reference, 2.0, "llr_nats_per_second")
    assert len(before) == 9 and before.difference().nats == pytest.approx(0.0)


def test_of_a_ratio_only_active_time_counts():
    half_silent = curve(0.0, [2.0] * 11, active=0.5)  # 4 nats an active second
    shared = shared_rows(half_silent, curve(0.0, [4.0] * 11), None, "llr_nats_per_second")
    assert shared.difference().nats == pytest.approx(0.0)
