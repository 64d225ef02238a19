"""Training the codebooks of phrases: each note made likely after what codes told of the notes before it."""

from math import log
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor

from symbolic.models.phrases.codebooks import Codebooks
from symbolic.models.phrases.codec import LEFT_OUT, NOTHING, length_of, notes_of
from symbolic.models.phrases.config import PhraseConfig
from train.configs import CodecTrainingConfig, OptimConfig
from train.optim import build_optimizer
from train.symbolic.crops import Batch
from train.symbolic.processes import mean_count, of_process, summed

MONITOR = "validation_left_out_share"


class CodecModule(lightning.LightningModule):
    """Trains the codebooks; validates them by the share of notes that codes of the highest rate leave out.

    Codes are what the codebooks themselves make of the phrases of the batch: the past that a note is predicted from is
    the one that a decoder will have.
    """

    def __init__(self, config: PhraseConfig, optim: OptimConfig, training: CodecTrainingConfig) -> None:
        super().__init__()
        self.config, self.optim, self.training_config = config, optim, training
        self.codebooks = Codebooks(config)
        self.told = self.notes = 0

    def training_step(self, batch: Batch) -> Tensor:
        """Mean nats a slot of onsets, near enough, and pitches; some phrases spend fewer bits."""
        notes, whole = self._phrases(batch.events, batch.valid)
        generator = torch.Generator().manual_seed(self.training_config.seed + self.global_step)
        rows = len(batch.events)  # drawn as one process would for all
        of_all = (rows * self.trainer.world_size, len(whole) // rows)
        bits = self.config.note_bits * torch.rand(of_all, generator=generator, dtype=torch.float64)
        spends_all = torch.rand(of_all, generator=generator) >= self.training_config.fewer_bits_share
        bits = torch.where(spends_all, self.config.note_bits, bits)
        bits = of_process(bits, self.trainer).flatten().to(self.device)
        codes = self.codebooks.encode(notes, length_of(notes.onset_ticks.amax(-1)), bits)
        n_slots = mean_count(whole.sum() * self.config.phrase_events, self.trainer)
        onset, pitch = (nats[whole].sum() / n_slots for nats in self.codebooks.note_nats(notes, codes))
        for name, nats in (("onset", onset), ("pitch", pitch)):
            self.log(f"train_{name}_bits", nats.detach() / log(2), prog_bar=True, sync_dist=True)
        return onset + pitch

    def validation_step(self, rows: list[np.ndarray], batch_idx: int) -> None:
        """Count the notes of whole phrases, and those told."""
        for row in rows:
            events = torch.from_numpy(row)[None].to(self.device)
            notes, whole = self._phrases(events, torch.ones_like(events[..., 0], dtype=torch.bool))
            bits = torch.full((len(whole),), self.config.note_bits, dtype=torch.float64, device=self.device)
            codes = self.codebooks.encode(notes, length_of(notes.onset_ticks.amax(-1)), bits)
            is_note = (notes.pitch < NOTHING) & whole[:, None]
            self.told += int((is_note & (codes.slots != LEFT_OUT)).sum())
            self.notes += int(is_note.sum())

    def on_validation_epoch_end(self) -> None:
        """Log the share of notes left out."""
        of_all = summed({"told": self.told, "notes": self.notes})
        self.log(MONITOR, 1 - of_all["told"] / of_all["notes"], prog_bar=True, sync_dist=True)
        self.told = self.notes = 0

    def _phrases(self, events: Tensor, valid: Tensor) -> tuple[Any, Tensor]:
        """Notes [N, P] of the phrases that events [B, S, 4] begin with, and which phrases are whole, bool [N]."""
        size = self.config.phrase_events
        whole_events = events.shape[1] // size * size
        events, valid = (x[:, :whole_events].unflatten(1, (-1, size)).flatten(0, 1) for x in (events, valid))
        return notes_of(events, valid), valid.all(-1)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Clip here, because the norm is the model's concern and the trainer's flag stays the user's."""
        torch.nn.utils.clip_grad_norm_(self.parameters(), self.optim.clip_norm)

    def configure_optimizers(self) -> dict[str, Any]:
        """Muon and AdamW with a schedule by step."""
        return build_optimizer(self, self.optim, hidden=("attention", "mlp"))
