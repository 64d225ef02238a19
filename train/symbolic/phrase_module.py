"""Training the phrase model: notes by themselves, notes told their codes, and the codes, all in every step."""

from math import log
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor

from symbolic.models.phrases.codec import LEFT_OUT
from symbolic.models.phrases.model import PhraseGPT
from symbolic.scoring.phrases import notes_of, read_rows
from symbolic.tokens.events import ATTRIBUTES
from train.configs import OptimConfig, PhraseTrainingConfig
from train.optim import build_optimizer
from train.symbolic.crops import Batch
from train.symbolic.processes import mean_count, of_process, summed

ADDED = ("recall", "teller", "code_head")
"""What is added to the transformer, says nothing at the start, and learns faster."""
MONITOR = "validation_bits_per_note"


class PhraseModule(lightning.LightningModule):
    """Trains both readings; validates them in bits per note on the same stretches of validation pieces, in fp32.

    fused: what is no matrix product is compiled into fewer operations, for batches of one shape (torch.compile).
    """

    def __init__(
        self, model: PhraseGPT, optim: OptimConfig, training: PhraseTrainingConfig, *, fused: bool = False
    ) -> None:
        super().__init__()
        self.model, self.optim, self.training_config = model, optim, training
        self.sums: dict[str, float] = {}
        self.note_nats = model.note_nats
        if fused:
            model.history.transformer.compile(dynamic=False)
            self.note_nats = torch.compile(model.note_nats, dynamic=False)

    def training_step(self, batch: Batch) -> Tensor:
        """Mean nats per event of the step: notes, notes told their codes, and the codes, which the codebooks fix."""
        model = self.model
        past = model.opening_past(batch.events)
        phrases = model.phrases(batch.events, batch.valid)
        past.recollection.hear(batch.before, batch.is_before)
        reading = model.read(batch.events, past, batch.mid_piece, batch.style)
        rate = self._draw_rates(phrases.whole)
        codes = model.encode(phrases, rate)
        told = self.note_nats(model.tell(reading, codes, rate, batch.events), batch.events, batch.valid)
        n_events = mean_count(batch.valid.sum(), self.trainer)
        told = told.sum() / n_events
        # What predicts the codes follows the transformer, and pulls at it not at all.
        facts = reading._replace(states=reading.states.detach(), earlier=reading.earlier.detach())
        code = model.code_nats(facts, codes, rate > 0).sum() / n_events
        losses = {"told": told, "codes": code}
        if reading.states.requires_grad:  # the transformer learns, too
            losses["notes"] = self.note_nats(reading, batch.events, batch.valid).sum() / n_events
        for name, nats in losses.items():
            self.log(f"train_{name}_bits_per_event", nats.detach() / log(2), prog_bar=True, sync_dist=True)
        weights = {"told": self.training_config.told_weight}
        return sum(weights.get(name, 1.0) * nats for name, nats in losses.items())

    def _draw_rates(self, whole: Tensor) -> Tensor:
        """The rate of each phrase's codes, int64 [B, G]: the highest or a drawn one; 0 for a phrase that is cut off."""
        config, rates = self.training_config, self.model.config.rates
        generator = torch.Generator().manual_seed(config.seed + self.global_step)
        of_all = (len(whole) * self.trainer.world_size, whole.shape[1])  # drawn as one process would for all
        is_lower = torch.rand(of_all, generator=generator) < config.fewer_bits_share
        drawn = torch.where(is_lower, torch.randint(1, rates + 1, of_all, generator=generator), rates)
        return of_process(drawn, self.trainer).to(whole.device) * whole

    def on_validation_epoch_start(self) -> None:
        """Start the float64 sums afresh; music of every length is read as it is, not compiled for each."""
        self.sums = {}
        torch.compiler.set_stance("force_eager")

    def validation_step(self, rows: list[np.ndarray], batch_idx: int) -> None:
        """Add up the nats of both readings; on some rows those at lower rates too."""
        rates = self.model.config.rates
        for row, reading in zip(rows, read_rows(self.model, rows, mid_piece=False), strict=True):
            whole = {name: reading.event_nats[:, index].sum() for index, name in enumerate(ATTRIBUTES)}
            self._add(row, whole | {"told": reading.told_nats.sum(), "codes": reading.code_nats.sum()})
            of_notes = reading.codes[:, 1:]  # [phrases, P]
            self._sum({"left_out": (of_notes == LEFT_OUT).sum(), "left_out_or_told": of_notes.size})
        number = batch_idx * self.trainer.world_size + self.trainer.global_rank  # among all processes' batches
        if number % self.training_config.every_batch_for_rates == 0:
            for rate in range(1, rates):
                readings = read_rows(self.model, rows, mid_piece=False, rate=rate)
                for row, reading in zip(rows, readings, strict=True):
                    nats = {"told": reading.told_nats.sum(), "codes": reading.code_nats.sum()}
                    self._add(row, {f"{name}_{rate}": value for name, value in nats.items()})

    def _add(self, row: np.ndarray, nats: dict[str, float]) -> None:
        self._sum(nats | {f"notes_of_{name}": notes_of(row) for name in nats})

    def _sum(self, values: dict[str, float]) -> None:
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value)

    def on_validation_epoch_end(self) -> None:
        """Log bits per note by attribute, under codes and of codes, and how much codes leave out."""
        torch.compiler.set_stance("default")
        sums = summed(self.sums)
        names = [name for name in sums if f"notes_of_{name}" in sums]
        bits = {name: sums[name] / sums[f"notes_of_{name}"] / log(2) for name in names}
        self.log(MONITOR, sum(bits[name] for name in ATTRIBUTES), prog_bar=True, sync_dist=True)
        self.log_dict({f"validation_{name}_bits": value for name, value in bits.items()}, sync_dist=True)
        self.log("validation_left_out_share", sums["left_out"] / sums["left_out_or_told"], sync_dist=True)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Clip here, because the norm is the model's concern and the trainer's flag stays the user's."""
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.optim.clip_norm)

    def configure_optimizers(self) -> dict[str, Any]:
        """Muon and AdamW with a schedule by step; what is new learns faster than the event model it is added to."""
        faster = dict.fromkeys(ADDED, self.training_config.added_rate)
        return build_optimizer(self.model, self.optim, hidden=("attention", "mlp", "look"), faster=faster)

    def model_state(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """The model's own part of a checkpoint's state."""
        return {name.removeprefix("model."): value for name, value in state.items()}
