"""What the transformers are made of beside attention: rotary positions and the perceptron of a block."""

import torch.nn.functional as F
from torch import Tensor, nn


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the two halves of head vectors x [..., W] by its position's angle; cos, sin [..., W] (Su et al. 2021)."""
    return x * cos.to(x.dtype) + x.roll(x.shape[-1] // 2, -1) * sin.to(x.dtype)


class MLP(nn.Module):
    """Two-layer perceptron with squared ReLU (So et al. 2021), its last matrix zero at the start."""

    def __init__(self, width: int, hidden: int, source_width: int | None = None) -> None:
        super().__init__()
        self.up = nn.Linear(source_width or width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)
        nn.init.zeros_(self.down.weight)

    def forward(self, x: Tensor) -> Tensor:
        """[..., source_width] to [..., width]; source_width is the width unless it is given."""
        return self.down(F.relu(self.up(x)).square())
