"""An exact autoregressive likelihood of the keys that are heard struck (audio.spectral.hearing), step by step.

p(keys) = prod_t prod_b p(struck[t, b] | steps before t, lower keys of step t). Gated dilated convolutions over time
(WaveNet, van den Oord 2016) turn the past into a context for each key of the next step; a small network shared by all
keys adds what it sees nearby: the last steps, what was struck lately, and what is struck below in its own step. What
lies before the first step is silence, marked by a learned start vector.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from audio.spectral.config import KIND, HearingConfig, SpectralLMConfig
from audio.spectral.hearing import Hearing, struck_keys
from losscal.processes.progress import watched

WINDOW_STEPS = 256
"""Steps scored at once: 16 s."""


def rms_norm(x: Tensor) -> Tensor:
    """Root-mean-square norm over the last dimension, without a gain (Zhang and Sennrich 2019)."""
    return F.rms_norm(x, x.shape[-1:])


class GatedLayer(nn.Module):
    """Residual gated layer over `taps`, equally shaped views of its input: x + W (tanh(u) * sigmoid(v))."""

    def __init__(self, channels: int, n_taps: int) -> None:
        super().__init__()
        self.mix = nn.Linear(n_taps * channels, 2 * channels)
        self.out = _residual(nn.Linear(channels, channels), channels)

    def gate(self, taps: list[Tensor]) -> Tensor:
        """[..., channels] each to [..., channels]."""
        return self.out(gated(self.mix(torch.cat(taps, dim=-1)), dim=-1))


class TimeLayer(GatedLayer):
    """Looks at a step and the one `dilation` earlier: [B, T, C] to [B, T - dilation, C]."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__(channels, n_taps=2)
        self.dilation = dilation

    def forward(self, x: Tensor) -> Tensor:
        """Shorter by `dilation`, because the first steps have nothing to look back at."""
        normed = rms_norm(x)
        return x[:, self.dilation :] + self.gate([normed[:, : -self.dilation], normed[:, self.dilation :]])


class BandLayer(nn.Module):
    """Residual gated layer that looks at a band and the two below: [N, C, bands] to the same."""

    N_TAPS = 3

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv1d(channels, 2 * channels, self.N_TAPS)
        self.out = _residual(nn.Conv1d(channels, channels, 1), channels)

    def forward(self, x: Tensor) -> Tensor:
        """Below the lowest band there are zeros."""
        return x + self.out(gated(self.mix(F.pad(channel_norm(x), (self.N_TAPS - 1, 0))), dim=1))


def channel_norm(x: Tensor) -> Tensor:
    """Root-mean-square norm over the channels of [N, C, bands]."""
    return x * torch.rsqrt(x.square().mean(dim=1, keepdim=True) + 1e-6)


def gated(x: Tensor, dim: int) -> Tensor:
    """tanh of the first half times the sigmoid of the second, half as long in `dim`."""
    value, gate = x.chunk(2, dim=dim)
    return torch.tanh(value) * torch.sigmoid(gate)


def _residual(layer: nn.Linear | nn.Conv1d, channels: int) -> nn.Linear | nn.Conv1d:
    """The last layer of a residual branch, which is to add little at first."""
    nn.init.zeros_(layer.bias)
    nn.init.normal_(layer.weight, std=0.3 / math.sqrt(channels))
    return layer


