"""The prior over phrase codes: a decoder-only transformer with one position a phrase, 8192 notes within its reach.

Its state after the earlier phrases is the model's long memory: it enters the trunk at every event of the next phrase.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from symbolic.models.phrases.blocks import WindowCache, WindowTransformer
from symbolic.models.phrases.codec import Codes, SlotEmbedding, middle_ticks
from symbolic.models.phrases.config import PhraseConfig

# (stage, scores [..., K] of its codes) -> the values [..., levels] of those that are taken
ChooseValues = Callable[[int, Tensor], Tensor]


@dataclass
class PriorPast:
    """What the prior keeps of earlier phrases: its window, and what it reads next.

    unread: [B, 1, D], the last phrase's embedding; None before the music begins.
    """

    window: WindowCache = field(default_factory=WindowCache)
    unread: Tensor | None = None


class PhrasePrior(nn.Module):
    """What the codes of earlier phrases say about the next: state g knows phrases 0..g-1."""

    def __init__(self, config: PhraseConfig) -> None:
        super().__init__()
        width = config.width
        self.opening = nn.Embedding(2, width)  # 0: the piece's start, 1: somewhere inside
        self.code = SlotEmbedding(config.phrase_events, width // 4)
        self.embedding = nn.Linear(config.phrase_events * (width // 4), width)
        self.transformer = WindowTransformer(
            layers=config.prior_layers,
            width=width,
            heads=config.heads,
            mlp_ratio=config.prior_mlp_ratio,
            window=max(2, config.prior_phrases),  # a window holds more than its own position
        )
        self.memory = nn.Linear(width, width, bias=False)
        nn.init.zeros_(self.memory.weight)  # without training the trunk hears nothing of it

    def forward(self, codes: Codes, mid_piece: Tensor, past: PriorPast) -> Tensor:
        """What the trunk hears before each of G phrases, [B, G, D]; `past` is moved on behind them.

        Codes [B, G] of these phrases, mid_piece bool [B].
        """
        first = self.opening(mid_piece.long())[:, None] if past.unread is None else past.unread
        flat = codes.map(lambda part: part.flatten(0, 1))
        said = self.code(flat.onset_ticks, flat.pitch, middle_ticks(flat.length))
        embedded = self.embedding(said.flatten(1)).unflatten(0, codes.length.shape)
        past.unread = embedded[:, -1:]
        states = self.transformer(torch.cat([first, embedded[:, :-1]], dim=1), cache=past.window)
        return self.memory(states)
