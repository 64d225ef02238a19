"""Training the phrase model: notes by themselves, notes told their codes, and the codes, all in every step."""

from math import log
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor

from symbolic.models.phrases.model import PhraseGPT
from symbolic.scoring.phrases import notes_of, read_rows
from symbolic.tokens.events import ATTRIBUTES
from train.configs import OptimConfig, PhraseTrainingConfig
from train.optim import build_optimizer
from train.symbolic.crops import Batch

MONITOR = "validation_bits_per_note"
BLIND_WEIGHTS = (1.0, 1.0, 0.25, 0.25)
"""What a blind phrase is to restore first, by attribute: when which key is struck, then how."""


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
        """Mean nats per event: of notes, of notes told their codes, of notes known by codes alone, of the codes."""
        model, config = self.model, self.training_config
        past = model.opening_past(batch.events)
        phrases = model.phrases(batch.events, batch.valid)
        values, codes = model.encode(phrases)
        reading = model.read(
            batch.events, past, batch.mid_piece, batch.style, model.memory(values, batch.mid_piece, past)
        )
        notes = self.note_nats(reading, batch.events, batch.valid).sum() / batch.valid.sum()

        rows = slice(0, max(1, round(config.told_share * len(batch.events))))
        valid, whole = batch.valid[rows], phrases.whole[rows]
        stages_told, blind = self._draws(whole)
        told = model.tell(reading.rows(rows), values[rows], stages_told, blind)
        nats = self.note_nats(told, batch.events[rows], valid)  # [b, S, 4]
        is_blind = blind.repeat_interleave(model.config.phrase_events, dim=1)[:, : nats.shape[1]]
        told_notes = nats.sum(-1)[~is_blind].sum() / (valid & ~is_blind).sum().clamp(min=1)
        blind_notes = (nats[is_blind] @ nats.new_tensor(BLIND_WEIGHTS)).sum() / (valid & is_blind).sum().clamp(min=1)
        # The codes are to be good for the notes: what predicts them follows, and pulls at nothing else.
        states, facts = reading.states[rows].detach(), values[rows].detach()
        code = model.code_nats(states, facts, codes[rows], whole).sum() / valid.sum()
        for name, nats in (("notes", notes), ("told", told_notes), ("blind", blind_notes), ("codes", code)):
            self.log(f"train_{name}_bits_per_event", nats.detach() / log(2), prog_bar=True)
        return notes + config.told_weight * (told_notes + blind_notes) + code

    def _draws(self, whole: Tensor) -> tuple[Tensor, Tensor]:
        """Of how many stages each phrase is told, all or a drawn number, and which are read blindly: both [B, G].

        A phrase that is cut off is told nothing and never blind.
        """
        config, stages = self.training_config, self.model.config.stages
        generator = torch.Generator().manual_seed(config.seed + self.global_step)
        fewer = torch.rand(whole.shape, generator=generator) < config.fewer_stages_share
        drawn = torch.randint(1, stages + 1, whole.shape, generator=generator)
        blind = torch.rand(whole.shape, generator=generator) < config.blind_share
        return torch.where(fewer, drawn, stages).to(whole.device) * whole, blind.to(whole.device) & whole

    def on_validation_epoch_start(self) -> None:
        """Start the float64 sums afresh; music of every length is read as it is, not compiled for each."""
        self.sums, self.codes = {}, []
        torch.compiler.set_stance("force_eager")

    def validation_step(self, rows: list[np.ndarray], batch_idx: int) -> None:
        """Add up the nats of both readings; on some rows those of fewer stages too."""
        stages = self.model.config.stages
        for row, reading in zip(rows, read_rows(self.model, rows, mid_piece=False), strict=True):
            whole = {name: reading.event_nats[:, index].sum() for index, name in enumerate(ATTRIBUTES)}
            self._add(row, whole | {"told": reading.told_nats.sum(), "codes": reading.code_nats.sum()})
            self.codes.append(reading.codes)
        if batch_idx % self.training_config.every_batch_for_fewer_stages == 0:
            for told in range(stages):
                for row, reading in zip(
                    rows, read_rows(self.model, rows, mid_piece=False, stages_told=told), strict=True
                ):
                    self._add(row, {f"told_{told}": reading.told_nats.sum()})

    def _add(self, row: np.ndarray, nats: dict[str, float]) -> None:
        for name, value in nats.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value)
            self.sums[f"notes_of_{name}"] = self.sums.get(f"notes_of_{name}", 0.0) + notes_of(row)

    def on_validation_epoch_end(self) -> None:
        """Log bits per note by attribute, under codes and of codes, and how the codebooks are used."""
        torch.compiler.set_stance("default")
        names = [name for name in self.sums if not name.startswith("notes_of_")]
        bits = {name: self.sums[name] / self.sums[f"notes_of_{name}"] / log(2) for name in names}
        self.log(MONITOR, sum(bits[name] for name in ATTRIBUTES), prog_bar=True)
        self.log_dict({f"validation_{name}_bits": value for name, value in bits.items()})
        codes = np.concatenate(self.codes)
        for stage in range(codes.shape[1]):
            p = np.bincount(codes[:, stage], minlength=self.model.config.codebook_size) / len(codes)
            self.log(f"validation_stage_{stage}_perplexity", float(np.exp(-(p[p > 0] * np.log(p[p > 0])).sum())))

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Clip here, because the norm is the model's concern and the trainer's flag stays the user's."""
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.optim.clip_norm)

    def configure_optimizers(self) -> dict[str, Any]:
        """Muon and AdamW with a schedule by step; what is new learns faster than the event model it is added to."""
        faster = dict.fromkeys(("encoder", "decoder", "code_head"), self.training_config.codec_rate)
        return build_optimizer(self.model, self.optim, hidden=("attention", "mlp", "decoder"), faster=faster)

    def model_state(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """The model's own part of a checkpoint's state."""
        return {name.removeprefix("model."): value for name, value in state.items()}
