"""Monitors codebooks in training: entries can fall out of use, and the decoder can come to ignore the codes."""

from collections.abc import Sequence

import lightning
import numpy as np
import torch

from symbolic.models.code_gpt import CodeGPT
from symbolic.models.vqvae import VQVAE
from symbolic.notes.performance import Performance
from symbolic.scoring.codes import codebook_usage, codes_of, own_and_shuffled_nats
from train.symbolic.module import SymbolicModule

SHUFFLED_PIECES = 8


class CodebookMonitor(lightning.Callback):
    """Logs, at every validation, the codebooks' usage and perplexity and what shuffled codes cost.

    Usage is the share of a codebook's entries that occur in the openings of the validation pieces; the cost of shuffled
    codes is the rise of -log p(notes | codes, past) over `SHUFFLED_PIECES` of them, 0.5 = half as much again. The
    codes' share of the nats follows from the terms that the module logs.
    """

    def on_validation_epoch_end(self, trainer: lightning.Trainer, pl_module: SymbolicModule) -> None:
        """Log validation_<attribute>_usage, _perplexity and, where a transformer is there, shuffled_codes_cost."""
        model: VQVAE | CodeGPT = pl_module.model
        vqvae = model.vqvae if isinstance(model, CodeGPT) else model
        openings = trainer.datamodule.val_dataloader().dataset
        codes = torch.cat([codes_of(vqvae, opening) for opening in openings])
        for name, usage in codebook_usage(vqvae, codes).items():
            pl_module.log(f"validation_{name}_usage", usage.used / usage.size)
            pl_module.log(f"validation_{name}_perplexity", usage.perplexity)
        if isinstance(model, CodeGPT):
            pl_module.log("validation_shuffled_codes_cost", shuffled_codes_cost(model, openings[:SHUFFLED_PIECES]))


def shuffled_codes_cost(model: CodeGPT, music: Sequence[Performance]) -> float:
    """The rise of -log p(notes | codes, past) when each piece's codes are permuted, as a share of what it was."""
    rng = np.random.default_rng(1)
    heads = [piece.excerpt(0, model.context_events // 2) for piece in music]
    own, shuffled = np.sum([own_and_shuffled_nats(model, head, rng) for head in heads], axis=0)
    return float(shuffled / own - 1)