class SpectralLM(nn.Module):
    """The model, with what hears for it; `cell_nats` is its likelihood, `logits` the distributions behind it."""

    def __init__(self, config: SpectralLMConfig) -> None:
        super().__init__()
        self.config = config
        c = config
        self.hearing = Hearing(HearingConfig(c.n_bands, c.hearing_channels)).requires_grad_(False)  # it learns before
        self.start = nn.Parameter(torch.zeros(c.channels))
        self.embed = nn.Linear(c.n_bands, c.channels)
        self.trunk = nn.ModuleList(TimeLayer(c.channels, 2**layer) for layer in range(c.n_layers))
        self.to_context = nn.Linear(c.channels, c.n_bands * c.band_context)
        width = 2 * c.cell_channels
        self.from_context = nn.Conv1d(c.band_context, width, 1)
        self.from_past = nn.Conv1d(c.past_steps, width, 2 * c.past_reach + 1, padding=c.past_reach)
        self.from_traces = nn.Conv1d(len(c.trace_steps), width, 2 * c.trace_reach + 1, padding=c.trace_reach)
        self.from_below = nn.Conv1d(1, width, c.lower_reach)
        self.cells = nn.ModuleList(BandLayer(c.cell_channels) for _ in range(c.cell_layers))
        self.head = nn.Conv1d(c.cell_channels, 1, 1)
        nn.init.constant_(self.head.bias, -5.0)  # few keys are struck in a step
        self.register_buffer("fading", fading(c), persistent=False)

    def hear(self, levels: np.ndarray) -> np.ndarray:
        """Frames' levels uint8 [T, n_bands] to the keys struck in each step, see `struck_keys`."""
        return struck_keys(self.hearing, levels)

    def cell_nats(self, struck: Tensor, n_start: Tensor) -> Tensor:
        """-log p of each cell of the steps behind the left context.

        struck: uint8 [B, context_steps + T, n_bands], 0 or 1; n_start: int64 [B], how many of the first steps lie
        before the beginning of the sound (what is struck there is ignored). Returns float32 [B, T, n_bands].
        """
        target = struck[:, self.config.context_steps :].float()
        return F.binary_cross_entropy_with_logits(self.logits(struck, n_start), target, reduction="none")

    def logits(self, struck: Tensor, n_start: Tensor) -> Tensor:
        """Of each cell being struck, float32 [B, T, n_bands].

        Arguments as in `cell_nats`. What is returned for a cell does not depend on it, on higher bands or later steps.
        """
        c = self.config
        is_before = torch.arange(struck.shape[1], device=struck.device) < n_start[:, None]  # [B, context + T]
        x = struck.masked_fill(is_before[..., None], 0).float()
        h = torch.where(is_before[:, :-1, None], self.start, self.embed(x[:, :-1]))
        for layer in self.trunk:
            h = layer(h)  # finally [B, T, C], row t having seen the steps before t
        context = self.to_context(rms_norm(h)).view(-1, c.band_context, c.n_bands)
        past = x[:, c.context_steps - c.past_steps : -1].unfold(1, c.past_steps, 1)  # [B, T, n_bands, past_steps]
        below = F.pad(x[:, c.context_steps :].reshape(-1, 1, c.n_bands), (c.lower_reach, -1))
        cells = gated(
            self.from_context(context)
            + self.from_past(past.flatten(0, 1).transpose(1, 2))
            + self.from_traces(self._traces(x))
            + self.from_below(below),
            dim=1,
        )  # [B * T, cell_channels, n_bands]
        for layer in self.cells:
            cells = layer(cells)
        return self.head(channel_norm(cells)).float().view(len(struck), -1, c.n_bands)

    def _traces(self, x: Tensor) -> Tensor:
        """[B, context + T, n_bands] to how much was struck lately: [B * T, traces, n_bands]."""
        by_band = x[:, :-1].transpose(1, 2).flatten(0, 1)[:, None]  # [B * n_bands, 1, context + T - 1]
        faded = F.conv1d(by_band, self.fading).log1p()  # [B * n_bands, traces, T]
        return faded.unflatten(0, (len(x), -1)).permute(0, 3, 2, 1).flatten(0, 1)


def fading(config: SpectralLMConfig) -> Tensor:
    """What a step of the left context weighs in each trace: float32 [traces, 1, context_steps], the latest last."""
    ago = torch.arange(config.context_steps - 1, -1, -1.0)
    return torch.exp(-ago / torch.tensor(config.trace_steps)[:, None])[:, None]


@torch.inference_mode()
def step_nats(model: SpectralLM, struck: np.ndarray, window_steps: int = WINDOW_STEPS) -> np.ndarray:
    """-log p of each step given all before it: keys struck uint8 [T, n_bands] to nats float64 [T].

    The one scoring function of training, tests and scorer. It runs in fp32 in windows that each get the model's whole
    left context, so that neither the memory nor the result depends on T or `window_steps`.
    """
    context = model.config.context_steps
    device = model.start.device
    nats = np.empty(len(struck), dtype=np.float64)
    for start in watched(range(0, len(struck), window_steps), desc=KIND):
        n_start = max(0, context - start)
        seen = struck[max(0, start - context) : start + window_steps]
        window = torch.from_numpy(np.pad(seen, ((n_start, 0), (0, 0))))[None].to(device)
        with torch.autocast(device.type, enabled=False):
            cells = model.cell_nats(window, torch.tensor([n_start], device=device))
        nats[start : start + window_steps] = cells[0].double().sum(-1).cpu().numpy()
    return nats
