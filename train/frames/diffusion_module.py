"""The diffusion model under Lightning: the diffusion loss, and validation by the bound."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from audio.diffusion.config import EstimateConfig
from audio.diffusion.model import DiffusionModel
from audio.diffusion.process import diffusion_nats, spread_times
from audio.diffusion.scoring import window_nats
from train.configs import OptimConfig
from train.frames.module import FrameModule


class DiffusionModule(FrameModule):
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
        self.log_training(loss)
        return loss

    def excerpt_nats(self, levels: np.ndarray, number: int) -> float:
        """The bound, each excerpt at times of its own."""
        own = replace(self.validation, seed=self.validation.seed + number)
        return float(window_nats(self.model, levels, own).sum((1, 2)).mean())
