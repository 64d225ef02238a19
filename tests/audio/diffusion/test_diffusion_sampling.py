"""What is drawn follows the model, is decided by the seed, and sounds at the loudness that is promised."""

import itertools

import numpy as np
import pytest
from diffusion_cases import JOINT, TINY, exact_predictor, random_model

from audio.diffusion.config import LOUDNESS_LUFS, DiffusionConfig
from audio.diffusion.sampling import new_sound, sample_levels
from audio.signal.waveform import loudness_lufs

SMALL = DiffusionConfig(channels=8, n_layers=2, band_context=2, cell_channels=4, cell_layers=1)


def test_samples_of_an_exact_model_are_as_frequent_as_they_are_probable():
    levels = sample_levels(exact_predictor, 2000, 300, np.random.default_rng(0), TINY)
    assert levels.shape == (2000, 2) and levels.dtype == np.uint8
    shares = [np.mean((levels == frame).all(1)) for frame in itertools.product(range(3), repeat=2)]
    np.testing.assert_allclose(shares, JOINT.ravel(), atol=0.03)


def test_levels_are_valid_and_decided_by_the_seed():
    model = random_model(SMALL)

    def draw(seed: int) -> np.ndarray:
        return sample_levels(model, 5, 4, np.random.default_rng(seed), SMALL)

    levels = draw(1)
    assert levels.shape == (5, 88) and levels.dtype == np.uint8 and levels.max() <= 160
    np.testing.assert_array_equal(draw(1), levels)
    assert (draw(2) != levels).any()


def test_new_sound_is_as_long_as_asked_for_and_neither_too_loud_nor_too_high():
    sound = new_sound(random_model(SMALL), seconds=0.7, n_steps=3, seed=1)
    assert sound.seconds == pytest.approx(0.7) and sound.n_channels == 1
    peak = np.abs(sound.samples).max()
    assert peak <= 10 ** (-1 / 20) + 1e-6
    at_loudness = loudness_lufs(sound) == pytest.approx(LOUDNESS_LUFS, abs=0.1)
    assert at_loudness or peak == pytest.approx(10 ** (-1 / 20), abs=1e-6)
    again = new_sound(random_model(SMALL), seconds=0.7, n_steps=3, seed=1)
    np.testing.assert_array_equal(again.samples, sound.samples)
