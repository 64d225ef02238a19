"""A copy of a model whose layers are swapped for ones that are quick with the few rows that sampling has.

The copy computes the same function, and each row of a batch as if it were alone.
"""

from copy import deepcopy
from math import sqrt

import torch
from torch import Tensor, nn

from symbolic.models.copying import TraitScores
from symbolic.models.event_gpt import EventGPT
from symbolic.models.vqvae import AttributeVQ
from symbolic.sampling.row_product import RowProduct


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


class CodeTables(nn.Module):
    """The tables of an AttributeVQ whose weights stay what they are."""

    def __init__(self, attribute: AttributeVQ) -> None:
        super().__init__()
        self._codebook, self._decoder = attribute.codebook(), attribute.decode_all()

    def codebook(self) -> tuple[Tensor, Tensor]:
        """See AttributeVQ."""
        return self._codebook

    def decode_all(self) -> Tensor:
        """See AttributeVQ."""
        return self._decoder


class UnitNorm(nn.Module):
    """nn.RMSNorm without a gain in three operations, for vectors that are not zero."""

    def __init__(self, norm: nn.RMSNorm) -> None:
        super().__init__()
        (width,) = norm.normalized_shape
        self.length = sqrt(width)

    def forward(self, x: Tensor) -> Tensor:
        """[..., D] to [..., D]."""
        return x.div(torch.linalg.vector_norm(x, dim=-1, keepdim=True)).mul_(self.length)


SWAPS = {
    nn.Linear: RowLinear,
    nn.RMSNorm: UnitNorm,
    nn.Dropout: lambda _: nn.Identity(),
    TraitScores: RowTraitScores,
    AttributeVQ: CodeTables,
}
"""Type of layer to what takes its place."""


@torch.no_grad()
def for_sampling(model: EventGPT) -> EventGPT:
    """A copy of the model with SWAPS made, for inference alone; the model itself stays as it is."""
    copy = deepcopy(model).eval()
    _swap(copy)
    return copy


def _swap(module: nn.Module) -> None:
    for name, child in module.named_children():
        if type(child) in SWAPS:
            setattr(module, name, SWAPS[type(child)](child))
        else:
            _swap(child)
