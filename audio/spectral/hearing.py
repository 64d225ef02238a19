"""Which keys are struck when: a small network that reads the frames of `audio.spectral.frames`.

It sees a band beside those of its partials, some frames before and behind, so it knows what a struck string sounds like
and nothing of what music does. What it hears is all that spectral_lm is told of a sound: instrument, room and
microphone have no other way into its figures.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from audio.spectral.config import HearingConfig
from audio.spectral.frames import in_steps
from losscal.processes.progress import watched

PARTIALS = (-12, -1, 0, 1, 12, 19, 24, 28, 31, 34, 36)
"""In semitones from a band: an octave below, the band between its neighbours, and its partials 2 to 8."""
LEVELS_A_UNIT = 40.0
"""Of the network's input, which is -2 where there is silence."""
FIRST_FRAMES = 7
"""Frames that the first layer sees at once; the others see three, DILATIONS apart."""
DILATIONS = (1, 2, 3)
CONTEXT_FRAMES = FIRST_FRAMES // 2 + sum(DILATIONS)
"""How far the network looks either way."""
WINDOW_FRAMES = 512
"""Frames heard at once."""
STRUCK = 0.4
"""A key is struck where the probability that it is, in a frame or one of the two beside it, comes to so much."""


class Hearing(nn.Module):
    """The network: levels to logits of a key being struck."""

    def __init__(self, config: HearingConfig) -> None:
        super().__init__()
        self.config = config
        c = config.channels
        self.first = nn.Conv2d(len(PARTIALS), c, (FIRST_FRAMES, 1))
        self.of_band = nn.Parameter(torch.zeros(c, 1, config.n_bands))
        self.layers = nn.ModuleList(nn.Conv2d(c, c, 3, dilation=(d, 1), padding=(0, 1)) for d in DILATIONS)
        self.head = nn.Conv2d(c, 1, 1)
        nn.init.constant_(self.head.bias, -5.0)

    def forward(self, levels: Tensor) -> Tensor:
        """Levels [B, CONTEXT_FRAMES + T + CONTEXT_FRAMES, n_bands] to logits [B, T, n_bands]."""
        x = levels.float() / LEVELS_A_UNIT - 2.0
        low, n_bands = -min(PARTIALS), levels.shape[2]
        padded = F.pad(x, (low, max(PARTIALS)), value=-2.0)
        x = torch.stack([padded[..., low + step : low + step + n_bands] for step in PARTIALS], dim=1)
        h = F.gelu(self.first(x) + self.of_band)
        for layer, dilation in zip(self.layers, DILATIONS, strict=True):
            h = h[:, :, dilation:-dilation] + F.gelu(layer(h))
        return self.head(h)[:, 0]


@torch.inference_mode()
def strike_probabilities(hearing: Hearing, levels: np.ndarray) -> np.ndarray:
    """The probability that a key is struck in a frame: levels uint8 [T, n_bands] to float32 [T, n_bands].

    It runs in windows that each get the network's whole context; beyond the ends there is silence.
    """
    padded = np.pad(levels, ((CONTEXT_FRAMES, CONTEXT_FRAMES), (0, 0)))
    probabilities = np.empty(levels.shape, dtype=np.float32)
    device = hearing.of_band.device
    for start in watched(range(0, len(levels), WINDOW_FRAMES), desc="hearing"):
        window = torch.from_numpy(padded[start : start + WINDOW_FRAMES + 2 * CONTEXT_FRAMES])[None].to(device)
        probabilities[start : start + WINDOW_FRAMES] = torch.sigmoid(hearing(window))[0].cpu().numpy()
    return probabilities


def struck_keys(hearing: Hearing, levels: np.ndarray) -> np.ndarray:
    """Which keys are struck in each step: levels uint8 [T, n_bands] to uint8 [steps, n_bands], 0 or 1.

    A strike lies where the probability has a peak over time, and counts where it and its neighbours sum to STRUCK.
    """
    around = strike_probabilities(hearing, np.pad(levels, ((1, 1), (0, 0))))  # beyond the ends there is silence
    before, here, after = around[:-2], around[1:-1], around[2:]
    return in_steps((here > before) & (here >= after) & (before + here + after >= STRUCK))
