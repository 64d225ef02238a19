"""Products of the rows of a batch with a matrix, each row rounded alike whatever rows lie beside it.

Drawing takes one row at a time through every matrix of a model and waits for memory meanwhile. Shipped weights are
bfloat16, whose 8 significant bits fit into float16's 11: held in half precision, scaled so that the small ones fit as
well, and multiplied in single precision, which FBGEMM does in its registers, they give the same sums for half the
reading. Any other matrix is the sum of two such.
"""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

LARGEST_EXPONENT = 15
"""Matrices are scaled by a power of two to values below 2 to this power, where float16 ends."""
NEGLIGIBLE = 2.0**-24
"""What is left of a scaled matrix, whose largest value is 2**14 or more, beneath any step of a float16."""

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
    exponent = LARGEST_EXPONENT - int(torch.frexp(weight.abs().max()).exponent)
    scaled = torch.ldexp(weight, torch.tensor(exponent))
    high = scaled.half().float()
    low = scaled - high
    scale_back = torch.tensor(2.0**-exponent)
    with warnings.catch_warnings():
        # The successor, torch.ops.quantized.linear_dynamic_fp16, spends longer on each call than most products take.
        warnings.filterwarnings("ignore", message="fbgemm_.* is deprecated")
        product = _packed(high)
        if low.abs().max() <= NEGLIGIBLE:
            return lambda x: product(x).mul_(scale_back)
        rest = _packed(low)
    return lambda x: product(x).add_(rest(x)).mul_(scale_back)


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
