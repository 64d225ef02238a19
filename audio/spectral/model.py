"""An exact autoregressive likelihood of sound: p(frames) of the quantised frames of `audio.spectral.frames`.

p(frames) = prod_t prod_b p(level[t, b] | frames before t, lower bands of frame t). Gated dilated convolutions over time
(WaveNet, van den Oord 2016) turn the past into a context for each band of the next frame; a small network shared by all
bands adds what it sees nearby in the last frames and below in its own; a mixture of logistics discretised to the finite
set of levels (PixelCNN++, Salimans 2017) gives the probabilities, which sum to 1 over the levels. What lies before the
first frame is silence, marked by a learned start vector.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from audio.spectral.config import KIND, SpectralLMConfig
from losscal.processes.progress import watched

WINDOW_FRAMES = 512
"""Frames scored at once: 16 s, about 100 MB of activations."""


def rms_norm(x: Tensor) -> Tensor:
    """Root-mean-square norm over the last dimension, without a gain (Zhang and Sennrich 2019)."""
    return F.rms_norm(x, x.shape[-1:])


class GatedLayer(nn.Module):
    """Residual gated layer over `taps`, equally shaped views of its input: x + W (tanh(u) * sigmoid(v))."""

    def __init__(self, channels: int, n_taps: int) -> None:
        super().__init__()
        self.mix = nn.Linear(n_taps * channels, 2 * channels)
        self.out = nn.Linear(channels, channels)
        nn.init.zeros_(self.out.bias)
        nn.init.normal_(self.out.weight, std=0.3 / math.sqrt(channels))

    def gate(self, taps: list[Tensor]) -> Tensor:
        """[..., channels] each to [..., channels]."""
        value, gate = self.mix(torch.cat(taps, dim=-1)).chunk(2, dim=-1)
        return self.out(torch.tanh(value) * torch.sigmoid(gate))


class TimeLayer(GatedLayer):
    """Looks at a frame and the one `dilation` earlier: [B, T, C] to [B, T - dilation, C]."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__(channels, n_taps=2)
        self.dilation = dilation

    def forward(self, x: Tensor) -> Tensor:
        """Shorter by `dilation`, because the first frames have nothing to look back at."""
        normed = rms_norm(x)
        return x[:, self.dilation :] + self.gate([normed[:, : -self.dilation], normed[:, self.dilation :]])


class BandLayer(GatedLayer):
    """Looks at a band and the two below: [B, T, bands, C] to the same."""

    N_TAPS = 3

    def __init__(self, channels: int) -> None:
        super().__init__(channels, n_taps=self.N_TAPS)

    def forward(self, x: Tensor) -> Tensor:
        """Below the lowest band there are zeros."""
        n_bands = x.shape[2]
        padded = F.pad(rms_norm(x), (0, 0, self.N_TAPS - 1, 0))
        return x + self.gate([padded[:, :, tap : tap + n_bands] for tap in range(self.N_TAPS)])


