"""The recording chain is repeatable, keeps length and sanity, and whose parts do what their names say."""

import numpy as np
import pytest
from scipy.signal import sosfreqz

from train.frames.acoustics import (
    AcousticsConfig,
    high_shelf,
    low_shelf,
    noise_floor,
    peak,
    record,
    reverberate,
    room_response,
)

RATE = 16_000


def note(seconds: float = 2.0) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * 440 * t) * np.exp(-2 * t)).astype(np.float32)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def response_db(section: np.ndarray, hertz: float) -> float:
    return 20 * np.log10(abs(sosfreqz(section[None], [hertz], fs=RATE)[1][0]))


def test_recordings_are_repeatable_as_long_as_before_and_of_sane_level():
    rates = set()
    for seed in range(20):
        samples, rate = record(note(), RATE, AcousticsConfig(), generator(seed))
        again, rate_again = record(note(), RATE, AcousticsConfig(), generator(seed))
        np.testing.assert_array_equal(samples, again)
        assert rate == rate_again and samples.shape == note().shape and samples.dtype == np.float32
        assert np.isfinite(samples).all() and 0.01 < np.abs(samples).max() <= 1.02
        rates.add(rate)
    cents = 1200 * np.log2(np.array(sorted(rates)) / RATE)
    assert len(rates) > 10 and -20.1 < cents.min() < -5 and 5 < cents.max() < 20.1


def test_a_chain_of_nothing_changes_nothing():
    nothing = AcousticsConfig(tuning_cents=0, equaliser_db=0, room_share=0, gain_db=0, noise_share=0)
    samples, rate = record(note(), RATE, nothing, generator())
    np.testing.assert_allclose(samples, note(), atol=1e-6)
    assert rate == RATE


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


def test_a_room_rings_on_after_the_sound():
    click = np.zeros(RATE)
    click[0] = 1.0
    config = AcousticsConfig(min_rt60_seconds=1.0, max_rt60_seconds=1.0, max_wet=0.5)
    ringing = reverberate(click, RATE, config, generator(1))
    assert len(ringing) == RATE and (ringing[2000:4000] != 0).all()
    assert 0.5 < (ringing**2).sum() < 1.5


def test_noise_has_its_level_at_every_darkness():
    for seed in range(5):
        noise = noise_floor(4 * RATE, -60.0, generator(seed))
        assert 10 * np.log10((noise**2).mean()) == pytest.approx(-60.0, abs=0.5)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("room_share", 1.5),
        ("gain_db", -1.0),
        ("min_rt60_seconds", 0.0),
        ("max_rt60_seconds", 0.1),
        ("max_noise_db", -90),
    ],
)
def test_a_wrong_config_names_the_field(field, value):
    with pytest.raises(ValueError, match=field.split("_", 1)[1]):
        AcousticsConfig(**{field: value})
