"""The network of the diffusion model: what noise is in a window of noisy frames?

Two levels: a trunk, gated dilated layers over time that see all bands of a frame at once, hands each cell a summary of
its surroundings; a network over the cells, small dilated convolutions over frames and bands, adds what stands nearby.
Both are told the noise level, and windows of any length will do.

Preconditioning (after Karras et al. 2022): if the cells were independent N(0, PRIOR_STD^2), a cell's value given its
noisy self would be normal with a mean and a width known in closed form. The network only says how to move that mean,
in units of that width, and how to scale the width. The normal is then restricted to the values that levels can have
and its mean taken, so that the network need not learn that levels are discrete: where the noise is far below one
step, the value is read off exactly. A fresh network moves nothing, which makes it the exact model of independent
cells whose levels follow a discretised normal.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from audio.diffusion.config import DiffusionConfig
from audio.diffusion.process import level_values, signal_and_noise
from audio.spectral.model import GatedLayer, rms_norm

PRIOR_STD = 0.6
"""Root mean square of a cell's value; 0.61 over renderings of GiantMIDI-Piano."""
NEARBY = [(frames, bands) for frames in (-2, -1, 0, 1, 2) for bands in (-1, 0, 1) if (frames, bands) != (0, 0)]
"""Offsets of the cells that each cell is compared with."""
NOISE_LEVEL_WAVES = 16
CELL_DILATIONS = (1, 2, 4)
MAX_LOG_WIDTH = 4.0


class TrunkLayer(GatedLayer):
    """Looks at a frame and those `dilation` before and behind: [B, T, channels] to the same."""

    N_TAPS = 3

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__(channels, n_taps=self.N_TAPS)
        self.dilation = dilation
        self.hear = nn.Linear(2 * NOISE_LEVEL_WAVES, channels)

    def forward(self, x: Tensor, noise_level: Tensor) -> Tensor:
        """Beyond the ends there are zeros."""
        n_frames, reach = x.shape[1], self.dilation
        padded = F.pad(rms_norm(x + self.hear(noise_level)[:, None]), (0, 0, reach, reach))
        return x + self.gate([padded[:, tap * reach : tap * reach + n_frames] for tap in range(self.N_TAPS)])


class CellLayer(nn.Module):
    """Residual convolution over 3 frames by 3 bands, `dilation` apart: [B, T, n_bands, channels] to the same."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.hear = nn.Linear(2 * NOISE_LEVEL_WAVES, channels)
        self.mix = nn.Conv2d(channels, channels, kernel_size=3, padding=dilation, dilation=dilation)
        self.out = nn.Linear(channels, channels)
        nn.init.zeros_(self.out.bias)
        nn.init.normal_(self.out.weight, std=0.3 / math.sqrt(channels))

    def forward(self, x: Tensor, noise_level: Tensor) -> Tensor:
        """Beyond the edges there are zeros."""
        normed = rms_norm(x + self.hear(noise_level)[:, None, None])
        mixed = self.mix(normed.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return x + self.out(F.silu(mixed))


class DiffusionModel(nn.Module):
    """Predicts the noise in frames of any number; a `NoisePredictor` of `audio.diffusion.process`."""

    def __init__(self, config: DiffusionConfig) -> None:
        super().__init__()
        self.config = config
        c = config
        self.embed = nn.Linear(c.n_bands, c.channels)
        self.trunk = nn.ModuleList(TrunkLayer(c.channels, 2**layer) for layer in range(c.n_layers))
        self.to_context = nn.Linear(c.channels, c.n_bands * c.band_context)
        self.cell_in = nn.Linear(1 + len(NEARBY) + c.band_context, c.cell_channels)
        self.cells = nn.ModuleList(
            CellLayer(c.cell_channels, CELL_DILATIONS[layer % len(CELL_DILATIONS)]) for layer in range(c.cell_layers)
        )
        self.head = nn.Linear(c.cell_channels, 2)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, z: Tensor, gamma: Tensor) -> Tensor:
        """The noise in z float32 [B, T, n_bands], whose noise level is gamma float32 [B]; shape as z, float32."""
        alpha, sigma = signal_and_noise(gamma[:, None, None])
        # The cell's value given z alone: normal, with this mean and this width.
        width = torch.rsqrt(PRIOR_STD**-2 + torch.exp(-gamma))[:, None, None]
        mean = width**2 * alpha / sigma**2 * z
        unit = z * torch.rsqrt((alpha * PRIOR_STD) ** 2 + sigma**2)  # of variance 1 at every noise level
        move, log_scale = self._network(unit, mean / width, self._noise_level(gamma)).float().unbind(-1)
        mean = mean + width * move
        width = width * torch.exp(MAX_LOG_WIDTH * torch.tanh(log_scale / MAX_LOG_WIDTH))
        return (z - alpha * restricted_mean(mean, width, self.config.n_levels)) / sigma

    def _network(self, unit: Tensor, in_widths: Tensor, noise_level: Tensor) -> Tensor:
        """Noisy cells of variance 1, and the same in units of their uncertainty, to [B, T, n_bands, 2]."""
        c = self.config
        h = self.embed(unit)
        for layer in self.trunk:
            h = layer(h, noise_level)
        context = self.to_context(rms_norm(h)).unflatten(-1, (c.n_bands, c.band_context))
        cells = self.cell_in(torch.cat([unit[..., None], differences(in_widths), context], dim=-1))
        for layer in self.cells:
            cells = layer(cells, noise_level)
        return self.head(rms_norm(cells))

    def _noise_level(self, gamma: Tensor) -> Tensor:
        """gamma [B] as sines, from an eighth of the schedule's range to four times the range long: [B, 32]."""
        time = (gamma - self.config.gamma_min) / (self.config.gamma_max - self.config.gamma_min)
        waves_per_range = torch.logspace(-2, 3, NOISE_LEVEL_WAVES, base=2.0, device=gamma.device)
        phase = 2.0 * math.pi * time[:, None] * waves_per_range
        return torch.cat([torch.sin(phase), torch.cos(phase)], dim=-1)


def differences(cells: Tensor) -> Tensor:
    """Each of the NEARBY cells less the cell itself, large ones compressed: [B, T, n_bands] to [..., len(NEARBY)]."""
    n_frames, n_bands = cells.shape[1:]
    padded = F.pad(cells[:, None], (1, 1, 2, 2), mode="replicate")[:, 0]
    shifted = [padded[:, 2 + t : 2 + t + n_frames, 1 + b : 1 + b + n_bands] for t, b in NEARBY]
    difference = torch.stack(shifted, dim=-1) - cells[..., None]
    return torch.sign(difference) * torch.log1p(difference.abs())


def restricted_mean(mean: Tensor, width: Tensor, n_levels: int) -> Tensor:
    """Mean of the normal distribution (mean, width) restricted to the values that levels stand for; shapes [...]."""
    values = level_values(n_levels, mean.device)
    # By natural parameters: half as many passes over [..., n_levels] numbers as by (value - mean) / width.
    natural = torch.stack([mean, torch.full_like(mean, -0.5)], dim=-1) / width[..., None] ** 2
    with torch.autocast(mean.device.type, enabled=False):
        return torch.softmax(natural @ torch.stack([values, values**2]), dim=-1) @ values