class SpectralLM(nn.Module):
    """The model; `cell_nats` is its likelihood, `mixture` the distributions behind it."""

    def __init__(self, config: SpectralLMConfig) -> None:
        super().__init__()
        self.config = config
        c = config
        self.start = nn.Parameter(torch.zeros(c.channels))
        self.embed = nn.Linear(c.n_bands, c.channels)
        self.trunk = nn.ModuleList(TimeLayer(c.channels, 2**layer) for layer in range(c.n_layers))
        self.to_context = nn.Linear(c.channels, c.n_bands * c.band_context)
        n_seen = c.past_frames * (2 * c.past_reach + 1) + c.lower_reach
        self.cell_in = nn.Linear(n_seen + c.band_context, 2 * c.cell_channels)
        self.cells = nn.ModuleList(BandLayer(c.cell_channels) for _ in range(c.cell_layers))
        self.head = nn.Linear(c.cell_channels, 3 * c.mixtures)

    def cell_nats(self, levels: Tensor, n_start: Tensor) -> Tensor:
        """-log p of each cell of the frames behind the left context.

        levels: uint8 [B, context_frames + T, n_bands]; n_start: int64 [B], how many of the first frames lie before the
        beginning of the sound (their levels are ignored). Returns float32 [B, T, n_bands].
        """
        logits, means, log_scales = self.mixture(levels, n_start)
        target = levels[:, self.config.context_frames :]
        return discretised_logistic_nats(target, logits, means, log_scales, self.config.n_levels)

    def mixture(self, levels: Tensor, n_start: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(logits, means, log scales) of the cells' logistic components, float32 [B, T, n_bands, mixtures]; in levels.

        Arguments as in `cell_nats`. What is returned for a cell does not depend on it, on higher bands or later frames.
        """
        c = self.config
        is_before = torch.arange(levels.shape[1], device=levels.device) < n_start[:, None]  # [B, context + T]
        levels = levels.masked_fill(is_before[..., None], 0)
        x = levels.float() * (4.0 / (c.n_levels - 1)) - 2.0
        h = torch.where(is_before[:, :-1, None], self.start, self.embed(x[:, :-1]))
        for layer in self.trunk:
            h = layer(h)  # finally [B, T, C], row t having seen the frames before t
        context = self.to_context(rms_norm(h)).unflatten(-1, (c.n_bands, c.band_context))
        value, gate = self.cell_in(torch.cat([self._seen(x), context], dim=-1)).chunk(2, dim=-1)
        cells = torch.tanh(value) * torch.sigmoid(gate)  # [B, T, n_bands, cell_channels]
        for layer in self.cells:
            cells = layer(cells)
        logits, offsets, raw_scales = self.head(rms_norm(cells)).float().chunk(3, dim=-1)
        previous = levels[:, c.context_frames - 1 : -1, :, None].float()
        spread = torch.linspace(-4.0, 4.0, c.mixtures, device=levels.device)
        return logits, previous + spread + 8.0 * offsets, 1.0 + 5.0 * torch.tanh(raw_scales / 5.0)

    def _seen(self, x: Tensor) -> Tensor:
        """The neighbourhood of each cell: [B, context + T, n_bands] to [B, T, n_bands, past patch + lower bands]."""
        c = self.config
        past = F.pad(x, (c.past_reach, c.past_reach))[:, c.context_frames - c.past_frames : -1]
        past = past.unfold(2, 2 * c.past_reach + 1, 1).unfold(1, c.past_frames, 1).flatten(-2)
        lower = F.pad(x, (c.lower_reach, -1))[:, c.context_frames :].unfold(2, c.lower_reach, 1)
        return torch.cat([past, lower], dim=-1)


def discretised_logistic_nats(
    levels: Tensor, logits: Tensor, means: Tensor, log_scales: Tensor, n_levels: int
) -> Tensor:
    """-log of a logistic mixture's mass on each level; levels [...], the rest [..., mixtures]; returns [...].

    A component's mass on level x is s(a) - s(b) with a = (x + 1/2 - mean) / scale, b = a - 1 / scale and s the logistic
    function; the lowest and the highest level take the tails, so that the masses sum to 1. It is computed as
    log s(a) + log s(-b) + log(1 - exp(b - a)), which is the same and never underflows.
    """
    x = levels[..., None].float()
    inverse_scales = torch.exp(-log_scales)
    above = (x + 0.5 - means) * inverse_scales
    below = above - inverse_scales
    is_lowest, is_highest = x == 0, x == n_levels - 1
    log_mass = (
        F.logsigmoid(above).masked_fill(is_highest, 0.0)
        + F.logsigmoid(-below).masked_fill(is_lowest, 0.0)
        + torch.log(-torch.expm1(-inverse_scales)).masked_fill(is_lowest | is_highest, 0.0)
    )
    return torch.logsumexp(logits, dim=-1) - torch.logsumexp(logits + log_mass, dim=-1)


@torch.inference_mode()
def frame_nats(model: SpectralLM, levels: np.ndarray, window_frames: int = WINDOW_FRAMES) -> np.ndarray:
    """-log p of each frame given all before it: levels uint8 [T, n_bands] to nats float64 [T].

    The one scoring function of training, tests and scorer. It runs in fp32 in windows that each get the model's whole
    left context, so that neither the memory nor the result depends on T or `window_frames`.
    """
    context = model.config.context_frames
    device = model.start.device
    nats = np.empty(len(levels), dtype=np.float64)
    for start in watched(range(0, len(levels), window_frames), desc=KIND):
        n_start = max(0, context - start)
        seen = levels[max(0, start - context) : start + window_frames]
        window = torch.from_numpy(np.pad(seen, ((n_start, 0), (0, 0))))[None].to(device)
        with torch.autocast(device.type, enabled=False):
            cells = model.cell_nats(window, torch.tensor([n_start], device=device))
        nats[start : start + window_frames] = cells[0].double().sum(-1).cpu().numpy()
    return nats
