"""The decoder-only trunk: pre-norm blocks with rotary positions, query-key norm, SDPA, and a preallocated KV cache.

Norms are root-mean-square norms without a gain (Zhang & Sennrich 2019).
"""

from copy import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from symbolic.models.configs import GPTConfig


class KVCache:
    """Keys and values of the positions seen so far, for one window."""

    def __init__(self, config: GPTConfig, batch: int) -> None:
        shape = (config.layers, batch, config.heads, config.context_events, config.width // config.heads)
        self.keys = torch.zeros(shape)  # [L, B, H, T, D/H]
        self.values = torch.zeros(shape)
        self.length = 0

    def first_row(self) -> "KVCache":
        """The first row of the batch: a cache of its own length over the same memory."""
        view = copy(self)
        view.keys, view.values = self.keys[:, :1], self.values[:, :1]
        return view

    def spread_first_row(self, length: int) -> None:
        """Give every row of the batch the first `length` positions that the first one holds."""
        for stored in (self.keys, self.values):
            stored[:, 1:, :, :length] = stored[:, :1, :, :length]
        self.length = length

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Store a layer's keys and values [B, H, T, D/H] of the next T positions; all of them so far come back.

        `length` stays: it moves on when every layer has stored its own.
        """
        positions, end = keys.shape[2], self.length + keys.shape[2]
        all_keys, all_values = self.keys[layer], self.values[layer]
        all_keys.narrow(2, self.length, positions).copy_(keys)
        all_values.narrow(2, self.length, positions).copy_(values)
        return all_keys.narrow(2, 0, end), all_values.narrow(2, 0, end)


def rotary_table(positions: int, head_width: int) -> Tensor:
    """What `rotate` multiplies a head vector and its swapped halves by (Su et al. 2021, eq. 15), [2, T, head_width]."""
    frequency = 10_000.0 ** -(torch.arange(0, head_width, 2) / head_width)
    angle = torch.arange(positions)[:, None] * frequency
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([torch.cat([cos, cos], dim=-1), torch.cat([-sin, sin], dim=-1)])


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the two halves of head vectors x [..., W] by its position's angle; cos, sin [..., W] of `rotary_table`."""
    return x * cos.to(x.dtype) + x.roll(x.shape[-1] // 2, -1) * sin.to(x.dtype)


class Attention(nn.Module):
    """Causal self-attention over [B, T, D]."""

    def __init__(self, config: GPTConfig, layer: int) -> None:
        super().__init__()
        self.heads, self.layer = config.heads, layer
        self.norm = nn.RMSNorm(config.width // config.heads, elementwise_affine=False)
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.project = nn.Linear(config.width, config.width, bias=False)
        nn.init.zeros_(self.project.weight)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, cache: KVCache | None) -> Tensor:
        """x [B, T, D] to [B, T, D]; cos, sin [T, 1, 1, D/H] of the positions; T is 1 where a cache has some already."""
        batch, length, width = x.shape
        qk, v = self.qkv(x).view(batch, length, 3, self.heads, -1).split((2, 1), dim=2)
        q, k = rotate(self.norm(qk), cos, sin).permute(2, 0, 3, 1, 4)  # each [B, H, T, D/H]
        v = v.squeeze(2).transpose(1, 2)
        if cache is not None:
            k, v = cache.append(self.layer, k, v)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=length > 1)
        return self.project(y.transpose(1, 2).reshape(batch, length, width))


class MLP(nn.Module):
    """Two-layer perceptron with squared ReLU (So et al. 2021), its last matrix zero at the start."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.up = nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)
        nn.init.zeros_(self.down.weight)

    def forward(self, x: Tensor) -> Tensor:
        """[..., width] to [..., width]."""
        return self.down(F.relu(self.up(x)).square())


class Transformer(nn.Module):
    """The trunk: position t of the output sees positions 0..t of the input."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.attention = nn.ModuleList(Attention(config, layer) for layer in range(config.layers))
        self.mlp = nn.ModuleList(MLP(config.width, config.mlp_ratio * config.width) for _ in range(config.layers))
        self.dropout = nn.Dropout(config.dropout)
        self.norm = nn.RMSNorm(config.width, elementwise_affine=False)
        table = rotary_table(config.context_events, config.width // config.heads)
        self.register_buffer("rotary", table, persistent=False)

    def forward(self, x: Tensor, cache: KVCache | None = None) -> Tensor:
        """[B, T, D] to [B, T, D]; with a cache, behind the positions that it holds, which these then join.

        Raises ValueError for more positions than a window holds, and for several at once behind a cache's.
        """
        start = 0 if cache is None else cache.length
        end = start + x.shape[1]
        if end > self.rotary.shape[1]:
            raise ValueError(f"transformer: position {end} is beyond the window of {self.rotary.shape[1]} events")
        if start > 0 and x.shape[1] > 1:
            raise ValueError(
                f"transformer: {x.shape[1]} positions at once behind {start} in the cache; give them in turn"
            )
        cos, sin = self.rotary[:, start:end, None, None]
        for attention, mlp in zip(self.attention, self.mlp, strict=True):
            x = x + self.dropout(attention(self.norm(x), cos, sin, cache))
            x = x + self.dropout(mlp(self.norm(x)))
        if cache is not None:
            cache.length = end
        return self.norm(x)
