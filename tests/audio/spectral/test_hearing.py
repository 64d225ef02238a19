"""What hears struck keys: it looks so far and no further, windows change nothing, and strikes are peaks over time."""

import numpy as np
import pytest
import torch

from audio.spectral.config import HearingConfig
from audio.spectral.frames import in_steps
from audio.spectral.hearing import (
    CONTEXT_FRAMES,
    STRUCK,
    Hearing,
    strike_probabilities,
    struck_keys,
)

pytestmark = pytest.mark.processor


def random_hearing(seed: int = 0) -> Hearing:
    torch.manual_seed(seed)
    hearing = Hearing(HearingConfig(channels=4)).eval()
    with torch.no_grad():
        hearing.of_band.normal_()
        hearing.head.bias.fill_(-1.0)
    return hearing


def random_levels(n_frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(161, size=(n_frames, 88), dtype=np.uint8)


def test_a_frame_is_heard_by_its_context_and_no_more():
    hearing, levels = random_hearing(), random_levels(40)
    before = strike_probabilities(hearing, levels)
    changed = levels.copy()
    changed[20] = 160 - changed[20]
    is_other = (strike_probabilities(hearing, changed) != before).any(axis=1)
    np.testing.assert_array_equal(np.flatnonzero(is_other), np.arange(20 - CONTEXT_FRAMES, 21 + CONTEXT_FRAMES))


@pytest.mark.parametrize("window", [1, 7, 100])
def test_windows_change_nothing(window, monkeypatch):
    hearing, levels = random_hearing(), random_levels(50)
    whole = strike_probabilities(hearing, levels)
    monkeypatch.setattr("audio.spectral.hearing.WINDOW_FRAMES", window)
    np.testing.assert_allclose(strike_probabilities(hearing, levels), whole, rtol=1e-4, atol=1e-6)


def test_silence_around_changes_nothing():
    hearing, levels, silence = random_hearing(), random_levels(30), np.zeros((20, 88), dtype=np.uint8)
    within = struck_keys(hearing, np.concatenate([silence, levels, silence]))
    np.testing.assert_array_equal(within[10:25], struck_keys(hearing, levels))


def test_strikes_are_peaks_that_come_to_so_much(monkeypatch):
    probabilities = np.zeros((12, 88), dtype=np.float32)
    probabilities[3:6, 10] = 0.1, 0.25, 0.1  # together above STRUCK
    probabilities[3:6, 20] = 0.1, 0.15, 0.1  # and below
    probabilities[6:8, 30] = 0.5, 0.5  # one strike between two frames
    monkeypatch.setattr("audio.spectral.hearing.strike_probabilities", lambda hearing, levels: probabilities)
    assert 0.35 < STRUCK < 0.45
    struck = struck_keys(None, np.zeros((10, 88), dtype=np.uint8))  # without the frames beyond either end
    assert struck.dtype == np.uint8 and struck.shape == (5, 88)
    assert np.argwhere(struck).tolist() == [[1, 10], [2, 30]]


def test_a_step_is_struck_where_a_frame_of_it_is():
    of_frames = np.array([[0, 1], [0, 0], [0, 0], [0, 0], [1, 0]], dtype=bool)
    np.testing.assert_array_equal(in_steps(of_frames), [[0, 1], [0, 0], [1, 0]])
    np.testing.assert_array_equal(in_steps(of_frames[:, 0]), [0, 0, 1])
