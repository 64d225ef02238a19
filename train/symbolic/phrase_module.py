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

TOLD = ("teller", "code_head")
"""What learns of codes, faster than the transformer that it is added to."""
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
        self.codes: list[np.ndarray] = []
        self.note_nats = model.note_nats
        if fused:
            model.history.transformer.compile(dynamic=False)
            self.note_nats = torch.compile(model.note_nats, dynamic=False)

    def training_step(self, batch: Batch) -> Tensor:
        """Mean nats per event: of notes, of notes told their codes, of the codes, which the codebooks fix."""
        model = self.model
        past = model.opening_past(batch.events)
        phrases = model.phrases(batch.events, batch.valid)
        memory = model.memory(model.encode(phrases), batch.mid_piece, past) if model.config.prior_phrases else None
        reading = model.read(batch.events, past, batch.mid_piece, batch.style, memory)
        rate = self._draw_rates(phrases.whole)
        codes = model.encode(phrases, rate)
        told = self.note_nats(model.tell(reading, codes, rate, batch.events), batch.events, batch.valid)
        told = told.sum() / batch.valid.sum()
        # What predicts the codes follows the transformer, and pulls at it not at all.
        facts = reading._replace(states=reading.states.detach(), earlier=reading.earlier.detach())
        code = model.code_nats(facts, codes, rate > 0).sum() / batch.valid.sum()
        losses = {"told": told, "codes": code}
        if reading.states.requires_grad:  # the transformer learns, too
            losses["notes"] = self.note_nats(reading, batch.events, batch.valid).sum() / batch.valid.sum()
        for name, nats in losses.items():
            self.log(f"train_{name}_bits_per_event", nats.detach() / log(2), prog_bar=True)
        weights = {"told": self.training_config.told_weight}
        return sum(weights.get(name, 1.0) * nats for name, nats in losses.items())

    def _draw_rates(self, whole: Tensor) -> Tensor:
        """The rate of each phrase's codes, int64 [B, G]: the highest or a drawn one; 0 for a phrase that is cut off."""
        config, rates = self.training_config, self.model.config.rates
        generator = torch.Generator().manual_seed(config.seed + self.global_step)
        is_lower = torch.rand(whole.shape, generator=generator) < config.fewer_bits_share
        drawn = torch.randint(1, rates + 1, whole.shape, generator=generator)
        return torch.where(is_lower, drawn, rates).to(whole.device) * whole

    def on_validation_epoch_start(self) -> None:
        """Start the float64 sums afresh; music of every length is read as it is, not compiled for each."""
        self.sums, self.codes = {}, []
        torch.compiler.set_stance("force_eager")

    def validation_step(self, rows: list[np.ndarray], batch_idx: int) -> None:
        """Add up the nats of both readings; on some rows those at lower rates too."""
        rates = self.model.config.rates
        for row, reading in zip(rows, read_rows(self.model, rows, mid_piece=False), strict=True):
            whole = {name: reading.event_nats[:, index].sum() for index, name in enumerate(ATTRIBUTES)}
            self._add(row, whole | {"told": reading.told_nats.sum(), "codes": reading.code_nats.sum()})
            self.codes.append(reading.codes)
        if batch_idx % self.training_config.every_batch_for_rates == 0:
            for rate in range(1, rates):
                readings = read_rows(self.model, rows, mid_piece=False, rate=rate)
                for row, reading in zip(rows, readings, strict=True):
                    nats = {"told": reading.told_nats.sum(), "codes": reading.code_nats.sum()}
                    self._add(row, {f"{name}_{rate}": value for name, value in nats.items()})

    def _add(self, row: np.ndarray, nats: dict[str, float]) -> None:
        for name, value in nats.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value)
            self.sums[f"notes_of_{name}"] = self.sums.get(f"notes_of_{name}", 0.0) + notes_of(row)

    def on_validation_epoch_end(self) -> None:
        """Log bits per note by attribute, under codes and of codes, and how much codes leave out."""
        torch.compiler.set_stance("default")
        names = [name for name in self.sums if not name.startswith("notes_of_")]
        bits = {name: self.sums[name] / self.sums[f"notes_of_{name}"] / log(2) for name in names}
        self.log(MONITOR, sum(bits[name] for name in ATTRIBUTES), prog_bar=True)
        self.log_dict({f"validation_{name}_bits": value for name, value in bits.items()})
        codes = np.concatenate(self.codes)  # [phrases, 1 + P]
        self.log("validation_left_out_share", float((codes[:, 1:] == LEFT_OUT).mean()))

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Clip here, because the norm is the model's concern and the trainer's flag stays the user's."""
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.optim.clip_norm)

    def configure_optimizers(self) -> dict[str, Any]:
        """Muon and AdamW with a schedule by step; what is new learns faster than the event model it is added to."""
        faster = dict.fromkeys(TOLD, self.training_config.codec_rate)
        return build_optimizer(self.model, self.optim, hidden=("attention", "mlp", "look"), faster=faster)

    def model_state(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """The model's own part of a checkpoint's state."""
        return {name.removeprefix("model."): value for name, value in state.items()}
