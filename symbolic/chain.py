"""Several attributes predicted in turn from one state: the head of every symbolic model.

By the chain rule p(a1, a2, ... | state) = p(a1 | state) p(a2 | state, a1) ..., each factor a softmax over its own
vocabulary. The cost is a small MLP per attribute instead of a transformer position per attribute.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from symbolic.transformer import MLP, rms_norm

# (step index, logits [B, V], values drawn so far int64 [B, index]) -> the drawn values int64 [B]
Choose = Callable[[int, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Step:
    """One attribute of the chain. Steps of the same kind (a patch's pitches, say) share their MLP and output layer."""

    kind: str
    vocabulary: int


class Chain(nn.Module):
    """Predicts the values of `steps` one after the other from a state of `width`."""

    def __init__(self, steps: Sequence[Step], width: int) -> None:
        super().__init__()
        self.steps = tuple(steps)
        self.position = nn.Parameter(torch.zeros(len(self.steps), width))
        self.embeddings = nn.ModuleList(nn.Embedding(step.vocabulary, width) for step in self.steps)
        vocabulary_of_kind = {step.kind: step.vocabulary for step in self.steps}
        self.mlp = nn.ModuleDict({kind: MLP(width, 2 * width) for kind in vocabulary_of_kind})
        self.output = nn.ModuleDict({kind: nn.Linear(width, size) for kind, size in vocabulary_of_kind.items()})
        for layer in self.output.values():  # uniform predictions at the start: a loss of exactly log V
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        for embedding in self.embeddings:
            nn.init.normal_(embedding.weight, std=0.02)

    def nats(self, state: Tensor, values: Tensor) -> Tensor:
        """-log p of each value given the state and the values before it.

        state [..., D], values int64 [..., len(steps)]; float32 [..., len(steps)].
        """
        columns = []
        for index in range(len(self.steps)):
            state, logits = self._predict(index, state)
            target = values[..., index]
            nats = F.cross_entropy(logits.flatten(0, -2).float(), target.flatten(), reduction="none")
            columns.append(nats.view(target.shape))
            state = state + self.embeddings[index](target)
        return torch.stack(columns, dim=-1)

    def sample(self, state: Tensor, choose: Choose) -> Tensor:
        """Draw the values in turn: `choose(index, logits [B, V], values so far [B, index])` returns int64 [B].

        state [B, D]; int64 [B, len(steps)].
        """
        values = state.new_zeros((state.shape[0], 0), dtype=torch.long)
        for index in range(len(self.steps)):
            state, logits = self._predict(index, state)
            value = choose(index, logits.float(), values)
            values = torch.cat([values, value[:, None]], dim=1)
            state = state + self.embeddings[index](value)
        return values

    def _predict(self, index: int, state: Tensor) -> tuple[Tensor, Tensor]:
        """The state [..., D] moved to step `index`, and the step's logits [..., V]."""
        kind = self.steps[index].kind
        state = state + self.position[index]
        state = state + self.mlp[kind](rms_norm(state))
        return state, self.output[kind](rms_norm(state))
