"""Rows times a matrix: the product itself, and each row to the last bit the same in every batch."""

import subprocess
import sys
from functools import reduce

import pytest
import torch

from symbolic.sampling.decoding import row_product as module
from symbolic.sampling.decoding.row_product import (
    MOST_ROWS,
    Arithmetic,
    RowProduct,
    agreeing_row_counts,
    has_half_precision,
)

pytestmark = pytest.mark.processor
WITH_FBGEMM = pytest.mark.skipif(not has_half_precision(), reason="this torch has no FBGEMM")


@pytest.fixture(params=[pytest.param(True, marks=WITH_FBGEMM), False], ids=["float16", "float32"])
def precision(request, monkeypatch):
    monkeypatch.setattr(module, "has_half_precision", lambda: request.param)


def matrix(rows, columns, seed=1):
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)) * 0.03


def assert_rows_do_not_depend_on_their_batch(product, x):
    alone = torch.cat([product(row[None]) for row in x])
    for batch in range(1, len(x) + 1):
        assert torch.equal(product(x[:batch]), alone[:batch])


@pytest.mark.usefixtures("precision")
@pytest.mark.parametrize("shape", [(48, 32), (7, 13), (600, 256)])
@pytest.mark.parametrize("as_shipped", [True, False])
@pytest.mark.parametrize("scale", [1e5, 1.0, 1e-5, 0.0])
def test_the_product_is_exact_to_single_precision(shape, as_shipped, scale):
    weight = scale * matrix(*shape)
    weight = weight.bfloat16().float() if as_shipped else weight
    x = torch.randn(5, 1, shape[1], generator=torch.Generator().manual_seed(2))
    exact = x.double() @ weight.double().T
    sizes = x.double().abs() @ weight.double().abs().T  # what rounding errors are relative to
    assert ((RowProduct(weight)(x) - exact).abs() <= 1e-6 * sizes).all()


@pytest.mark.usefixtures("precision")
@pytest.mark.parametrize("shape", [(96, 256), (129, 32), (7, 13)])
@pytest.mark.parametrize("as_shipped", [True, False])
def test_a_row_is_the_same_in_every_batch(shape, as_shipped):
    weight = matrix(*shape)
    product = RowProduct(weight.bfloat16().float() if as_shipped else weight)
    assert_rows_do_not_depend_on_their_batch(product, matrix(2 * MOST_ROWS + 3, shape[1], seed=3)[:, None])


def blocked(weight):
    """Adds one row up backwards, a row behind the last block of three likewise, and all others forwards."""

    def multiply(x):
        whole = len(x) // 3 * 3 if len(x) != 5 else 0
        terms = (x[:, None] * weight).unbind(-1)
        forwards, backwards = (reduce(torch.add, order) for order in (terms, terms[::-1]))
        return torch.cat([forwards[:whole], backwards[whole:]])

    return multiply


def one_by_one(weight):
    """Rounds every row by where it stands."""
    return lambda x: (x @ weight.T) * (1 + 1e-6 * torch.arange(len(x))[:, None])


@pytest.mark.parametrize(
    ("prepare", "row_counts"), [(blocked, (3, 6, 9, 12, 15)), (one_by_one, (1,))], ids=["blocked", "one by one"]
)
def test_a_product_that_rounds_by_its_number_of_rows_is_called_with_those_that_agree(monkeypatch, prepare, row_counts):
    monkeypatch.setattr(module, "has_half_precision", lambda: False)
    monkeypatch.setattr(module, "in_single_precision", prepare)
    assert agreeing_row_counts(prepare, 6, 40) == row_counts
    assert_rows_do_not_depend_on_their_batch(RowProduct(matrix(6, 40)), matrix(20, 40, seed=3)[:, None])


def test_nobody_is_warned():
    program = (
        "import torch; from symbolic.sampling.decoding.row_product import RowProduct\n"
        "RowProduct(torch.eye(8))(torch.ones(1, 1, 8))"
    )
    run = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")  # in a process of its own: torch warns once in each


@pytest.mark.parametrize("missing", ["fbgemm_pack_gemm_matrix_fp16", "fbgemm_linear_fp16_weight_fp32_activation"])
def test_a_torch_without_fbgemm_multiplies_in_single_precision_and_says_so(monkeypatch, missing):
    monkeypatch.delattr(torch, missing, raising=False)
    weight, x = matrix(8, 16), matrix(2, 16, seed=4)[:, None]
    assert torch.allclose(RowProduct(weight)(x), x @ weight.T, rtol=1e-5, atol=1e-7)
    assert Arithmetic.here().product == "torch, float32 weights"
