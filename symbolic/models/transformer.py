"""The decoder-only trunk: pre-norm blocks with rotary positions, query-key norm, SDPA, and a preallocated KV cache."""

from copy import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from symbolic.models.configs import GPTConfig


def rms_norm(x: Tensor) -> Tensor:
    """Root-mean-square normalisation of the last dimension, without a gain (Zhang & Sennrich 2019)."""
    return F.rms_norm(x, (x.shape[-1],))


class KVCache:
    """Keys and values of the positions seen so far, for one window of at most `capacity` positions."""

    def __init__(self, config: GPTConfig, batch: int, capacity: int) -> None:
        shape = (config.layers, batch, config.heads, capacity, config.width // config.heads)
        self.keys = torch.zeros(shape)  # [L, B, H, T, D/H]
        self.values = torch.zeros(shape)
        self.length = 0

    def row(self, index: int) -> "KVCache":
        """One row of the batch: a cache of its own length over the same memory."""
        view = copy(self)
        view.keys, view.values = self.keys[:, index : index + 1], self.values[:, index : index + 1]
        return view

    def spread_first_row(self) -> None:
        """Give every row of the batch what the first one holds."""
        self.keys[:, 1:], self.values[:, 1:] = self.keys[:, :1], self.values[:, :1]

    def fill(self, layer: int, keys: Tensor, values: Tensor) -> None:
        """Store a layer's keys and values [B, H, t, D/H] of the first t positions."""
        self.keys[layer, :, :, : keys.shape[2]] = keys
        self.values[layer, :, :, : values.shape[2]] = values

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Store a layer's keys and values [B, H, D/H] of the next position; all of them so far come back."""
        if self.length == self.keys.shape[3]:
            raise ValueError(f"cache: another position does not fit its capacity of {self.length}")
        all_keys, all_values = self.keys[layer], self.values[layer]
        all_keys.select(2, self.length).copy_(keys)  # quicker than the same by indexing, and drawing waits for it
        all_values.select(2, self.length).copy_(values)
        return all_keys.narrow(2, 0, self.length + 1), all_values.narrow(2, 0, self.length + 1)


def rotary_table(positions: int, head_width: int) -> Tensor:
    """cos and sin of the rotary angles (Su et al. 2021, eq. 15), [2, T, head_width / 2]."""
    frequency = 10_000.0 ** -(torch.arange(0, head_width, 2) / head_width)
    angle = torch.arange(positions)[:, None] * frequency
    return torch.stack([angle.cos(), angle.sin()])


def rotate(x: Tensor, table: Tensor) -> Tensor:
    """Turn the two halves of each head vector x [B, H, T, W] by its position's angle; table [2, T, W / 2]."""
    cos, sin = table[0].to(x.dtype), table[1].to(x.dtype)
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


class Attention(nn.Module):
    """Causal self-attention over [B, T, D]."""

    def __init__(self, config: GPTConfig, layer: int) -> None:
        super().__init__()
        self.heads, self.layer = config.heads, layer
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.project = nn.Linear(config.width, config.width, bias=False)
        nn.init.zeros_(self.project.weight)

    def forward(self, x: Tensor, table: Tensor, cache: KVCache | None) -> Tensor:
        """x [B, T, D] to [B, T, D]; `table` holds the rotary angles of its T positions."""
        batch, length, width = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)  # each [B, H, T, D/H]
        q, k = rotate(rms_norm(q), table), rotate(rms_norm(k), table)
        if cache is not None:
            cache.fill(self.layer, k, v)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
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
        table = rotary_table(config.context_events, config.width // config.heads)
        self.register_buffer("rotary", table, persistent=False)

    def forward(self, x: Tensor, cache: KVCache | None = None) -> Tensor:
        """[B, T, D] to [B, T, D]; a cache is filled anew with these positions.

        Raises ValueError where more positions are asked for than a window holds.
        """
        if x.shape[1] > self.rotary.shape[1]:
            raise ValueError(
                f"transformer: position {x.shape[1]} is beyond the window of {self.rotary.shape[1]} events"
            )
        table = self.rotary[:, : x.shape[1]]
        for attention, mlp in zip(self.attention, self.mlp, strict=True):
            x = x + self.dropout(attention(rms_norm(x), table, cache))
            x = x + self.dropout(mlp(rms_norm(x)))
        if cache is not None:
            cache.length = x.shape[1]
        return rms_norm(x)
