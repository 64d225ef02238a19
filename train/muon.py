"""Muon in the precision of the weights, matrices of one shape together.

torch.optim.Muon orthogonalises in bfloat16, matrix by matrix; on a processor without bfloat16 products that took as
long as a training step itself (1.33 s for the 32 matrices of the event model, here 0.25 s). Same updates otherwise.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

QUINTIC = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5


def orthogonalised(matrices: Tensor) -> Tensor:
    """Matrices [N, A, B] with all singular values moved near 1 (Jordan et al. 2024, "Muon", five quintic iterations).

    Each iteration multiplies by a polynomial of the Gram matrix, and those commute: so they are multiplied up on the
    smaller side, and the matrix itself takes part once.
    """
    if matrices.shape[-2] > matrices.shape[-1]:
        return orthogonalised(matrices.mT).mT
    a, b, c = QUINTIC
    matrices = matrices / matrices.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    gram = matrices @ matrices.mT
    product = None
    for iteration in range(ITERATIONS):
        factor = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        factor.diagonal(dim1=-2, dim2=-1).add_(a)
        product = factor if product is None else factor @ product
        if iteration < ITERATIONS - 1:
            gram = factor @ (gram @ factor)
    return product @ matrices


class Muon(torch.optim.Optimizer):
    """Momentum whose update of each matrix is orthogonalised; updates of tall matrices are larger by sqrt(A / B)."""

    def __init__(
        self, matrices: Iterable[nn.Parameter], *, lr: float, momentum: float = 0.95, weight_decay: float = 0.1
    ) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One step; matrices without a gradient stay as they are."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            of_shape = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    of_shape[parameter.shape].append(parameter)
            for (rows, columns), parameters in of_shape.items():
                updates = orthogonalised(torch.stack([self._momentum(p, group["momentum"]) for p in parameters]))
                for parameter, update in zip(parameters, updates, strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(update, alpha=-group["lr"] * max(1.0, rows / columns) ** 0.5)
        return loss

    def _momentum(self, parameter: nn.Parameter, momentum: float) -> Tensor:
        """The gradient with Nesterov momentum; the buffer is moved on."""
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter.grad)
        buffer = state["momentum_buffer"].lerp_(parameter.grad, 1 - momentum)
        return parameter.grad.lerp(buffer, momentum)
