"""What a code is good for: it tells the trunk's states of a phrase what is to come, slot by slot.

Each state hears the sketch of its own slot, how far ahead that lies of what has been played, how much is left of the
phrase's length, and looks at the sketch as a whole. What the sketch tells of times and pitches is also pointed at: a
logit is added to the values that it names (compare `symbolic.models.copying`).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from symbolic.models.phrases.blocks import ContextAttention, PhraseAttention, rms_norm
from symbolic.models.phrases.codec import (
    LEFT_OUT,
    NEAR_TICKS,
    NOTHING,
    WAVES,
    Codes,
    SlotEmbedding,
    middle_ticks,
    moved_ticks,
    shortest_ticks,
    wave_features,
)
from symbolic.models.phrases.config import PhraseConfig
from symbolic.models.transformer import MLP
from symbolic.tokens.events import END, REST, VOCABULARY

POINTED = ("time", "pitch")
PLAYED = ("played", "next")
QUERY_WIDTH = 32


class SketchPointer(nn.Module):
    """How much each event of a phrase is to be the note that each slot tells; nothing at the start."""

    def __init__(self, slots: int, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, len(POINTED) * QUERY_WIDTH, bias=False)
        self.key = nn.Linear(width, len(POINTED) * QUERY_WIDTH, bias=False)
        self.lag = nn.Parameter(torch.zeros(len(POINTED), 2 * slots - 1))
        self.slots = slots
        self.of_played = nn.Linear(width, len(POINTED) * len(PLAYED), bias=False)
        for layer in (self.query, self.of_played):
            nn.init.zeros_(layer.weight)

    def forward(self, x: Tensor, said: Tensor, codes: Codes, played: Tensor, elapsed: Tensor) -> dict[str, Tensor]:
        """What `PhraseTeller` adds.

        States x and slots said [N, P, D], played float [N, PLAYED, P, slots], elapsed int64 [N, P] before each event.
        """
        query, key = (
            layer(y).unflatten(-1, (len(POINTED), QUERY_WIDTH)).transpose(1, 2)
            for layer, y in ((self.query, x), (self.key, said))
        )
        place = torch.arange(self.slots, device=x.device)
        weights = query @ key.mT * QUERY_WIDTH**-0.5 + self.lag[:, place[:, None] - place + self.slots - 1]
        of_played = self.of_played(x).unflatten(-1, (len(POINTED), len(PLAYED)))  # [N, events, 2, PLAYED]
        weights = weights + torch.einsum("neak,nkes->naes", of_played, played)
        weights = (weights * (codes.slots != LEFT_OUT)[:, None, None]).float()  # [N, 2, events, slots]
        return {
            "time": _spread(weights[:, 0], codes.onset_ticks[:, None] - elapsed[..., None]),
            "pitch": _scattered(weights[:, 1], codes.pitch[:, None].expand_as(weights[:, 1]), NOTHING),
        }


def played_slots(events: Tensor, codes: Codes) -> Tensor:
    """Before each event, whether each told slot has been played, and whether it is the first that has not.

    events int64 [N, P, 4], codes of N phrases to float [N, PLAYED, P, slots].
    """
    onset_ticks = moved_ticks(events[..., 0]).cumsum(-1)[..., None]
    is_it = (events[..., 1, None] == codes.pitch[:, None]) & (events[..., 0, None] < REST)
    is_it &= (onset_ticks - codes.onset_ticks[:, None]).abs() <= NEAR_TICKS  # [N, events, slots]
    is_played = F.pad(is_it.int().cumsum(1)[:, :-1], (0, 0, 1, 0)) > 0
    is_open = ~is_played & (codes.slots != LEFT_OUT)[:, None]
    is_next = is_open & (is_open.int().cumsum(-1) == 1)
    return torch.stack([is_played, is_next], dim=1).float()


def _spread(weights: Tensor, ahead_ticks: Tensor) -> Tensor:
    """Weights [N, P, slots] given to all times near those int64 [N, P, slots], [N, P, times]."""
    near = torch.arange(-NEAR_TICKS, NEAR_TICKS + 1, device=weights.device)
    times = (ahead_ticks[..., None] + near).flatten(-2)
    return _scattered(weights.repeat_interleave(len(near), dim=-1), times, VOCABULARY["time"])


def _scattered(weights: Tensor, values: Tensor, size: int) -> Tensor:
    """The sum of the weights [N, P, C] of each of `size` values, [N, P, size]; those of other values are dropped."""
    values = torch.where((values >= 0) & (values < size), values, size)
    return weights.new_zeros((*weights.shape[:2], size + 1)).scatter_add(-1, values, weights)[..., :-1]


class PhraseTeller(nn.Module):
    """The trunk's states before a phrase's events, told its code. Untrained it lets the states pass."""

    def __init__(self, config: PhraseConfig) -> None:
        super().__init__()
        width = config.width
        self.code = SlotEmbedding(config.phrase_events, width)
        self.rate = nn.Embedding(config.rates + 1, width)
        self.hint = nn.Linear(width, width, bias=False)
        self.ahead = nn.Linear(2 * 2 * WAVES, width, bias=False)
        self.look = ContextAttention(width, config.heads)
        self.attention = PhraseAttention(width, config.heads)
        self.mlp = nn.ModuleList(MLP(width, 2 * width) for _ in range(2))
        self.pointer = SketchPointer(config.phrase_events, width)
        self.ending = nn.Linear(width, 2)  # for times that end the phrase as its length says, and for longer ones
        for layer in (self.hint, self.ahead, self.ending):
            nn.init.zeros_(layer.weight)
        nn.init.zeros_(self.ending.bias)

    def forward(self, states: Tensor, codes: Codes, rate: Tensor, events: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """states [N, P, D], codes of N phrases, rate int64 [N], events int64 [N, P, 4] to (states, logits added).

        Rate 0: no code, the states stay as they are. The logits [N, P, V] are added to those of times and pitches.
        """
        is_told = (rate > 0)[:, None, None]
        moved = moved_ticks(events[..., 0])
        elapsed = moved.cumsum(-1) - moved  # before each event
        shortest = shortest_ticks(codes.length)[:, None] - elapsed
        longest = shortest_ticks(codes.length + 1)[:, None] - 1 - elapsed
        said = self.code(codes.onset_ticks, codes.pitch, middle_ticks(codes.length)) + self.rate(rate)[:, None]
        said = rms_norm(said)  # [N, P, D]
        ahead = torch.stack([codes.onset_ticks - elapsed, shortest], dim=-1)
        x = states + self.hint(said) + self.ahead(wave_features(ahead).flatten(-2))
        x = x + self.mlp[0](rms_norm(x))
        x = x + self.look(rms_norm(x), self.look.keys(said))
        earlier = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).tril()
        x = x + self.attention(rms_norm(x), earlier)
        x = x + self.mlp[1](rms_norm(x))
        time = torch.arange(VOCABULARY["time"], device=x.device)
        ticks = moved_ticks(time).masked_fill(time == END, -1)  # the end can come at any time
        ends = (ticks >= shortest[..., None]) & (ticks <= longest[..., None])
        exceeds = ticks > longest[..., None]
        ending, exceeding = self.ending(rms_norm(x)).float().split(1, dim=-1)
        logits = self.pointer(rms_norm(x), said, codes, played_slots(events, codes), elapsed)
        logits["time"] = logits["time"] + ending * ends + exceeding * exceeds
        return torch.where(is_told, x, states), {name: scores * is_told for name, scores in logits.items()}
