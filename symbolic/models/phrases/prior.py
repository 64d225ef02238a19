"""The prior over phrase codes: a decoder-only transformer with one position a phrase, 8192 notes within its reach.

Its state after the earlier phrases is the model's long memory: it enters the trunk at every event of the next phrase.
The trunk's state before a phrase, which knows the last notes exactly and the earlier ones through that memory, then
predicts the phrase's codes, one stage after the other.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from symbolic.models.head import nats_of
from symbolic.models.phrases.blocks import WindowCache, WindowTransformer, rms_norm
from symbolic.models.phrases.config import PhraseConfig
from symbolic.models.transformer import MLP


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
        self.embedding = nn.Linear(config.code_values, width)
        self.transformer = WindowTransformer(
            layers=config.prior_layers,
            width=width,
            heads=config.heads,
            mlp_ratio=config.prior_mlp_ratio,
            window=max(2, config.prior_phrases),  # a window holds more than its own position
        )
        self.memory = nn.Linear(width, width, bias=False)
        nn.init.zeros_(self.memory.weight)  # without training the trunk hears nothing of it

    def forward(self, values: Tensor, mid_piece: Tensor, past: PriorPast) -> Tensor:
        """What the trunk hears before each of G phrases, [B, G, D]; `past` is moved on behind them.

        values [B, G, stages, levels] of these phrases, mid_piece bool [B].
        """
        first = self.opening(mid_piece.long())[:, None] if past.unread is None else past.unread
        embedded = self.embedding(values.flatten(-2))
        past.unread = embedded[:, -1:]
        states = self.transformer(torch.cat([first, embedded[:, :-1]], dim=1), cache=past.window)
        return self.memory(states)


class CodeHead(nn.Module):
    """Predicts the stages of a code in turn from one state; uniform at the start."""

    def __init__(self, config: PhraseConfig) -> None:
        super().__init__()
        width, stages = config.width, config.stages
        self.mlp = nn.ModuleList(MLP(width, width // 2) for _ in range(stages))
        self.narrow = nn.ModuleList(nn.Linear(width, config.head_width, bias=False) for _ in range(stages))
        self.output = nn.ModuleList(nn.Linear(config.head_width, config.codebook_size) for _ in range(stages))
        self.said = nn.ModuleList(nn.Linear(len(config.levels), width) for _ in range(stages - 1))
        for layer in self.output:
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def logits(self, state: Tensor, values: Tensor) -> list[Tensor]:
        """Scores [..., K] of each stage's codes: state [..., D], values [..., stages, levels] of the true codes.

        A stage sees the values of the stages before it.
        """
        scores = []
        for stage, (mlp, narrow, output) in enumerate(zip(self.mlp, self.narrow, self.output, strict=True)):
            if stage > 0:
                state = state + self.said[stage - 1](values[..., stage - 1, :])
            state = state + mlp(rms_norm(state))
            scores.append(output(narrow(rms_norm(state))).float())
        return scores

    def code_nats(self, state: Tensor, values: Tensor, codes: Tensor) -> Tensor:
        """-log p(code) by stage, float32 [..., stages]; codes int64 [..., stages]."""
        logits = self.logits(state, values)
        return torch.stack([nats_of(of_stage, codes[..., stage]) for stage, of_stage in enumerate(logits)], dim=-1)
