"""Products of the rows of a batch with a matrix, each row rounded alike whatever rows lie beside it.

Drawing takes one row at a time through every matrix of a model and waits for memory meanwhile. Shipped weights are
bfloat16, whose 8 significant bits fit into float16's 11: held in half precision and multiplied in single precision,
which FBGEMM does in its registers, they give the same sums for half the reading. Any other matrix is the sum of two
such.
"""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

SMALLEST_HALF_STEP = 2.0**-25
"""What rounding to float16 loses of the smallest weights, far below what single precision loses of a sum."""

# rows [B, 1, K] -> rows [B, 1, N]
RowProduct = Callable[[Tensor], Tensor]


def has_half_precision() -> bool:
    """Whether this torch, on this processor, multiplies by matrices in half precision."""
    return "fbgemm" in torch.backends.quantized.supported_engines and hasattr(torch, "fbgemm_pack_gemm_matrix_fp16")


def row_product(weight: Tensor) -> RowProduct:
    """x -> x Wᵀ of a float32 matrix W [N, K], to single precision."""
    return in_half_precision(weight) if has_half_precision() else in_single_precision(weight)


def in_half_precision(weight: Tensor) -> RowProduct:
    """`row_product` by FBGEMM."""
    high = weight.half().float()
    low = weight - high
    with warnings.catch_warnings():
        # The successor, torch.ops.quantized.linear_dynamic_fp16, spends longer on each call than most products take.
        warnings.filterwarnings("ignore", message="fbgemm_.* is deprecated")
        product = _packed(high)
        if low.abs().max() <= SMALLEST_HALF_STEP:
            return product
        rest = _packed(low)
    return lambda x: product(x).add_(rest(x))


def _packed(weight: Tensor) -> RowProduct:
    packed, multiply = torch.fbgemm_pack_gemm_matrix_fp16(weight), torch.fbgemm_linear_fp16_weight_fp32_activation
    multiply(torch.zeros(1, weight.shape[1]), packed, None)  # warns where it is first used in a process
    return lambda x: multiply(x, packed, None)


def in_single_precision(weight: Tensor) -> RowProduct:
    """`row_product` for other processors: a matrix-vector product for each row.

    A matrix-matrix product would round a row differently with the number of rows. Laid out so that memory is read in
    one stream.
    """
    columns = weight.T.contiguous()
    return lambda x: torch.bmm(x, columns.expand(len(x), -1, -1))
