"""A note's attributes predicted in turn from one state.

By the chain rule p(time, pitch, velocity, duration | past) = p(time | past) p(pitch | past, time) ..., each factor a
softmax over its own vocabulary. The cost is a small MLP per attribute instead of a transformer position per attribute.
One walk over the attributes serves scoring and sampling: what differs is who names each value.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from symbolic.models.copying import Pointer, Recent, elapsed_ticks
from symbolic.models.recall import Recalled, RecallVotes
from symbolic.models.transformer import MLP
from symbolic.tokens.events import ATTRIBUTES, REST, VOCABULARY

# (attribute, hidden state [B, S, D], copy logits [B, S, V]) -> the attribute's values int64 [B, S]
Choose = Callable[[str, Tensor, Tensor], Tensor]


class AutoregressiveHead(nn.Module):
    """Predicts time, pitch, velocity and duration one after the other from a state of `width` and the recent events."""

    def __init__(self, width: int, recent_events: int) -> None:
        super().__init__()
        self.position = nn.Parameter(torch.zeros(len(ATTRIBUTES), width))
        self.embeddings = nn.ModuleDict({name: nn.Embedding(VOCABULARY[name], width) for name in ATTRIBUTES})
        self.mlp = nn.ModuleDict({name: MLP(width, 2 * width) for name in ATTRIBUTES})
        self.output = nn.ModuleDict({name: nn.Linear(width, VOCABULARY[name]) for name in ATTRIBUTES})
        self.pointer = Pointer(width, recent_events)
        self.recall = RecallVotes(width)
        self.norm = nn.RMSNorm(width, elementwise_affine=False)
        for layer in self.output.values():  # uniform predictions at the start: a loss of exactly log V
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        for embedding in self.embeddings.values():
            nn.init.normal_(embedding.weight, std=0.02)

    def walk(
        self,
        state: Tensor,
        recent: Recent,
        recalled: Recalled,
        choose: Choose,
        told: Mapping[str, Tensor] = MappingProxyType({}),
    ) -> Tensor:
        """Ask `choose` for each attribute in turn, given what it said before; its answers int64 [B, S, 4].

        state [B, S, D] of the past; `recent` as it stands at the onset before; told: by attribute, what a code adds
        to the copy logits, float [B, S, V].
        """
        values = []
        for name in ATTRIBUTES:
            state, hidden = self._turn(name, state)
            copy_logits = self.pointer.copy_logits(name, hidden, recent)
            if name == "pitch":
                copy_logits = copy_logits + self.recall.pitch_logits(hidden, recalled)
            if name in told:
                copy_logits = copy_logits + told[name]
            value = choose(name, hidden, copy_logits)
            values.append(value)
            if name == "time":
                recent = recent.advance(elapsed_ticks(value))
            state = state + self.embeddings[name](value)
            if name == "pitch":
                state = state + self.recall.manner(value, recalled, self.embeddings)
        return torch.stack(values, dim=-1)

    def time_logits(self, state: Tensor, recent: Recent) -> Tensor:
        """Logits float32 [B, S, V] of the times of the events to predict; see `walk`."""
        _, hidden = self._turn("time", state)
        return self.logits("time", hidden, self.pointer.copy_logits("time", hidden, recent))

    def _turn(self, attribute: str, state: Tensor) -> tuple[Tensor, Tensor]:
        """(the state as it goes on, what the attribute is predicted from), both [B, S, D]."""
        state = state + self.position[ATTRIBUTES.index(attribute)]
        state = state + self.mlp[attribute](self.norm(state))
        return state, self.norm(state)

    def logits(self, attribute: str, hidden: Tensor, copy_logits: Tensor) -> Tensor:
        """Logits of an attribute's values, float32 [..., V]; their softmax is its distribution."""
        return self.output[attribute](hidden).float() + copy_logits


def scored_cells(events: Tensor, valid: Tensor) -> Tensor:
    """Which attributes carry nats: bool [B, S, 4]; REST and END have a time only, padding has nothing.

    events int64 [B, S, 4], valid bool [B, S].
    """
    is_note = valid & (events[..., 0] < REST)
    return torch.stack([valid, is_note, is_note, is_note], dim=-1)


def nats_of(logits: Tensor, target: Tensor) -> Tensor:
    """-log softmax(logits)[target]: logits float32 [..., V], target int64 [...] to float32 [...]."""
    return F.cross_entropy(logits.flatten(0, -2), target.flatten(), reduction="none").view(target.shape)
