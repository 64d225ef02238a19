"""The network takes windows of any length, alone or in batches, and can learn."""

import dataclasses

import numpy as np
import pytest
import torch
from diffusion_cases import TINY, random_model

from audio.diffusion.config import DiffusionConfig
from audio.diffusion.model import DiffusionModel, differences, restricted_mean
from audio.diffusion.process import diffusion_nats, signal_and_noise, spread_times, values_of

pytestmark = pytest.mark.processor
SMALL = dataclasses.replace(TINY, n_bands=6, n_levels=9)


def noisy(n_batch: int, n_frames: int, config: DiffusionConfig = SMALL, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n_batch, n_frames, config.n_bands, generator=generator)


@pytest.mark.parametrize("width", [0.002, 0.01, 0.3, 30.0])
def test_the_restricted_mean_is_bayes_rule_over_the_levels(width):
    means = torch.linspace(-1.2, 1.2, 97)
    values = np.linspace(-1.0, 1.0, 161)
    log_p = -0.5 * ((values - means.numpy()[:, None].astype(np.float64)) / width) ** 2
    p = np.exp(log_p - log_p.max(1, keepdims=True))
    wanted = (p * values).sum(1) / p.sum(1)
    got = restricted_mean(means, torch.full_like(means, width), n_levels=161)
    np.testing.assert_allclose(got.numpy(), wanted, atol=0.1 * min(width, 0.01))


def test_differences_are_those_of_the_named_neighbours():
    cells = torch.arange(20.0).reshape(1, 5, 4)  # one band is 1 further, one frame 4
    of_cell = differences(cells)[0, 2, 1]
    wanted = torch.tensor([-9.0, -8, -7, -5, -4, -3, -1, 1, 3, 4, 5, 7, 8, 9])
    torch.testing.assert_close(of_cell, torch.sign(wanted) * torch.log1p(wanted.abs()))


@pytest.mark.parametrize("n_frames", [1, 2, 7])
def test_a_batch_is_predicted_as_its_members(n_frames):
    model, z, gamma = random_model(SMALL), noisy(3, n_frames), torch.tensor([-9.0, -2.0, 4.0])
    with torch.inference_mode():
        together = model(z, gamma)
        assert together.shape == z.shape and together.isfinite().all()
        for row in range(3):
            torch.testing.assert_close(model(z[row][None], gamma[row][None])[0], together[row], rtol=1e-4, atol=1e-4)


def test_a_prediction_depends_on_the_frames_around_it_alone():
    model, z, gamma = random_model(SMALL), noisy(1, 60), torch.tensor([0.0])
    reach = 3 + 3  # two layers of the trunk, two over the cells
    changed = z.clone()
    changed[:, 30] += 1.0
    with torch.inference_mode():
        moved = (model(changed, gamma) - model(z, gamma)).abs().amax(-1)[0]
    assert (moved[30 - reach : 30 + reach + 1] > 1e-6).sum() > 6
    assert moved[: 30 - reach].max() < 1e-6 and moved[30 + reach + 1 :].max() < 1e-6


def test_the_noise_level_reaches_the_network():
    model, z = random_model(SMALL), noisy(1, 4)
    with torch.inference_mode():
        told = [model._network(z, z, model._noise_level(torch.tensor([gamma]))) for gamma in (-3.0, -2.9)]
    assert (told[0] - told[1]).abs().max() > 1e-3


def test_noise_far_below_one_step_is_read_off_before_anything_is_learned():
    config = dataclasses.replace(SMALL, n_levels=161, gamma_min=-13.0)
    levels = torch.from_numpy(np.random.default_rng(0).integers(161, size=(1, 20, 6), dtype=np.uint8))
    alpha, sigma = signal_and_noise(torch.tensor([config.gamma_min]))
    noise = noisy(1, 20)
    z = alpha * values_of(levels, config) + sigma * noise
    predicted = DiffusionModel(config)(z, torch.tensor([config.gamma_min]))
    torch.testing.assert_close(predicted, noise, rtol=0.0, atol=0.05)


def test_one_batch_is_learned_by_heart():
    torch.manual_seed(0)
    config = dataclasses.replace(SMALL, channels=16, cell_channels=16)
    model = DiffusionModel(config)
    rng = np.random.default_rng(0)
    levels = torch.from_numpy(rng.integers(9, size=(1, 4, 6), dtype=np.uint8)).expand(8, -1, -1)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    losses = []
    for _ in range(600):
        times = torch.from_numpy(spread_times(8, rng.random()))
        noise = torch.from_numpy(rng.standard_normal((8, 4, 6), dtype=np.float32))
        loss = diffusion_nats(model, levels, times, noise, config).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 20.0)
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-60:]) < 0.25 * np.mean(losses[:10])


def test_the_default_model_fits_in_one_and_a_half_megabytes():
    assert 2 * sum(parameter.numel() for parameter in DiffusionModel(DiffusionConfig()).parameters()) <= 1_500_000
