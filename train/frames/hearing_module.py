"""What hears struck keys under Lightning: its loss on sound that is coloured and masked anew each time it is heard."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from audio.spectral.frames import FrameConfig
from audio.spectral.hearing import CONTEXT_FRAMES, Hearing, strike_probabilities
from train.configs import OptimConfig
from train.frames.module import FrameModule

FRAMES = FrameConfig()
COLOURED_SHARE, MASKED_SHARE = 0.8, 0.5
"""Of the windows: they get an equaliser, and of these so many a noise floor."""
N_KNOTS, BAND_DB, LEVEL_DB = 7, 4.0, 3.0
"""An equaliser is a line through so many random gains with this deviation, on top of a gain for all bands."""
MIN_NOISE_DB, MAX_NOISE_DB = -80.0, -48.0


class HearingModule(FrameModule):
    """Trains on the binary cross-entropy of struck keys; its windows are rows of levels and of what is struck."""

    def __init__(self, model: Hearing, optim: OptimConfig, seed: int) -> None:
        super().__init__(model, optim)
        self.seed = seed

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Mean nats per cell; a window's last and first CONTEXT_FRAMES are there to be looked at."""
        rows, _ = batch  # uint8 [B, 2 CONTEXT_FRAMES + T, 2, n_bands]
        rng = np.random.default_rng((self.seed, self.global_step))  # of the step, so that a resumed run draws the same
        levels = np.stack([coloured(window, rng) for window in rows[:, :, 0].cpu().numpy()])
        struck = rows[:, CONTEXT_FRAMES:-CONTEXT_FRAMES, 1].float()
        loss = F.binary_cross_entropy_with_logits(self.model(torch.from_numpy(levels).to(self.device)), struck)
        self.log_training(loss)
        return loss

    def excerpt_nats(self, levels: np.ndarray, number: int) -> float:
        """Of the struck keys of an excerpt's rows [T, 2, n_bands]."""
        probabilities = np.clip(strike_probabilities(self.model, levels[:, 0]).astype(np.float64), 1e-9, 1.0 - 1e-9)
        return float(-np.log(np.where(levels[:, 1] > 0, probabilities, 1.0 - probabilities)).sum())


def coloured(levels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Levels uint8 [T, n_bands] as another microphone would have them: most often equalised, often under noise."""
    if rng.random() >= COLOURED_SHARE:
        return levels
    decibels = FRAMES.floor_db + FRAMES.step_db * levels + _over_bands(levels.shape[1], rng) + rng.normal(0.0, LEVEL_DB)
    if rng.random() < MASKED_SHARE:
        floor = rng.uniform(MIN_NOISE_DB, MAX_NOISE_DB) + _over_bands(levels.shape[1], rng)
        noise = 10.0 ** (floor / 10.0) * rng.exponential(1.0, levels.shape)
        decibels = 10.0 * np.log10(10.0 ** (decibels / 10.0) + noise)
    return np.clip(np.rint((decibels - FRAMES.floor_db) / FRAMES.step_db), 0, FRAMES.n_levels - 1).astype(np.uint8)


def _over_bands(n_bands: int, rng: np.random.Generator) -> np.ndarray:
    """A random smooth curve over the bands in dB [n_bands]."""
    return np.interp(np.linspace(0.0, 1.0, n_bands), np.linspace(0.0, 1.0, N_KNOTS), rng.normal(0.0, BAND_DB, N_KNOTS))
