"""The decoder-only trunk: pre-norm blocks with rotary positions, query-key norm, SDPA, and a preallocated KV cache."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from symbolic.configs import GPTConfig


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

    def append(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Store new keys and values [B, H, t, D/H] of a layer; all of them so far come back."""
        stop = self.length + key.shape[2]
        if stop > self.keys.shape[3]:
            raise ValueError(f"cache: {stop} positions do not fit its capacity of {self.keys.shape[3]}")
        self.keys[layer, :, :, self.length : stop] = key
        self.values[layer, :, :, self.length : stop] = value
        return self.keys[layer, :, :, :stop], self.values[layer, :, :, :stop]


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
            k, v = cache.append(self.layer, k, v)
        # A single new position may see everything cached; several at once start an empty cache, where causal is right.
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
        table = rotary_table(config.context_events, config.width // config.heads)
        self.register_buffer("rotary", table, persistent=False)

    def forward(self, x: Tensor, cache: KVCache | None = None) -> Tensor:
        """[B, T, D] to [B, T, D]; with a cache, x holds only new positions: one, or several into an empty cache.

        Raises ValueError where more positions are asked for than a window holds.
        """
        start = cache.length if cache is not None else 0
        stop = start + x.shape[1]
        if stop > self.rotary.shape[1]:
            raise ValueError(f"transformer: position {stop} is beyond the window of {self.rotary.shape[1]} events")
        if start and x.shape[1] > 1:
            raise ValueError(f"transformer: {x.shape[1]} positions at once need an empty cache, it holds {start}")
        table = self.rotary[:, start:stop]
        for attention, mlp in zip(self.attention, self.mlp, strict=True):
            x = x + self.dropout(attention(rms_norm(x), table, cache))
            x = x + self.dropout(mlp(rms_norm(x)))
        if cache is not None:
            cache.length = stop
        return rms_norm(x)
