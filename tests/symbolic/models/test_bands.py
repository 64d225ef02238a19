"""Products with the last rows are those that each position alone would have."""

import pytest
import torch

from symbolic.models.bands import band_products


@pytest.mark.parametrize(("positions", "reach"), [(1, 3), (2, 3), (3, 3), (10, 4), (7, 1), (64, 8)])
def test_each_query_meets_its_own_rows(positions, reach):
    generator = torch.Generator().manual_seed(1)
    query = torch.randn(2, positions, 5, generator=generator)
    keys = torch.randn(2, positions + reach - 1, 5, generator=generator)
    expected = torch.stack([(query[:, s, None] * keys[:, s : s + reach]).sum(-1) for s in range(positions)], dim=1)
    assert torch.allclose(band_products(query, keys), expected, atol=1e-5)
