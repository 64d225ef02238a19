"""The recording chain is repeatable, keeps length and sanity, and whose parts do what their names say."""

import numpy as np
import pytest

from train.frames.acoustics import AcousticsConfig, record, reverberate

RATE = 16_000


def note(seconds: float = 2.0) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * 440 * t) * np.exp(-2 * t)).astype(np.float32)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


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
    assert len(rates) > 10 and -30.1 < cents.min() < -5 and 5 < cents.max() < 30.1


def test_a_chain_of_nothing_changes_nothing():
    nothing = AcousticsConfig(tuning_cents=0, equaliser_db=0, room_share=0, gain_db=0, noise_share=0)
    samples, rate = record(note(), RATE, nothing, generator())
    np.testing.assert_allclose(samples, note(), atol=1e-6)
    assert rate == RATE


def test_a_room_rings_on_after_the_sound():
    click = np.zeros(RATE)
    click[0] = 1.0
    config = AcousticsConfig(min_rt60_seconds=1.0, max_rt60_seconds=1.0, max_wet=0.5)
    ringing = reverberate(click, RATE, config, generator(1))
    assert len(ringing) == RATE and (ringing[2000:4000] != 0).all()
    assert 0.5 < (ringing**2).sum() < 1.5


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
