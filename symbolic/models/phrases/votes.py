"""Voting for a slot's pitch: what has been played and what is recalled make the pitches of a code likelier.

What predicts a code would have to spell out each pitch from its state alone. So each of the last notes and of those
recalled adds to its own pitch, by how much the places are alike (compare `symbolic.models.copying`). Notes struck with
the one before and notes after it are voted for apart.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from symbolic.models.phrases.blocks import rms_norm
from symbolic.models.phrases.codec import NOTHING, PITCHES, SlotEmbedding, moved_ticks
from symbolic.models.recall import BEST, FOLLOWING, PITCH, Recalled

PLACES = 2
"""Of a note: together with the one before it, or after it."""
QUERY_WIDTH = 32


class Heard(NamedTuple):
    """What is known before each of N phrases.

    states float [N, R, D]: the trunk's last ones, the last one last, there bool [N, R]: which there are; pitch int64
    [N, r]: of the last r < R events, NOTHING where there is no note; recalled: before the phrase's first event, S = 1.
    """

    states: Tensor
    there: Tensor
    pitch: Tensor
    recalled: Recalled


class Votes(nn.Module):
    """What the last notes and those recalled add to the scores of the pitches of slots; nothing at the start."""

    def __init__(self, slots: int, width: int, heard_states: int) -> None:
        super().__init__()
        self.slots = slots
        self.key = nn.Linear(2 * width, PLACES * QUERY_WIDTH, bias=False)
        self.query = nn.Linear(width, PLACES * QUERY_WIDTH)
        self.lag = nn.Parameter(torch.zeros(PLACES, 1, heard_states))
        self.recalled = nn.Linear(width, PLACES * FOLLOWING)
        self.agreement = nn.Embedding(BEST + 1, slots * FOLLOWING)
        for layer in (self.query, self.recalled, self.agreement):
            nn.init.zeros_(layer.weight)
        for layer in (self.query, self.recalled):
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, heard: Heard) -> Tensor:
        """x [N, T, D] before the first T slots to [N, PLACES, T, PITCHES]."""
        reach, recalled = heard.pitch.shape[1], heard.recalled
        states = rms_norm(heard.states[:, -(reach + 1) :])
        beside = torch.cat([states[:, :-1], states[:, 1:]], dim=-1)  # before and after each of the last notes
        key = self.key(beside).unflatten(-1, (PLACES, QUERY_WIDTH)).transpose(1, 2)
        query = self.query(x).unflatten(-1, (PLACES, QUERY_WIDTH)).transpose(1, 2)
        of_recent = query @ key.mT + self.lag[..., self.lag.shape[-1] - reach :]  # [N, PLACES, T, r]
        of_recalled = self.recalled(x).unflatten(-1, (PLACES, FOLLOWING)).transpose(1, 2)
        by_place = self.agreement(recalled.agreement[:, 0]).unflatten(-1, (self.slots, FOLLOWING))[:, None]
        of_recalled = (of_recalled + by_place[:, :, : x.shape[1]]) * recalled.is_note[:, None]  # [N, PLACES, T, F]
        pitch = torch.cat([heard.pitch, recalled.events[:, 0, :, PITCH]], dim=-1)[:, None, None]
        weight = torch.cat([of_recent, of_recalled], dim=-1).float()
        votes = weight.new_zeros((*weight.shape[:-1], PITCHES)).scatter_add(-1, pitch.expand_as(weight), weight)
        votes[..., NOTHING] = 0.0  # where there is no note
        return votes


class RecalledSketch(nn.Module):
    """What the phrase that is recalled, read as a sketch, adds before each part of a code; nothing at the start."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.agreement = nn.Embedding(BEST + 1, width)
        self.length, self.slots = (nn.Linear(width, width, bias=False) for _ in range(2))
        nn.init.normal_(self.agreement.weight, std=0.5)
        for layer in (self.length, self.slots):
            nn.init.zeros_(layer.weight)

    def forward(self, recalled: Recalled, embedding: SlotEmbedding) -> Tensor:
        """Recalled before N phrases, S = 1, to [N, 1 + slots, D]; slots beyond the events recalled are told nothing."""
        events, is_note = recalled.events[:, 0, : embedding.slots], recalled.is_note[:, 0, : embedding.slots]
        onset_ticks = (moved_ticks(events[..., 0]) * is_note).cumsum(-1)
        pitch = events[..., PITCH].masked_fill(~is_note, NOTHING)
        sketch = embedding(onset_ticks, pitch, onset_ticks[:, -1]) + self.agreement(recalled.agreement)
        sketch = rms_norm(sketch) * is_note.any(-1)[:, None, None]
        missing = embedding.slots - sketch.shape[1]
        return torch.cat([self.length(sketch[:, -1:]), F.pad(self.slots(sketch), (0, 0, 0, missing))], dim=1)
