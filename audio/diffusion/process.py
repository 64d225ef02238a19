"""The diffusion of quantised frames, the bound on their likelihood and the reversal, whatever network predicts noise.

Variational Diffusion Models (Kingma, Salimans, Poole and Ho 2021) in continuous time. A level k of n stands for the
value x = 2 k / (n - 1) - 1. At time t in [0, 1] noise has turned x into z_t = alpha x + sigma eps, with
sigma^2 = sigmoid(gamma(t)) and alpha^2 = 1 - sigma^2. Then

    -log p(x) <= KL(q(z_1 | x) || N(0, 1))                                      prior
               + E_{t, eps} 1/2 gamma'(t) |eps - predicted eps(z_t, gamma)|^2     diffusion
               + E_eps [-log p(x | z_0)]                                         reconstruction,

where p(k | z_0) is proportional to q(z_0 | k), cell by cell (sections 3.3, 3.5 and 5). The bound depends on the
schedule's ends alone, not on its course (section 5.1). The ends are fixed where the prior and the reconstruction cost
next to nothing. The course follows a logistic distribution that resembles how the loss is spread over gamma: that
makes the loss all but flat in t, which is what VDM learns its schedule for (section 5.3).
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from audio.diffusion.config import DiffusionConfig

NoisePredictor = Callable[[Tensor, Tensor], Tensor]
"""(z float32 [B, T, n_bands], gamma float32 [B]) to the noise in z, float32 [B, T, n_bands]."""


def schedule(times: Tensor, config: DiffusionConfig) -> tuple[Tensor, Tensor]:
    """(gamma, gamma') at `times` in [0, 1]: log of noise over signal power, from gamma_min to gamma_max, and its slope.

    t is the distribution function of a logistic distribution, cut off at the ends and scaled to [0, 1].
    """
    ends = torch.tensor([config.gamma_min, config.gamma_max], dtype=torch.float64, device=times.device)
    low, high = torch.sigmoid((ends - config.gamma_centre) / config.gamma_scale)
    share = low + (high - low) * times
    gamma = config.gamma_centre + config.gamma_scale * torch.logit(share)
    return gamma, config.gamma_scale * (high - low) / (share * (1.0 - share))


def signal_and_noise(gamma: Tensor) -> tuple[Tensor, Tensor]:
    """(alpha, sigma), the amplitudes of signal and noise; their squares sum to 1."""
    return torch.sqrt(torch.sigmoid(-gamma)), torch.sqrt(torch.sigmoid(gamma))


def level_values(n_levels: int, device: torch.device) -> Tensor:
    """The values x that the levels stand for, evenly from -1 to 1: float32 [n_levels]."""
    return torch.linspace(-1.0, 1.0, n_levels, device=device)


def values_of(levels: Tensor, config: DiffusionConfig) -> Tensor:
    """Levels uint8 [...] to values float32 [...]."""
    return level_values(config.n_levels, levels.device)[levels.long()]


def prior_nats(levels: Tensor, config: DiffusionConfig) -> Tensor:
    """KL(q(z_1 | x) || N(0, 1)) of each sample: levels uint8 [B, T, n_bands] to float64 [B]."""
    alpha, sigma = signal_and_noise(torch.tensor(config.gamma_max, dtype=torch.float64, device=levels.device))
    mean = alpha * values_of(levels, config).double()
    return 0.5 * (sigma**2 + mean**2 - 1.0 - 2.0 * torch.log(sigma)).sum((1, 2))


def diffusion_nats(
    predict_noise: NoisePredictor, levels: Tensor, times: Tensor, noise: Tensor, config: DiffusionConfig
) -> Tensor:
    """The diffusion loss of each sample at one time: its mean over times uniform in [0, 1] and over noise is the term.

    levels: uint8 [B, T, n_bands]; times: float64 [B]; noise: float32 as `levels`, standard normal. Gives float64 [B].
    """
    gamma, slope = schedule(times, config)
    gamma = gamma.float()
    alpha, sigma = signal_and_noise(gamma[:, None, None])
    z = alpha * values_of(levels, config) + sigma * noise
    squares = (noise - predict_noise(z, gamma)) ** 2
    return 0.5 * slope * squares.sum((1, 2), dtype=torch.float64)


def reconstruction_nats(levels: Tensor, noise: Tensor, config: DiffusionConfig) -> Tensor:
    """-log p(x | z_0) of each sample, for z_0 made with `noise`; shapes as in `diffusion_nats`."""
    alpha, sigma = signal_and_noise(torch.tensor(config.gamma_min, device=levels.device))
    log_p = level_log_probabilities(alpha * values_of(levels, config) + sigma * noise, config)
    return -log_p.gather(-1, levels.long()[..., None]).sum((1, 2, 3), dtype=torch.float64)


def level_log_probabilities(z_0: Tensor, config: DiffusionConfig) -> Tensor:
    """log p(k | z_0), normalised over the levels: [...] to [..., n_levels]."""
    alpha, sigma = signal_and_noise(torch.tensor(config.gamma_min, device=z_0.device))
    values = level_values(config.n_levels, z_0.device)
    return torch.log_softmax(-0.5 * ((z_0[..., None] - alpha * values) / sigma) ** 2, dim=-1)


def spread_times(n_times: int, offset: float) -> np.ndarray:
    """`n_times` even steps around the circle [0, 1) from `offset`, float64: VDM's low-discrepancy sampler.

    Each is uniform where the offset is, so that means over them are unbiased, and together they leave no gap.
    """
    return (offset + np.arange(n_times) / n_times) % 1.0
