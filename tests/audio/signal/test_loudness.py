"""Loudness measured in blocks is pyloudnorm's, whatever the rate, the channels and the blocks."""

import numpy as np
import pytest
from pyloudnorm import Meter

from audio.signal.loudness import integrated_loudness


def bursts(rng, n_samples, n_channels):
    """Noise whose level changes by up to 60 dB, so that both gates are at work: float32 [n_channels, n_samples]."""
    level = np.repeat(10.0 ** rng.uniform(-4, -1, n_samples // 2000 + 1), 2000)[:n_samples]
    return (level * rng.standard_normal((n_channels, n_samples))).astype(np.float32)


@pytest.mark.parametrize("sample_rate", [8_000, 11_025, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("n_channels", [1, 2, 5])
def test_it_is_what_pyloudnorm_measures_of_the_whole(sample_rate, n_channels):
    rng = np.random.default_rng((sample_rate, n_channels))
    for seconds in (0.4, 0.449, 0.451, 3.33, 9.0):
        samples = bursts(rng, round(seconds * sample_rate), n_channels)
        edges = np.unique(rng.integers(1, samples.shape[1], 20))
        got = integrated_loudness(np.split(samples, edges, axis=1), sample_rate, n_channels)
        assert got == pytest.approx(Meter(sample_rate).integrated_loudness(samples.T.astype(np.float64)), abs=1e-6)


def test_silence_has_no_loudness():
    assert integrated_loudness([np.zeros((1, 16_000), np.float32)], 16_000, 1) == -np.inf
