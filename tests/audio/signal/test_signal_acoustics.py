"""What recordings go through does what its name says."""

import numpy as np
import pytest
from scipy.signal import sosfreqz

from audio.signal.acoustics import high_shelf, low_shelf, noise_floor, peak, room_response

RATE = 16_000


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def response_db(section: np.ndarray, hertz: float) -> float:
    return 20 * np.log10(abs(sosfreqz(section[None], [hertz], fs=RATE)[1][0]))


@pytest.mark.parametrize("gain_db", [-9.0, 6.0])
def test_filters_reach_their_gain_where_they_should_and_leave_the_rest(gain_db):
    low, high = low_shelf(300, gain_db, RATE), high_shelf(2000, gain_db, RATE)
    assert [response_db(low, f) for f in (1, 300, 6000)] == pytest.approx([gain_db, gain_db / 2, 0], abs=0.1)
    assert [response_db(high, f) for f in (50, 2000, 7900)] == pytest.approx([0, gain_db / 2, gain_db], abs=0.1)
    assert [response_db(peak(1000, gain_db, 2.0, RATE), f) for f in (10, 1000, 7900)] == pytest.approx(
        [0, gain_db, 0], abs=0.1
    )


def test_a_room_falls_by_60_db_in_its_time():
    responses = np.stack([room_response(RATE, 1.0, generator(seed))[-RATE:] for seed in range(30)])
    power = (responses**2).mean(axis=0)
    start, end = power[1000:3000].mean(), power[13_000:15_000].mean()
    assert 10 * np.log10(start / end) == pytest.approx(60 * 12_000 / RATE, abs=2.0)
    np.testing.assert_allclose((responses**2).sum(axis=1), 1.0, rtol=1e-6)


def test_noise_has_its_level_at_every_darkness():
    for seed in range(5):
        noise = noise_floor(4 * RATE, -60.0, generator(seed))
        assert 10 * np.log10((noise**2).mean()) == pytest.approx(-60.0, abs=0.5)
