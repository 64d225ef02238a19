"""A copy of a model whose layers are swapped for ones that are quick with the few rows that sampling has.

The copy computes the same function, and each row of a batch as if it were alone.
"""

from copy import deepcopy
from math import sqrt

import torch
from torch import Tensor, nn

from symbolic.models.copying import TraitScores
from symbolic.models.phrases.codebooks import Codebooks
from symbolic.models.phrases.model import PhraseGPT
from symbolic.sampling.decoding.row_product import RowProduct


class RowLinear(nn.Module):
    """nn.Linear, each row of a batch alike."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.product, self.bias = RowProduct(layer.weight), layer.bias

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] to [..., out]."""
        y = self.product(x)
        return y if self.bias is None else y.add_(self.bias)


class RowTraitScores(nn.Module):
    """TraitScores, each row of a batch alike."""

    def __init__(self, traits: TraitScores) -> None:
        super().__init__()
        self.products = {attribute: RowProduct(matrix) for attribute, matrix in traits.items()}

    def scores(self, attribute: str, query: Tensor) -> Tensor:
        """[..., W] to [..., traits]."""
        return self.products[attribute](query)


LEAST_LENGTH = 1e-30
"""Keeps a division by the length of nothing finite."""


class UnitNorm(nn.Module):
    """nn.RMSNorm without a gain in four operations; a vector of zeros stays one."""

    def __init__(self, norm: nn.RMSNorm) -> None:
        super().__init__()
        (width,) = norm.normalized_shape
        self.length = sqrt(width)

    def forward(self, x: Tensor) -> Tensor:
        """[..., D] to [..., D]."""
        lengths = torch.linalg.vector_norm(x, dim=-1, keepdim=True).clamp_min_(LEAST_LENGTH)
        return x.div(lengths).mul_(self.length)


SWAPS = {
    nn.Linear: RowLinear,
    nn.RMSNorm: UnitNorm,
    nn.Dropout: lambda _: nn.Identity(),
    TraitScores: RowTraitScores,
}
"""Type of layer to what takes its place."""


@torch.no_grad()
def for_sampling(model: PhraseGPT) -> PhraseGPT:
    """A copy of the model with SWAPS made, for inference alone; the model itself stays as it is."""
    copy = deepcopy(model).eval()
    _swap(copy)
    return copy


def _swap(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, Codebooks):
            continue  # exact as it is
        if type(child) in SWAPS:
            setattr(module, name, SWAPS[type(child)](child))
        else:
            _swap(child)
