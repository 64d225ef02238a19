"""The spectral model is an exact, causal distribution, and a recording has one score however it is cut."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from audio.spectral.config import SpectralLMConfig
from audio.spectral.model import SpectralLM, step_nats

pytestmark = pytest.mark.processor
TINY = SpectralLMConfig(
    n_bands=6,
    hearing_channels=2,
    channels=8,
    n_layers=3,
    band_context=4,
    cell_channels=8,
    cell_layers=1,
    past_steps=2,
    past_reach=1,
    lower_reach=3,
    trace_steps=(1.5, 6.0),
    trace_reach=2,
)


def random_model(config: SpectralLMConfig, seed: int = 0) -> SpectralLM:
    """Every weight is moved, so that no path through the model is dead."""
    torch.manual_seed(seed)
    model = SpectralLM(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.4 * torch.randn_like(parameter))
    return model


def random_levels(n_frames: int, config: SpectralLMConfig = TINY, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(2, size=(n_frames, config.n_bands), dtype=np.uint8)


def window_cells(model: SpectralLM, levels: np.ndarray, n_start: int = 0) -> np.ndarray:
    """Cell nats [T, n_bands] behind the context of one window."""
    with torch.inference_mode():
        return model.cell_nats(torch.from_numpy(levels)[None], torch.tensor([n_start]))[0].numpy()


def test_both_values_of_a_cell_sum_to_one():
    model, levels = random_model(TINY), random_levels(TINY.context_steps + 4)
    for frame, band in itertools.product(range(4), range(TINY.n_bands)):
        total = 0.0
        for value in range(2):
            levels[TINY.context_steps + frame, band] = value
            total += np.exp(-window_cells(model, levels).astype(np.float64)[frame, band])
        assert total == pytest.approx(1.0, abs=1e-5)


def test_all_recordings_of_two_frames_sum_to_one():
    config = dataclasses.replace(TINY, n_bands=3)
    model = random_model(config, seed=1)
    cells = itertools.product(range(2), repeat=2 * config.n_bands)
    recordings = (np.array(values, dtype=np.uint8).reshape(2, config.n_bands) for values in cells)
    assert sum(np.exp(-step_nats(model, levels).sum()) for levels in recordings) == pytest.approx(1.0, abs=1e-5)


def test_a_cell_depends_on_nothing_later_or_higher():
    model, levels = random_model(TINY), random_levels(TINY.context_steps + 6)
    before = window_cells(model, levels)
    for frame, band in itertools.product(range(6), range(TINY.n_bands)):
        changed = levels.copy()
        changed[TINY.context_steps + frame, band] ^= 1
        after = window_cells(model, changed)
        np.testing.assert_array_equal(after[:frame], before[:frame])
        np.testing.assert_array_equal(after[frame, :band], before[frame, :band])
        assert after[frame, band] != before[frame, band]
        assert band == TINY.n_bands - 1 or (after[frame, band + 1 :] != before[frame, band + 1 :]).any()
        assert frame == 5 or (after[frame + 1] != before[frame + 1]).any()


def test_a_frame_sees_its_whole_context_and_no_more():
    model, levels = random_model(TINY), random_levels(TINY.context_steps + 3)
    before, changed = window_cells(model, levels), levels.copy()
    changed[0] ^= 1
    after = window_cells(model, changed)
    assert (after[0] != before[0]).any()
    np.testing.assert_array_equal(after[1:], before[1:])


def test_frames_before_the_start_are_ignored():
    model, levels = random_model(TINY), random_levels(TINY.context_steps + 3)
    changed = levels.copy()
    changed[:5] ^= 1
    np.testing.assert_array_equal(window_cells(model, changed, n_start=5), window_cells(model, levels, n_start=5))
    assert (window_cells(model, changed, n_start=4) != window_cells(model, levels, n_start=4)).any()


@pytest.mark.parametrize("window_steps", [1, 7, 40])
def test_windows_change_nothing(window_steps):
    model, levels = random_model(TINY), random_levels(40)
    np.testing.assert_allclose(step_nats(model, levels, window_steps), step_nats(model, levels), rtol=1e-5)


def test_a_prefix_scores_as_in_the_whole():
    model, levels = random_model(TINY), random_levels(30)
    np.testing.assert_allclose(step_nats(model, levels[:11]), step_nats(model, levels)[:11], rtol=1e-5)


def test_a_batch_scores_as_its_members():
    model = random_model(TINY)
    levels = torch.from_numpy(np.stack([random_levels(TINY.context_steps + 5, seed=seed) for seed in range(3)]))
    n_start = torch.tensor([0, 3, TINY.context_steps])
    with torch.inference_mode():
        together = model.cell_nats(levels, n_start)
    for row in range(3):
        alone = window_cells(model, levels[row].numpy(), int(n_start[row]))
        np.testing.assert_allclose(together[row].numpy(), alone, rtol=1e-5, atol=1e-6)


def test_one_batch_is_learned_by_heart():
    torch.manual_seed(0)
    model = SpectralLM(dataclasses.replace(TINY, channels=32, cell_channels=32))
    levels, n_start = (
        torch.from_numpy(random_levels(2 * (TINY.context_steps + 6)).reshape(2, -1, 6)),
        torch.tensor([0, 0]),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    first = model.cell_nats(levels, n_start).mean().item()
    for _ in range(150):
        loss = model.cell_nats(levels, n_start).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1 * first


def test_the_default_model_fits_in_4_megabytes():
    model = SpectralLM(SpectralLMConfig())
    assert 2 * sum(parameter.numel() for parameter in model.parameters()) <= 4_000_000


@pytest.mark.parametrize(("field", "value"), [("channels", 0), ("trace_reach", -1), ("past_steps", 300)])
def test_a_wrong_config_names_the_field(field, value):
    with pytest.raises(ValueError, match=f"{field} {value}"):
        SpectralLMConfig(**{field: value})
