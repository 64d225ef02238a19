"""The bound is one: exact where the network is, above -log p where it is not; its terms are what they are called."""

import dataclasses

import numpy as np
import pytest
import torch
from diffusion_cases import FRAMES, JOINT, TINY, bound_by_quadrature, exact_predictor, random_model

from audio.diffusion.config import DiffusionConfig
from audio.diffusion.model import PRIOR_STD, DiffusionModel
from audio.diffusion.process import (
    level_log_probabilities,
    level_values,
    prior_nats,
    reconstruction_nats,
    schedule,
    signal_and_noise,
    spread_times,
)

CONFIG = DiffusionConfig()


def test_with_the_exact_denoiser_the_bound_is_the_likelihood():
    bounds = [bound_by_quadrature(exact_predictor, frame, TINY) for frame in FRAMES]
    np.testing.assert_allclose(bounds, -np.log(JOINT.ravel()), atol=2e-3)


@pytest.mark.parametrize("seed", [0, 1])
def test_with_any_network_the_bounded_probabilities_sum_to_less_than_one(seed):
    """-log p <= bound for all frames at once, p summing to 1."""
    model = random_model(seed=seed)
    bounds = [bound_by_quadrature(model, frame, TINY, n_times=60, n_noise=12) for frame in FRAMES]
    assert 0.0 < np.exp(-np.array(bounds)).sum() < 1.0


def test_a_fresh_network_is_a_discretised_normal():
    config = dataclasses.replace(TINY, n_bands=1, n_levels=5)
    log_p = -0.5 * (np.linspace(-1, 1, 5) / PRIOR_STD) ** 2
    log_p -= np.log(np.exp(log_p).sum())
    model = DiffusionModel(config)
    bounds = [bound_by_quadrature(model, np.array([k], dtype=np.uint8), config, n_noise=40) for k in range(5)]
    np.testing.assert_allclose(bounds, -log_p, atol=2e-3)


def test_the_schedule_runs_between_its_ends_and_knows_its_slope():
    times = torch.linspace(0.0, 1.0, 2001, dtype=torch.float64, requires_grad=True)
    gamma, slope = schedule(times, CONFIG)
    assert gamma[0].item() == pytest.approx(CONFIG.gamma_min) and gamma[-1].item() == pytest.approx(CONFIG.gamma_max)
    assert (gamma.diff() > 0).all()
    torch.testing.assert_close(slope, torch.autograd.grad(gamma.sum(), times)[0])


def test_the_prior_term_is_torch_s_divergence():
    levels = torch.from_numpy(np.random.default_rng(0).integers(161, size=(2, 3, 88), dtype=np.uint8))
    alpha, sigma = signal_and_noise(torch.tensor(5.0, dtype=torch.float64))
    values = levels.double() / 80.0 - 1.0
    q, p = torch.distributions.Normal(alpha * values, sigma), torch.distributions.Normal(0.0, 1.0)
    torch.testing.assert_close(prior_nats(levels, CONFIG), torch.distributions.kl_divergence(q, p).sum((1, 2)))


def test_levels_given_z_0_have_probabilities_that_sum_to_one():
    z = torch.tensor([-30.0, -1.0, -0.003, 0.0, 0.5, 1.0, 30.0])
    torch.testing.assert_close(level_log_probabilities(z, CONFIG).exp().sum(-1), torch.ones(7))
    alpha, sigma = signal_and_noise(torch.tensor(CONFIG.gamma_min))
    likelihood = torch.distributions.Normal(alpha * level_values(161, z.device), sigma).log_prob(torch.tensor(0.009))
    wanted = torch.log_softmax(likelihood, dim=-1)
    torch.testing.assert_close(level_log_probabilities(torch.tensor(0.009), CONFIG), wanted, rtol=1e-3, atol=1e-3)


def test_the_ends_of_the_schedule_cost_next_to_nothing():
    """Nats a cell, of about two that a cell takes."""
    rng = np.random.default_rng(0)
    levels = torch.from_numpy(rng.integers(161, size=(1, 100, 88), dtype=np.uint8))
    noise = torch.from_numpy(rng.standard_normal((1, 100, 88), dtype=np.float32))
    assert 0 < prior_nats(levels, CONFIG).item() / 8800 < 2e-3
    assert 0 < reconstruction_nats(levels, noise, CONFIG).item() / 8800 < 1e-3


def test_reconstruction_of_a_level_that_the_noise_moved_half_a_step():
    alpha, sigma = signal_and_noise(torch.tensor(CONFIG.gamma_min))
    noise = (alpha / 160.0 / sigma).reshape(1, 1, 1)  # half of the distance between two levels
    levels = torch.full((1, 1, 1), 80, dtype=torch.uint8)
    assert reconstruction_nats(levels, noise, CONFIG).item() == pytest.approx(np.log(2.0), rel=1e-3)


def test_spread_times_are_even_and_stay_in_the_interval():
    times = spread_times(8, 0.93)
    assert times.min() >= 0.0 and times.max() < 1.0
    np.testing.assert_allclose(np.diff(np.sort(times)), 0.125)


@pytest.mark.parametrize(
    ("field", "value"),
    [("channels", 0), ("n_levels", 257), ("gamma_min", 6.0), ("gamma_centre", -14.0), ("gamma_scale", 0.5)],
)
def test_a_wrong_config_names_the_field(field, value):
    with pytest.raises(ValueError, match=field):
        DiffusionConfig(**{field: value})
