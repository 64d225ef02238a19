"""The spectral model is an exact, causal distribution, and a recording has one score however it is cut."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from audio.spectral.config import SpectralLMConfig
from audio.spectral.model import SpectralLM, discretised_logistic_nats, frame_nats

pytestmark = pytest.mark.processor
TINY = SpectralLMConfig(
    n_bands=6,
    n_levels=5,
    channels=8,
    n_layers=3,
    band_context=4,
    cell_channels=8,
    cell_layers=1,
    past_frames=2,
    past_reach=1,
    lower_reach=3,
    mixtures=2,
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
    return np.random.default_rng(seed).integers(config.n_levels, size=(n_frames, config.n_bands), dtype=np.uint8)


def window_cells(model: SpectralLM, levels: np.ndarray, n_start: int = 0) -> np.ndarray:
    """Cell nats [T, n_bands] behind the context of one window."""
    with torch.inference_mode():
        return model.cell_nats(torch.from_numpy(levels)[None], torch.tensor([n_start]))[0].numpy()


def test_masses_agree_with_differences_of_the_logistic_function():
    rng = np.random.default_rng(0)
    means, log_scales, logits = rng.normal(80, 40, (20, 3)), rng.normal(1, 1, (20, 3)), rng.normal(0, 1, (20, 3))
    levels = np.arange(161)
    weights = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)

    def cumulative(edge):  # [20, 1] in float64, straight from the definition
        z = np.clip((edge - means) / np.exp(log_scales), -500, 500)
        return (weights / (1 + np.exp(-z))).sum(-1)

    edges = np.stack([cumulative(x + 0.5) for x in levels[:-1]], axis=1)
    wanted = np.diff(edges, axis=1, prepend=0.0, append=1.0)
    tensors = [torch.from_numpy(a)[:, None].float() for a in (logits, means, log_scales)]
    nats = discretised_logistic_nats(torch.from_numpy(levels)[None], *tensors, n_levels=161)
    np.testing.assert_allclose(torch.exp(-nats).numpy(), wanted, atol=2e-6)


@pytest.mark.parametrize(("mean", "log_scale"), [(80.0, -4.0), (80.5, -4.0), (-1e4, 0.0), (1e4, 6.0), (0.0, 0.0)])
def test_masses_are_finite_and_sum_to_one_at_the_extremes(mean, log_scale):
    levels = torch.arange(161)[None]
    parameters = [torch.full((1, 1, 1), value) for value in (0.0, mean, log_scale)]
    nats = discretised_logistic_nats(levels, *parameters, n_levels=161)
    assert torch.isfinite(nats).all()
    assert torch.exp(-nats.double()).sum().item() == pytest.approx(1.0, abs=1e-5)


def test_all_levels_of_a_cell_sum_to_one():
    model, levels = random_model(TINY), random_levels(TINY.context_frames + 4)
    for frame, band in itertools.product(range(4), range(TINY.n_bands)):
        total = 0.0
        for level in range(TINY.n_levels):
            levels[TINY.context_frames + frame, band] = level
            total += np.exp(-window_cells(model, levels).astype(np.float64)[frame, band])
        assert total == pytest.approx(1.0, abs=1e-5)


def test_all_recordings_of_two_frames_sum_to_one():
    config = dataclasses.replace(TINY, n_bands=2, n_levels=3)
    model = random_model(config, seed=1)
    cells = itertools.product(range(config.n_levels), repeat=2 * config.n_bands)
    recordings = (np.array(values, dtype=np.uint8).reshape(2, config.n_bands) for values in cells)
    assert sum(np.exp(-frame_nats(model, levels).sum()) for levels in recordings) == pytest.approx(1.0, abs=1e-5)


def test_a_cell_depends_on_nothing_later_or_higher():
    model, levels = random_model(TINY), random_levels(TINY.context_frames + 6)
    before = window_cells(model, levels)
    for frame, band in itertools.product(range(6), range(TINY.n_bands)):
        changed = levels.copy()
        changed[TINY.context_frames + frame, band] = (changed[TINY.context_frames + frame, band] + 2) % TINY.n_levels
        after = window_cells(model, changed)
        np.testing.assert_array_equal(after[:frame], before[:frame])
        np.testing.assert_array_equal(after[frame, :band], before[frame, :band])
        assert after[frame, band] != before[frame, band]
        assert band == TINY.n_bands - 1 or (after[frame, band + 1 :] != before[frame, band + 1 :]).any()
        assert frame == 5 or (after[frame + 1] != before[frame + 1]).any()


def test_a_frame_sees_its_whole_context_and_no_more():
    model, levels = random_model(TINY), random_levels(TINY.context_frames + 3)
    before, changed = window_cells(model, levels), levels.copy()
    changed[0] = (changed[0] + 1) % TINY.n_levels
    after = window_cells(model, changed)
    assert (after[0] != before[0]).any()
    np.testing.assert_array_equal(after[1:], before[1:])


def test_frames_before_the_start_are_ignored():
    model, levels = random_model(TINY), random_levels(TINY.context_frames + 3)
    changed = levels.copy()
    changed[:5] = (changed[:5] + 1) % TINY.n_levels
    np.testing.assert_array_equal(window_cells(model, changed, n_start=5), window_cells(model, levels, n_start=5))
    assert (window_cells(model, changed, n_start=4) != window_cells(model, levels, n_start=4)).any()


@pytest.mark.parametrize("window_frames", [1, 7, 40])
def test_windows_change_nothing(window_frames):
    model, levels = random_model(TINY), random_levels(40)
    np.testing.assert_allclose(frame_nats(model, levels, window_frames), frame_nats(model, levels), rtol=1e-5)


def test_a_prefix_scores_as_in_the_whole():
    model, levels = random_model(TINY), random_levels(30)
    np.testing.assert_allclose(frame_nats(model, levels[:11]), frame_nats(model, levels)[:11], rtol=1e-5)


def test_a_batch_scores_as_its_members():
    model = random_model(TINY)
    levels = torch.from_numpy(np.stack([random_levels(TINY.context_frames + 5, seed=seed) for seed in range(3)]))
    n_start = torch.tensor([0, 3, TINY.context_frames])
    with torch.inference_mode():
        together = model.cell_nats(levels, n_start)
    for row in range(3):
        alone = window_cells(model, levels[row].numpy(), int(n_start[row]))
        np.testing.assert_allclose(together[row].numpy(), alone, rtol=1e-5, atol=1e-6)


def test_one_batch_is_learned_by_heart():
    torch.manual_seed(0)
    model = SpectralLM(dataclasses.replace(TINY, channels=32, cell_channels=32))
    levels, n_start = (
        torch.from_numpy(random_levels(2 * (TINY.context_frames + 6)).reshape(2, -1, 6)),
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


@pytest.mark.parametrize(("field", "value"), [("channels", 0), ("n_levels", 257), ("past_frames", 200)])
def test_a_wrong_config_names_the_field(field, value):
    with pytest.raises(ValueError, match=f"{field} {value}"):
        SpectralLMConfig(**{field: value})
