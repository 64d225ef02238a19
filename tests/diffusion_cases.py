"""Diffusion problems so small that everything about them can be worked out."""

import itertools
from collections.abc import Callable

import numpy as np
import torch

from audio.diffusion.config import DiffusionConfig
from audio.diffusion.model import DiffusionModel
from audio.diffusion.process import diffusion_nats, level_values, prior_nats, reconstruction_nats, signal_and_noise

TINY = DiffusionConfig(
    **{"n_bands": 2, "n_levels": 3, "gamma_min": -8.0, "gamma_max": 10.0, "gamma_centre": 0.0},
    **{"channels": 4, "n_layers": 2, "band_context": 2, "cell_channels": 4, "cell_layers": 2},
)
JOINT = np.array([[0.30, 0.02, 0.10], [0.01, 0.20, 0.05], [0.12, 0.03, 0.17]])
"""Probabilities of the levels of a frame of two dependent bands."""
FRAMES = np.array(list(itertools.product(range(3), repeat=2)), dtype=np.uint8)
"""All nine frames [9, 2], in the order of JOINT.ravel()."""


def exact_predictor(z: torch.Tensor, gamma: torch.Tensor) -> torch.Tensor:
    """The noise to expect in z [B, T, 2] where the frames are independent and follow JOINT: Bayes' rule."""
    alpha, sigma = (each.double()[:, None, None] for each in signal_and_noise(gamma))
    values = level_values(3, z.device).double()[torch.from_numpy(FRAMES).long()]  # [9, 2]
    distance = ((z.double()[:, :, None] - alpha[..., None] * values) / sigma[..., None]) ** 2
    log_p = torch.from_numpy(np.log(JOINT.ravel())) - 0.5 * distance.sum(-1)  # [B, T, 9]
    return ((z - alpha * (torch.softmax(log_p, dim=-1) @ values)) / sigma).float()


def random_model(config: DiffusionConfig = TINY, seed: int = 0) -> DiffusionModel:
    """Every weight is moved, so that no path through the model is dead."""
    torch.manual_seed(seed)
    model = DiffusionModel(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.4 * torch.randn_like(parameter))
    return model


@torch.inference_mode()
def bound_by_quadrature(
    predict_noise: Callable, frame: np.ndarray, config: DiffusionConfig, n_times: int = 150, n_noise: int = 20
) -> float:
    """The bound of one frame [n_bands], its integrals over times and noise by quadrature instead of sampling."""
    points, weights = np.polynomial.hermite_e.hermegauss(n_noise)
    noise = torch.tensor(list(itertools.product(points, repeat=len(frame))), dtype=torch.float32)[:, None]
    weight = torch.tensor(list(itertools.product(weights, repeat=len(frame))), dtype=torch.float64).prod(1)
    levels = torch.from_numpy(frame)[None, None].expand(len(noise), -1, -1)
    times = (torch.arange(n_times, dtype=torch.float64) + 0.5) / n_times
    at_all_times = diffusion_nats(
        predict_noise,
        levels.repeat(n_times, 1, 1),
        times.repeat_interleave(len(noise)),
        noise.repeat(n_times, 1, 1),
        config,
    )
    nats = at_all_times.reshape(n_times, -1).mean(0) + reconstruction_nats(levels, noise, config)
    return float(prior_nats(levels, config)[0] + nats @ weight / weight.sum())
