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


class KeptRows:
    """The last rows of a growing tensor, without copying them all for each that joins them.

    buffer: [B, H, capacity, W]; those at start..stop-1 are kept.
    """

    def __init__(self, rows: Tensor, most: int) -> None:
        self.buffer, self.most = rows, most
        self.start, self.stop = max(0, rows.shape[2] - most), rows.shape[2]

    def extend(self, rows: Tensor) -> Tensor:
        """The kept rows followed by these [B, H, T, W]; the last `most` of both are kept."""
        length = rows.shape[2]
        if self.stop + length > self.buffer.shape[2]:
            kept = self.buffer[:, :, self.start : self.stop]
            room = rows.new_empty((*rows.shape[:2], length + self.most, rows.shape[3]))
            self.buffer, self.start, self.stop = torch.cat([kept, room], dim=2), 0, kept.shape[2]
        self.buffer[:, :, self.stop : self.stop + length] = rows
        self.stop += length
        everything = self.buffer[:, :, self.start : self.stop]
        self.start = max(self.start, self.stop - self.most)
        return everything

    def rows(self, rows: Tensor) -> "KeptRows":
        """The same for some rows of the batch, int64 [b]; each may be asked for more than once."""
        return KeptRows(self.buffer[rows, :, self.start : self.stop], self.most)


@dataclass
class WindowCache:
    """Keys and values of the last window - 1 positions of every layer; positions: how many there have been.

    layers: keys and values [B, H, T, W] by layer; empty before the first position.
    """

    positions: int = 0
    layers: dict[int, tuple[KeptRows, KeptRows]] = field(default_factory=dict)

    def extend(self, layer: int, keys: Tensor, values: Tensor, window: int) -> tuple[Tensor, Tensor]:
        """The layer's kept keys and values followed by these, [B, H, t, W]; the last window - 1 of both are kept."""
        if layer not in self.layers:
            self.layers[layer] = KeptRows(keys, window - 1), KeptRows(values, window - 1)
            return keys, values
        kept_keys, kept_values = self.layers[layer]
        return kept_keys.extend(keys), kept_values.extend(values)

    def rows(self, rows: Tensor) -> "WindowCache":
        """The same past for some rows of the batch, int64 [b]; each may be asked for more than once."""
        kept = {layer: tuple(part.rows(rows) for part in pair) for layer, pair in self.layers.items()}
        return WindowCache(self.positions, kept)


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
        self.norm = nn.RMSNorm(width // heads, elementwise_affine=False)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.project = nn.Linear(width, width, bias=False)
        nn.init.zeros_(self.project.weight)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each [B, H, T, W], of x [B, T, D]."""
        q, k, v = self.qkv(x).view(*x.shape[:2], 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        return self.norm(q), self.norm(k), v

    def join(self, y: Tensor) -> Tensor:
        """Heads [B, H, T, W] to the residual update [B, T, D]."""
        return self.project(y.transpose(1, 2).flatten(2))


class PhraseAttention(AttentionHeads):
    """Attention among the events of each phrase, [N, P, D]; positions are told by the input."""

    def forward(self, x: Tensor, visible: Tensor | None = None) -> Tensor:
        """x [N, P, D] to [N, P, D]; visible bool [P, P] or [N, 1, P, P]: which events an event may see, None: all."""
        return self.join(F.scaled_dot_product_attention(*self.split(x), attn_mask=visible))

    def step(self, x: Tensor, earlier: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """[N, 1, D] of the next event x [N, 1, D] after those of these keys and values, and both with its own added."""
        q, *own = self.split(x)
        keys, values = own if earlier is None else (torch.cat(pair, dim=2) for pair in zip(earlier, own, strict=True))
        return self.join(F.scaled_dot_product_attention(q, keys, values)), (keys, values)


class ContextAttention(nn.Module):
    """Attention of the rows of each phrase to rows elsewhere, whose keys and values are made once for all phrases."""

    def __init__(self, width: int, heads: int, context_width: int | None = None) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, bias=False)
        self.keys = nn.Linear(context_width or width, 2 * width, bias=False)
        self.project = nn.Linear(width, width, bias=False)
        nn.init.zeros_(self.project.weight)

    def forward(self, x: Tensor, keys: Tensor, visible: Tensor | None = None) -> Tensor:
        """x [N, T, D], keys [N, C, 2 D] made by `keys` to [N, T, D]; visible bool, broadcast to [N, 1, T, C]."""
        q = self.query(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k, v = keys.unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(rms_norm(q), rms_norm(k), v, attn_mask=visible)
        return self.project(y.transpose(1, 2).flatten(2))


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
        self.norm = nn.RMSNorm(width, elementwise_affine=False)
        self.dropout = nn.Dropout(dropout)
        self.styles = nn.Parameter(torch.zeros(layers, styles, width)) if styles else None

    def forward(self, x: Tensor, style: Tensor | None = None, cache: WindowCache | None = None) -> Tensor:
        """[B, T, D] to [B, T, D]; style float [B or 1, styles]; a cache holds what came before, and moves on."""
        length, start = x.shape[1], 0 if cache is None else cache.positions
        cos, sin = rotary_angles(start, start + length, self.head_width).to(x.device)
        seen = min(start, self.window - 1)
        mask = None if seen + length <= self.window else self._mask(length, seen).to(x.device)
        for layer, (attention, mlp) in enumerate(zip(self.attention, self.mlp, strict=True)):
            if style is not None and self.styles is not None:
                x = x + (style @ self.styles[layer])[:, None]
            q, k, v = attention.split(self.norm(x))
            q, k = rotate(q, cos, sin), rotate(k, cos, sin)
            if cache is not None:
                k, v = cache.extend(layer, k, v, self.window)
            x = x + self.dropout(attention.join(_attend(q, k, v, mask)))
            x = x + self.dropout(mlp(self.norm(x)))
        if cache is not None:
            cache.positions += length
        return self.norm(x)

    def _mask(self, length: int, seen: int) -> Tensor:
        return sliding_mask(length, seen, self.window, min(BLOCK, length))


def _attend(query: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    """Windowed attention; without a mask everything before a position is within its window."""
    if mask is not None:
        return sliding_attention(query, keys, values, mask)
    seen = keys.shape[2] - query.shape[2]
    if seen == 0 or query.shape[2] == 1:
        return F.scaled_dot_product_attention(query, keys, values, is_causal=seen == 0)
    visible = torch.ones(query.shape[2], keys.shape[2], dtype=torch.bool, device=query.device).tril(seen)
    return F.scaled_dot_product_attention(query, keys, values, attn_mask=visible)
