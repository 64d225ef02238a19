"""Products of the rows of a batch with a matrix, each row rounded alike whatever rows lie beside it.

Sampling takes one row at a time through every matrix of a model and waits for memory meanwhile. Shipped weights are
bfloat16, whose 8 significant bits fit into float16's 11: held in half precision and multiplied in single precision,
which FBGEMM does in its registers, they give the same sums for half the reading. Any other matrix is the sum of two
such, scaled to where float16 is finest. Where FBGEMM is missing, torch's own float32 product takes its place.

Either library adds up a row in an order that may depend on the number of rows and on the processor. So numbers of rows
are tried out before a matrix is used, and the product is only ever called with those that agree.
"""

import warnings
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

MOST_ROWS = 16
"""The largest number of rows tried out; more rows are multiplied in parts."""
TRIED_ROWS = 4
"""Rows that each number of rows is tried out with."""
LARGEST_EXPONENT = 15
"""Matrices are scaled by a power of two to values below 2 to this power; float16 ends at the next."""
NEGLIGIBLE = 2.0**-22
"""A share of a matrix's largest value that may be lost of any other: less than single precision loses of a sum.

float16 rounds weights below 2**-17 to multiples of 2**-24, and a model has some of those.
"""

# rows [..., K] -> rows [..., N]
Multiply = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Arithmetic:
    """All that decides how sums are rounded while notes are drawn, and so which notes a seed gives.

    Args:
        product: library and precision of the matrix products.
        torch: version of torch.
        cpu_capability: the widest instructions that torch uses on this processor.
        threads: how many torch draws on.
    """

    product: str
    torch: str
    cpu_capability: str
    threads: int = 1

    def __str__(self) -> str:
        return f"{self.product}; torch {self.torch}, {self.cpu_capability}, threads: {self.threads}"

    @classmethod
    def here(cls) -> "Arithmetic":
        """That of this process."""
        product = "FBGEMM, float16 weights" if has_half_precision() else "torch, float32 weights"
        return cls(product, torch.__version__, torch.backends.cpu.get_cpu_capability())


class RowProduct:
    """x -> x Wᵀ of a float32 matrix W [N, K], to single precision; each row the same to the last bit in any batch."""

    def __init__(self, weight: Tensor) -> None:
        prepare = in_half_precision if has_half_precision() else in_single_precision
        self.multiply = prepare(weight)
        self.outputs, self.inputs = weight.shape
        self.row_counts = agreeing_row_counts(prepare, *weight.shape)

    def __call__(self, x: Tensor) -> Tensor:
        """[..., K] to [..., N]."""
        if x.numel() // self.inputs in self.row_counts:
            return self.multiply(x)
        rows = x.reshape(-1, self.inputs)
        products = torch.cat([self._padded(part) for part in rows.split(self.row_counts[-1])])
        return products.view(*x.shape[:-1], self.outputs)

    def _padded(self, rows: Tensor) -> Tensor:
        """The product of a few rows, multiplied beside as many rows of zeros as an agreeing number needs."""
        row_count = next(count for count in self.row_counts if count >= len(rows))
        return self.multiply(F.pad(rows, (0, 0, 0, row_count - len(rows))))[: len(rows)]


@cache
def agreeing_row_counts(prepare: Callable[[Tensor], Multiply], outputs: int, inputs: int) -> tuple[int, ...]:
    """The numbers of rows, of 1..MOST_ROWS, that multiply a row alike, wherever it stands; the most that do, rising.

    Tried out on a matrix of this shape with the same row in all places, for a few rows whose products are 0 but for
    rounding: so sums in different orders differ in almost every bit. A single row agrees with itself, so there is at
    least one number.
    """
    generator = torch.Generator().manual_seed(1)
    half = inputs // 2
    order = torch.randperm(half, generator=generator)
    weight, rows = torch.randn(outputs, half, generator=generator), torch.randn(TRIED_ROWS, half, generator=generator)
    odd = (0, inputs % 2)
    multiply = prepare(F.pad(torch.cat([weight, weight[:, order]], dim=-1), odd))
    rows = F.pad(torch.cat([rows, -rows[:, order]], dim=-1), odd)
    counts_by_products = defaultdict(list)
    for count in range(1, MOST_ROWS + 1):
        products = torch.stack([multiply(row.expand(count, -1)) for row in rows])  # [TRIED_ROWS, count, N]
        if (products == products[:, :1]).all():
            counts_by_products[products[:, 0].numpy().tobytes()].append(count)
    return tuple(max(counts_by_products.values(), key=len))


def has_half_precision() -> bool:
    """Whether this torch, on this processor, multiplies by matrices in half precision."""
    names = ("fbgemm_pack_gemm_matrix_fp16", "fbgemm_linear_fp16_weight_fp32_activation")
    return "fbgemm" in torch.backends.quantized.supported_engines and all(hasattr(torch, name) for name in names)


def in_half_precision(weight: Tensor) -> Multiply:
    """The product by FBGEMM."""
    largest = weight.abs().max()
    if (weight - weight.half()).abs().max() <= NEGLIGIBLE * largest:
        return _packed(weight)
    exponent = LARGEST_EXPONENT - int(torch.frexp(largest).exponent)
    scaled = weight * 2.0**exponent
    high = scaled.half().float()
    product, rest, scale_back = _packed(high), _packed(scaled - high), torch.tensor(2.0**-exponent)
    return lambda x: product(x).add_(rest(x)).mul_(scale_back)


def _packed(weight: Tensor) -> Multiply:
    with warnings.catch_warnings():
        # torch means to drop these two functions; `has_half_precision` then says so and float32 takes over. Their
        # successor, torch.ops.quantized.linear_dynamic_fp16, spends longer on each call than most products take.
        warnings.filterwarnings("ignore", message="fbgemm_.* is deprecated")
        packed, multiply = torch.fbgemm_pack_gemm_matrix_fp16(weight), torch.fbgemm_linear_fp16_weight_fp32_activation
        multiply(torch.zeros(1, weight.shape[1]), packed, None)  # each warns where it is first used in a process
    return lambda x: multiply(x, packed, None)


def in_single_precision(weight: Tensor) -> Multiply:
    """The product by what torch multiplies float32 matrices with."""
    return lambda x: F.linear(x.contiguous(), weight)  # of other strides, torch might multiply row by row
