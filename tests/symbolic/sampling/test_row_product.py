"""Both ways to multiply rows: the product itself, each row alike in every batch."""

import subprocess
import sys

import pytest
import torch

from symbolic.sampling import row_product as module
from symbolic.sampling.row_product import has_half_precision, in_half_precision, in_single_precision, row_product

pytestmark = pytest.mark.processor
WAYS = [
    pytest.param(in_half_precision, marks=pytest.mark.skipif(not has_half_precision(), reason="needs FBGEMM")),
    in_single_precision,
]


def matrix(rows, columns, seed=1):
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)) * 0.03


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", [(48, 32), (7, 13), (600, 256)])
@pytest.mark.parametrize("as_shipped", [True, False])
@pytest.mark.parametrize("scale", [1e5, 1.0, 1e-5, 0.0])
def test_the_product_is_exact_to_single_precision(way, shape, as_shipped, scale):
    weight = scale * matrix(*shape)
    weight = weight.bfloat16().float() if as_shipped else weight
    x = torch.randn(5, 1, shape[1], generator=torch.Generator().manual_seed(2))
    exact = x.double() @ weight.double().T
    sizes = x.double().abs() @ weight.double().abs().T  # what rounding errors are relative to
    assert ((way(weight)(x) - exact).abs() <= 1e-6 * sizes).all()


@pytest.mark.parametrize("way", WAYS)
def test_a_row_is_the_same_in_every_batch(way):
    product, x = way(matrix(96, 256)), matrix(17, 256, seed=3)[:, None]
    alone = torch.cat([product(row[None]) for row in x])
    for batch in (2, 3, 8, 14, 17):
        assert torch.equal(product(x[:batch]), alone[:batch])


def test_nobody_is_warned():
    program = (
        "import torch; from symbolic.sampling.row_product import row_product\n"
        "row_product(torch.eye(8))(torch.ones(1, 1, 8))"
    )
    run = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")  # in a process of its own: torch warns once in each


def test_without_fbgemm_rows_are_multiplied_in_single_precision(monkeypatch):
    monkeypatch.setattr(module, "has_half_precision", lambda: False)
    weight, x = matrix(8, 16), matrix(2, 16, seed=4)[:, None]
    assert torch.equal(row_product(weight)(x), in_single_precision(weight)(x))
