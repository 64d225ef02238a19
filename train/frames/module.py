"""The models of frames under Lightning: windows of cached excerpts, the loss, validation by the scoring function."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from audio.spectral.config import BACKGROUND_KIND, KIND
from audio.spectral.frames import STEPS_PER_SECOND, FrameConfig
from audio.spectral.model import SpectralLM, step_nats
from losscal.weights import load_state, load_weights
from train.configs import OptimConfig
from train.frames.data import FrameSet, FrameWindowConfig
from train.frames.excerpts import VALIDATION_SPLITS
from train.optim import build_optimizer

MONITOR = "validation_nats_per_second"


def start_from(model: SpectralLM, path: str | Path) -> None:
    """Load the weights of a foreground or a background model; raises WeightsError where they do not fit."""
    kind = BACKGROUND_KIND if Path(path).stem == BACKGROUND_KIND else KIND
    load_state(model, load_weights(path, kind=kind)[0], path)


class Windows(Dataset):
    """Windows of equal length that cover each excerpt once per pass, cut at a new phase in each pass.

    Item i of an epoch is the same for the same (seed, epoch, i) on every machine. An excerpt shorter than a window is
    followed by silence.
    """

    def __init__(self, frames: FrameSet, config: FrameWindowConfig, context_frames: int, epoch: int) -> None:
        self.frames, self.config, self.context_frames = frames, config, context_frames
        lengths = np.diff(frames.starts)
        per_excerpt = -(-lengths // config.window_frames) + 1  # one more, because the phase shifts all windows left
        self.excerpt = np.repeat(np.arange(len(frames)), per_excerpt)
        self.number = np.concatenate([np.arange(count) for count in per_excerpt])
        self.first_item = epoch * len(self)

    def __len__(self) -> int:
        return self.config.steps_per_epoch * self.config.batch_size

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        """(levels uint8 [context + window, ..., n_bands], how many of the first frames lie before the excerpt)."""
        window, context = self.config.window_frames, self.context_frames
        pass_number, item = divmod(self.first_item + index, len(self.excerpt))
        order = np.random.default_rng((self.config.seed, pass_number)).permutation(len(self.excerpt))
        number_of_excerpt, number_in_excerpt = self.excerpt[order[item]], self.number[order[item]]
        phase = np.random.default_rng((self.config.seed, pass_number, number_of_excerpt)).integers(window)
        excerpt = self.frames[number_of_excerpt]
        start = int(np.clip(number_in_excerpt * window - phase, 0, max(0, len(excerpt) - window)))
        n_start = max(0, context - start)
        seen = excerpt[max(0, start - context) : start + window]
        levels = np.zeros((context + window, *excerpt.shape[1:]), dtype=np.uint8)
        levels[n_start : n_start + len(seen)] = seen
        return levels, n_start


class FrameData(lightning.LightningDataModule):
    """Random windows of the training excerpts and whole validation excerpts.

    sets: the excerpts of train.frames.excerpts.SPLITS.
    """

    def __init__(self, sets: Mapping[str, FrameSet], config: FrameWindowConfig, context_frames: int) -> None:
        super().__init__()
        self.sets, self.config, self.context_frames = sets, config, context_frames

    def train_dataloader(self) -> DataLoader:
        """Called anew each epoch (the trainer is told to), so that the epoch's number chooses its windows."""
        windows = Windows(self.sets["train"], self.config, self.context_frames, self.trainer.current_epoch)
        return DataLoader(windows, batch_size=self.config.batch_size)

    def val_dataloader(self) -> list[DataLoader]:
        """Every validation excerpt, one at a time, as its rows: those of each of VALIDATION_SPLITS."""
        return [DataLoader(self.sets[split], batch_size=None, collate_fn=np.asarray) for split in VALIDATION_SPLITS]


class FrameModule(lightning.LightningModule):
    """What the models of frames share in training: nats a second of whole excerpts in validation, and the optimiser.

    A subclass has the training step and `excerpt_nats`, and says how many rows of an excerpt are a second.
    """

    rows_per_second = FrameConfig().frames_per_second

    def __init__(self, model: nn.Module, optim: OptimConfig) -> None:
        super().__init__()
        self.model, self.optim = model, optim
        self.on_validation_epoch_start()

    def excerpt_nats(self, levels: np.ndarray, number: int) -> float:
        """Nats of a validation excerpt's levels uint8 [T, n_bands], by the scoring function that everyone uses."""
        raise NotImplementedError

    def log_training(self, nats_per_cell: Tensor) -> None:
        """Log a training step's loss in nats a second."""
        cells_per_second = self.model.config.n_bands * self.rows_per_second
        self.log("train_nats_per_second", nats_per_cell.detach() * cells_per_second, prog_bar=True)

    def on_validation_epoch_start(self) -> None:
        """Start the float64 sums of each validation split afresh."""
        self.nats = np.zeros(len(VALIDATION_SPLITS))
        self.n_rows = np.zeros(len(VALIDATION_SPLITS))

    def validation_step(self, levels: np.ndarray, batch_idx: int, dataloader_idx: int) -> None:
        """Add up an excerpt's nats."""
        self.nats[dataloader_idx] += self.excerpt_nats(levels, batch_idx)
        self.n_rows[dataloader_idx] += len(levels)

    def on_validation_epoch_end(self) -> None:
        """Log the nats a second of each split and of all excerpts together."""
        seconds = self.n_rows / self.rows_per_second
        for split, nats_per_second in zip(VALIDATION_SPLITS, self.nats / seconds, strict=True):
            self.log(f"{split}_nats_per_second", float(nats_per_second))
        self.log(MONITOR, float(self.nats.sum() / seconds.sum()), prog_bar=True)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Clip here, because the norm is the model's concern and the trainer's flag stays the user's."""
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.optim.clip_norm)

    def configure_optimizers(self) -> dict[str, Any]:
        """Muon on the matrices of the gated layers, AdamW on the rest."""
        return build_optimizer(self.model, self.optim, hidden=("trunk", "cells"))


class SpectralModule(FrameModule):
    """Trains the autoregressive model on windows of struck keys, in nats a cell."""

    rows_per_second = STEPS_PER_SECOND

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Mean nats per cell of the windows."""
        loss = self.model.cell_nats(*batch).mean()
        self.log_training(loss)
        return loss

    def excerpt_nats(self, levels: np.ndarray, number: int) -> float:
        """In fp32, of what is struck."""
        return float(step_nats(self.model, levels).sum())
