"""The transformer of the phrase model: each position sees a window of those before it, however long the music.

The same forward pass trains on excerpts, scores any length piece by piece, and draws position by position: what differs
is how many positions come at once, and the cache carries the window from one call to the next.
"""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from symbolic.models.bands import sliding_attention, sliding_mask
from symbolic.models.transformer import MLP, rotate

BLOCK = 128
"""Queries that share a span of keys: larger blocks cost more products, smaller ones more copies of what they share."""


@dataclass
class WindowCache:
    """Keys and values of the last window - 1 positions of every layer; positions: how many there have been.

    layers: (keys, values) [B, H, T, W] by layer; empty before the first position.
    """

    positions: int = 0
    layers: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)

    def extend(self, layer: int, keys: Tensor, values: Tensor, window: int) -> tuple[Tensor, Tensor]:
        """The layer's kept keys and values followed by these, [B, H, t, W]; the last window - 1 of both are kept."""
        if layer in self.layers:
            keys, values = (torch.cat(pair, dim=2) for pair in zip(self.layers[layer], (keys, values), strict=True))
        self.layers[layer] = keys[:, :, -(window - 1) :], values[:, :, -(window - 1) :]
        return keys, values

    def expanded(self, copies: int) -> "WindowCache":
        """The same past for `copies` times as many rows, each row's copies in a row."""
        repeated = {
            layer: (keys.repeat_interleave(copies, 0), values.repeat_interleave(copies, 0))
            for layer, (keys, values) in self.layers.items()
        }
        return WindowCache(self.positions, repeated)


def rms_norm(x: Tensor) -> Tensor:
    """Root-mean-square normalisation of the last dimension, without a gain (Zhang & Sennrich 2019)."""
    return F.rms_norm(x, (x.shape[-1],))


def rotary_angles(start: int, stop: int, head_width: int) -> Tensor:
    """What `rotate` takes for positions start..stop-1, float32 [2, T, head_width], exact at any distance."""
    frequency = 10_000.0 ** -(torch.arange(0, head_width, 2, dtype=torch.float64) / head_width)
    angle = torch.arange(start, stop, dtype=torch.float64)[:, None] * frequency
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([torch.cat([cos, cos], dim=-1), torch.cat([-sin, sin], dim=-1)]).float()


class AttentionHeads(nn.Module):
    """The ways into attention's heads and out; queries and keys are normalised, the way out is zero at the start."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.project = nn.Linear(width, width, bias=False)
        nn.init.zeros_(self.project.weight)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each [B, H, T, W], of x [B, T, D]."""
        q, k, v = self.qkv(x).view(*x.shape[:2], 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        return rms_norm(q), rms_norm(k), v

    def join(self, y: Tensor) -> Tensor:
        """Heads [B, H, T, W] to the residual update [B, T, D]."""
        return self.project(y.transpose(1, 2).flatten(2))


class PhraseAttention(AttentionHeads):
    """Attention among the events of each phrase, [N, P, D]; positions are told by the input."""

    def forward(self, x: Tensor, visible: Tensor) -> Tensor:
        """x [N, P, D] to [N, P, D]; visible bool [P, P] or [N, 1, P, P]: which events an event may see."""
        return self.join(F.scaled_dot_product_attention(*self.split(x), attn_mask=visible))


class WindowTransformer(nn.Module):
    """Pre-norm blocks over [B, T, D]; position t sees itself and the window - 1 positions before it in every layer.

    styles: how many style inputs there are; each adds a learned vector before every block, at every position.
    """

    def __init__(
        self,
        *,
        layers: int,
        width: int,
        heads: int,
        mlp_ratio: int,
        window: int,
        dropout: float = 0.0,
        styles: int = 0,
    ) -> None:
        super().__init__()
        self.window, self.head_width = window, width // heads
        self.attention = nn.ModuleList(AttentionHeads(width, heads) for _ in range(layers))
        self.mlp = nn.ModuleList(MLP(width, mlp_ratio * width) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)
        self.styles = nn.Parameter(torch.zeros(layers, styles, width)) if styles else None

    def forward(self, x: Tensor, style: Tensor | None = None, cache: WindowCache | None = None) -> Tensor:
        """[B, T, D] to [B, T, D]; style float [B, styles]; a cache holds what came before, and is moved on."""
        length, start = x.shape[1], 0 if cache is None else cache.positions
        cos, sin = rotary_angles(start, start + length, self.head_width).to(x.device)
        seen = min(start, self.window - 1)
        mask = None if seen + length <= self.window else self._mask(length, seen).to(x.device)
        for layer, (attention, mlp) in enumerate(zip(self.attention, self.mlp, strict=True)):
            if style is not None and self.styles is not None:
                x = x + (style @ self.styles[layer])[:, None]
            q, k, v = attention.split(rms_norm(x))
            q, k = rotate(q, cos, sin), rotate(k, cos, sin)
            if cache is not None:
                k, v = cache.extend(layer, k, v, self.window)
            x = x + self.dropout(attention.join(_attend(q, k, v, mask)))
            x = x + self.dropout(mlp(rms_norm(x)))
        if cache is not None:
            cache.positions += length
        return rms_norm(x)

    def _mask(self, length: int, seen: int) -> Tensor:
        return sliding_mask(length, seen, self.window, min(BLOCK, length))


def _attend(query: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    """Windowed attention; without a mask everything before a position is within its window."""
    if mask is not None:
        return sliding_attention(query, keys, values, mask)
    seen = keys.shape[2] - query.shape[2]
    if seen == 0:
        return F.scaled_dot_product_attention(query, keys, values, is_causal=True)
    visible = torch.ones(query.shape[2], keys.shape[2], dtype=torch.bool, device=query.device).tril(seen)
    return F.scaled_dot_product_attention(query, keys, values, attn_mask=visible)
