"""Finite scalar quantisation: a codebook that is a grid, so that no entry can die of neglect."""

from math import prod

import torch
from torch import Tensor, nn


class FSQ(nn.Module):
    """Rounds each coordinate to one of a few levels (Mentzer et al. 2023, "Finite Scalar Quantization", section 3).

    Coordinate i takes levels[i] equally spaced values in [-1, 1]; a code's index is its mixed-radix number, the first
    coordinate the least significant. Gradients pass the rounding straight through.
    """

    def __init__(self, levels: tuple[int, ...]) -> None:
        super().__init__()
        self.levels = levels
        sizes = torch.tensor(levels)
        self.register_buffer("sizes", sizes, persistent=False)
        self.register_buffer("basis", torch.cumprod(sizes, 0) // sizes, persistent=False)

    @property
    def size(self) -> int:
        """Entries of the codebook."""
        return prod(self.levels)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [..., len(levels)] to (values [..., len(levels)] in [-1, 1], indices int64 [...])."""
        top = (self.sizes - 1).to(x.dtype)
        position = torch.sigmoid(x) * top  # in 0..levels-1
        digits = position.round()
        quantised = position + (digits - position).detach()
        return quantised * 2 / top - 1, (digits.long() * self.basis).sum(-1)

    def values_of(self, indices: Tensor) -> Tensor:
        """Indices int64 [...] back to the values [..., len(levels)] that `forward` gave."""
        digits = (indices[..., None] // self.basis) % self.sizes
        return digits * 2 / (self.sizes - 1) - 1

    def steps(self, difference: Tensor) -> Tensor:
        """Differences [..., len(levels)] of values in steps from one level to the next."""
        return difference * (self.sizes - 1) / 2
