"""The diffusion model under Lightning: as the spectral model, with the diffusion loss and validation by the bound."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from audio.diffusion.config import EstimateConfig
from audio.diffusion.model import DiffusionModel
from audio.diffusion.process import diffusion_nats, spread_times
from audio.diffusion.scoring import window_nats
from audio.spectral.frames import FrameConfig
from train.configs import OptimConfig
from train.frames.module import SpectralModule


class DiffusionModule(SpectralModule):
    """Trains on the diffusion term, the only one that holds weights; validates by the whole bound, in fp32.

    validation: how the bound of each validation excerpt is estimated. seed: of the times and the noise in training.
    """

    def __init__(self, model: DiffusionModel, optim: OptimConfig, validation: EstimateConfig, seed: int) -> None:
        super().__init__(model, optim)
        self.validation, self.seed = validation, seed

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Mean nats per cell of the windows, each at one time; the times of a batch are spread evenly."""
        levels, _ = batch
        rng = np.random.default_rng((self.seed, self.global_step))  # of the step, so that a resumed run draws the same
        times = torch.from_numpy(spread_times(len(levels), rng.random())).to(levels.device)
        noise = torch.from_numpy(rng.standard_normal(levels.shape, dtype=np.float32)).to(levels.device)
        loss = (diffusion_nats(self.model, levels, times, noise, self.model.config) / levels[0].numel()).mean()
        frame_cells = self.model.config.n_bands * FrameConfig().frames_per_second
        self.log("train_nats_per_second", loss.detach() * frame_cells, prog_bar=True)
        return loss

    def validation_step(self, levels: np.ndarray, batch_idx: int, dataloader_idx: int) -> None:
        """Add up an excerpt's nats, through the scoring function that everyone uses."""
        own = replace(self.validation, seed=self.validation.seed + batch_idx)  # else all would share their times
        self.nats[dataloader_idx] += window_nats(self.model, levels, own).sum((1, 2)).mean()
        self.n_frames[dataloader_idx] += len(levels)
