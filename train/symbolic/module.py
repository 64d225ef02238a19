"""The LightningModule of every symbolic model: its loss from `event_nats`, its validation from `likelihood.score`."""

from math import log
from typing import Any

import lightning
import torch
from torch import Tensor, nn

from symbolic.notes.performance import Performance
from symbolic.scoring.likelihood import bound_nats, score
from symbolic.tokens.events import ATTRIBUTES
from train.configs import OptimConfig
from train.optim import build_optimizer
from train.symbolic.crops import Batch

MONITOR = "validation_bits_per_note"


class SymbolicModule(lightning.LightningModule):
    """Trains `model` on crops; validates in bits per note on the openings of the validation pieces, in fp32."""

    def __init__(self, model: nn.Module, optim: OptimConfig) -> None:
        super().__init__()
        self.model, self.optim = model, optim
        self.sums: dict[str, float] = {}

    def training_step(self, batch: Batch) -> Tensor:
        """Mean bits of all symbols per event."""
        nats = self.model.event_nats(batch.events, batch.valid, batch.mid_piece, batch.style)
        loss = bound_nats(nats, self.model.terms).sum() / batch.valid.sum()
        self.log("train_bits_per_event", loss.detach() / log(2), prog_bar=True)
        return loss

    def on_validation_epoch_start(self) -> None:
        """Start the float64 sums afresh."""
        self.sums = {"notes": 0.0} | dict.fromkeys((*ATTRIBUTES, *self.model.terms), 0.0)

    def validation_step(self, batch: list[Performance]) -> None:
        """Add up nats by attribute, through the scoring function that everyone uses."""
        with torch.autocast(self.device.type, enabled=False):
            for result in score(self.model, batch):
                self.sums["notes"] += result.notes
                for name, nats in result.by_attribute.items():
                    self.sums[name] += nats
                for term, nats in result.term_nats.items():
                    self.sums[term] += nats.sum()

    def on_validation_epoch_end(self) -> None:
        """Log bits per note, in all, by attribute and by term."""
        notes = self.sums.pop("notes")
        bits = {name: nats / notes / log(2) for name, nats in self.sums.items()}
        self.log(MONITOR, sum(bits[name] for name in ATTRIBUTES), prog_bar=True)
        self.log_dict({f"validation_{name}_bits": value for name, value in bits.items()})

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Clip here, because the norm is the model's concern and the trainer's flag stays the user's."""
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.optim.clip_norm)

    def configure_optimizers(self) -> dict[str, Any]:
        """Muon on the matrices of attention, MLPs and attribute decoders, AdamW on the rest."""
        return build_optimizer(self.model, self.optim, hidden=("attention", "mlp", "decoder"))

    def model_state(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """The model's own part of a checkpoint's state."""
        return {name.removeprefix("model."): value for name, value in state.items()}
