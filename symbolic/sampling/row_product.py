"""Products of the rows of a batch with a matrix, each row rounded alike whatever rows lie beside it.

Drawing takes one row at a time through every matrix of a model and waits for memory meanwhile. Shipped weights are
bfloat16, whose 8 significant bits fit into float16's 11: held in half precision and multiplied in single precision,
which FBGEMM does in its registers, they give the same sums for half the reading. Any other matrix is the sum of two
such, scaled to where float16 is finest.
"""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

LARGEST_EXPONENT = 15
"""Matrices are scaled by a power of two to values below 2 to this power; float16 ends at the next."""
NEGLIGIBLE = 2.0**-22
"""A share of a matrix's largest value that may be lost of any other: less than single precision loses of a sum.

float16 rounds weights below 2**-17 to multiples of 2**-24, and a model has some of those.
"""

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
    largest = weight.abs().max()
    if (weight - weight.half()).abs().max() <= NEGLIGIBLE * largest:
        return _packed(weight)
    exponent = LARGEST_EXPONENT - int(torch.frexp(largest).exponent)
    scaled = weight * 2.0**exponent
    high = scaled.half().float()
    product, rest, scale_back = _packed(high), _packed(scaled - high), torch.tensor(2.0**-exponent)
    return lambda x: product(x).add_(rest(x)).mul_(scale_back)


def _packed(weight: Tensor) -> RowProduct:
    with warnings.catch_warnings():
        # The successor, torch.ops.quantized.linear_dynamic_fp16, spends longer on each call than most products take.
        warnings.filterwarnings("ignore", message="fbgemm_.* is deprecated")
        packed, multiply = torch.fbgemm_pack_gemm_matrix_fp16(weight), torch.fbgemm_linear_fp16_weight_fp32_activation
        multiply(torch.zeros(1, weight.shape[1]), packed, None)  # each warns where it is first used in a process
    return lambda x: multiply(x, packed, None)


def in_single_precision(weight: Tensor) -> RowProduct:
    """`row_product` for other processors: a matrix-vector product for each row.

    A matrix-matrix product would round a row differently with the number of rows. Laid out so that memory is read in
    one stream.
    """
    columns = weight.T.contiguous()
    return lambda x: torch.bmm(x, columns.expand(len(x), -1, -1))
