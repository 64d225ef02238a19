"""Pointers: the last notes vote for the values that the next note may share with them.

Piano performances are full of exact coincidences that a softmax over absolute values cannot express: keys held by one
pedal end on the same tick, and a key struck again ends its earlier note where the new one begins. So each of the last
notes votes for what it would make likely: a next onset at its own offset, its own pitch, a common offset. A vote's
weight is learned from the state, the note and where its offset lies among the others; the votes are added to the
logits, so that the softmax over them stays exactly normalised. (Compare Vinyals et al. 2015, "Pointer Networks".)
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from symbolic.tokens.events import REST, REST_TICKS, VOCABULARY

POINTED = ("time", "pitch", "duration")  # no coincidence favours a velocity
VOTE_WIDTH = 32
GAP_BUCKETS = 49
SHARING_BUCKETS = 8
LATER_BUCKETS = 8
LARGEST_GAP_TICKS = 1023
NEVER = torch.iinfo(torch.int32).min  # where the offset of what is no note lies


def elapsed_ticks(time: Tensor) -> Tensor:
    """Ticks by which an event of this time value, not END, moves the clock forward; int64 of the same shape."""
    return time.clamp(max=REST_TICKS)


def gap_bucket(gap_ticks: Tensor) -> Tensor:
    """Signed gaps in ticks to 49 buckets that widen with the logarithm of the gap, int64 of the same shape."""
    size = gap_ticks.abs().clamp(max=LARGEST_GAP_TICKS).float()
    return (gap_ticks.sign() * (2.4 * torch.log2(1 + size)).round()).long() + GAP_BUCKETS // 2


def sharing_bucket(notes: Tensor) -> Tensor:
    """Of how many of the recent notes, 1 or more, have one offset: int64 of the same shape, 0..7."""
    return notes.clamp(max=SHARING_BUCKETS) - 1


def later_bucket(notes: Tensor) -> Tensor:
    """Of how many of the recent notes end later: int64 of the same shape, 0..7, widening with the logarithm."""
    return (1 + notes).float().log2().ceil().long().clamp(max=LATER_BUCKETS - 1)


class Recent(NamedTuple):
    """The last R events before each of S events to predict, oldest first.

    keys float [B, S, 3 W, R], pitch int64 [B, S, R], gap_ticks int64 [B, S, R] from the clock to each note's offset,
    sharing int64 [B, S, R] bucket of how many of the notes have that offset, later int64 [B, S, R] bucket of how many
    end later, is_note bool [B, S, R]. The clock stands at the onset before the event to predict, then, by `advance`, at
    its own.
    """

    keys: Tensor
    pitch: Tensor
    gap_ticks: Tensor
    sharing: Tensor
    later: Tensor
    is_note: Tensor

    def advance(self, ticks: Tensor) -> "Recent":
        """The same events seen from `ticks` int64 [B, S] later."""
        return self._replace(gap_ticks=self.gap_ticks - ticks[..., None])


class Pointer(nn.Module):
    """Votes of the recent notes on an event's time, pitch and duration; no vote weighs anything at the start."""

    def __init__(self, width: int, recent_events: int) -> None:
        super().__init__()
        self.recent_events = recent_events
        rows = recent_events + GAP_BUCKETS + SHARING_BUCKETS + LATER_BUCKETS
        self.key = nn.Linear(width, len(POINTED) * VOTE_WIDTH, bias=False)
        self.query = nn.ModuleDict({name: nn.Linear(width, VOTE_WIDTH) for name in POINTED})
        self.traits = nn.ParameterDict({name: 0.5 * torch.randn(rows, VOTE_WIDTH) for name in POINTED})
        for query in self.query.values():
            nn.init.zeros_(query.weight)
            nn.init.zeros_(query.bias)

    def recent(self, events: Tensor, embedded: Tensor, positions: int) -> Recent:
        """What precedes the last `positions` events to predict, given the events before them.

        events int64 [B, T, 4] and their embedding [B, T, D]; the last event to predict is the one after event T - 1.
        """

        def recent_of(x: Tensor) -> Tensor:
            missing = self.recent_events + positions - 1 - x.shape[1]
            return nn.functional.pad(x, (0, 0, missing, 0)).unfold(1, self.recent_events, 1)  # [B, S, C, R]

        clock = elapsed_ticks(events[..., 0]).cumsum(1)  # [B, T], the onset of each event
        now = nn.functional.pad(clock, (1, 0))[:, -positions:, None]  # [B, S, 1]
        facts = torch.stack([events[..., 1], clock + events[..., 3] + 1, (events[..., 0] < REST).long()], dim=-1)
        pitch, offset, is_note = recent_of(facts).unbind(2)  # each [B, S, R]
        is_note = is_note > 0
        offset = torch.where(is_note, offset - now, NEVER).int()
        sharing = (offset[..., :, None] == offset[..., None, :]).sum(-1)
        later = (offset[..., :, None] < offset[..., None, :]).sum(-1)
        return Recent(
            keys=recent_of(self.key(embedded)),
            pitch=pitch,
            gap_ticks=offset.long(),
            sharing=sharing_bucket(sharing),
            later=later_bucket(later),
            is_note=is_note,
        )

    def votes(self, attribute: str, hidden: Tensor, recent: Recent) -> Tensor:
        """What the recent notes add to the logits of `attribute`: hidden [B, S, D] to float32 [B, S, V]."""
        logits = hidden.new_zeros((*hidden.shape[:-1], VOCABULARY[attribute]), dtype=torch.float32)
        if attribute not in POINTED:
            return logits
        target, counts = _targets(attribute, recent)
        query = self.query[attribute](hidden)  # [B, S, W]
        keys = recent.keys.chunk(len(POINTED), dim=2)[POINTED.index(attribute)]  # [B, S, W, R]
        weight = (query[..., None, :] @ keys)[..., 0, :]  # [B, S, R]
        lag, *traits = (query @ self.traits[attribute].T).split(
            [self.recent_events, GAP_BUCKETS, SHARING_BUCKETS, LATER_BUCKETS], dim=-1
        )
        weight = weight + lag
        for trait, bucket in zip(traits, (gap_bucket(recent.gap_ticks), recent.sharing, recent.later), strict=True):
            weight = weight + trait.gather(-1, bucket)
        return logits.scatter_add(-1, torch.where(counts, target, 0), torch.where(counts, weight.float(), 0.0))


def _targets(attribute: str, recent: Recent) -> tuple[Tensor, Tensor]:
    """The value each note votes for, int64 [B, S, R], and whether it can, bool [B, S, R]."""
    if attribute == "pitch":
        return recent.pitch, recent.is_note
    if attribute == "time":
        target, size = recent.gap_ticks, REST
    else:
        target, size = recent.gap_ticks - 1, VOCABULARY["duration"]
    return target, recent.is_note & (target >= 0) & (target < size)
