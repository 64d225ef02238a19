"""Copying: what the last notes add to the logits of the values that the next note may share with them.

Piano performances are full of exact coincidences that a softmax over absolute values cannot express: keys held by one
pedal end on the same tick, and a key struck again ends its earlier note where the new one begins. So each of the last
notes adds to the logit of what it would make likely: a next onset at its own offset, its own pitch, a common offset.
How much is learned from the state, the note and where its offset lies among the others; the softmax over the sum stays
exactly normalised. (Compare Vinyals et al. 2015, "Pointer Networks".)
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from symbolic.models.bands import band_products
from symbolic.tokens.events import REST, REST_TICKS, VOCABULARY

POINTED = ("time", "pitch", "duration")  # no coincidence favours a velocity
QUERY_WIDTH = 32
GAP_BUCKETS = 49
SHARING_BUCKETS = 8
LATER_BUCKETS = 8
LARGEST_GAP_TICKS = 1023
NEVER = torch.iinfo(torch.int32).min  # where the offset of what is no note lies


def elapsed_ticks(time: Tensor) -> Tensor:
    """Ticks by which an event of this time value, not END, moves the clock forward; int64 of the same shape."""
    return time.clamp(max=REST_TICKS)


def copying_tables(recent_events: int) -> dict[str, Tensor]:
    """What `Pointer` looks up, int64, by name.

    gap_bucket [2047]: of gaps of -LARGEST_GAP_TICKS to LARGEST_GAP_TICKS, buckets that widen with a gap's logarithm;
    time_target, duration_target [2047]: the value that copies such a gap, one beyond the vocabulary where none does;
    sharing_bucket, later_bucket [R + 1]: of how many of the recent notes have an offset, and of how many end later.
    """
    gap_ticks = torch.arange(-LARGEST_GAP_TICKS, LARGEST_GAP_TICKS + 1)
    notes = torch.arange(recent_events + 1)
    longest = VOCABULARY["duration"]
    return {
        "gap_bucket": (gap_ticks.sign() * (2.4 * torch.log2(1 + gap_ticks.abs().float())).round()).long()
        + GAP_BUCKETS // 2,
        "time_target": torch.where((gap_ticks >= 0) & (gap_ticks < REST), gap_ticks, VOCABULARY["time"]),
        "duration_target": torch.where((gap_ticks >= 1) & (gap_ticks <= longest), gap_ticks - 1, longest),
        "sharing_bucket": (notes - 1).clamp(0, SHARING_BUCKETS - 1),
        "later_bucket": (1 + notes).float().log2().ceil().long().clamp(max=LATER_BUCKETS - 1),
    }


class Past(NamedTuple):
    """What T events leave for later ones to copy from, the first row before any of them.

    keys float [B, T + 1, 3 W]; facts int64 [B, T + 1, 4]: pitch, whether there is a note, ticks of offset and onset.
    """

    keys: Tensor
    facts: Tensor


class Recent(NamedTuple):
    """The last R events before each of S events to predict, oldest first.

    keys float [B, R + S - 1, 3 W] of all that are among the last R somewhere, pitch int64 [B, S, R] (one beyond the
    vocabulary where there is no note), gap_ticks int64 [B, S, R] from the clock to each note's offset, sharing int64
    [B, S, R] bucket of how many of the notes have that offset, later int64 [B, S, R] bucket of how many end later. The
    clock stands at the onset before the event to predict, then, by `advance`, at its own.
    """

    keys: Tensor
    pitch: Tensor
    gap_ticks: Tensor
    sharing: Tensor
    later: Tensor

    def advance(self, ticks: Tensor) -> "Recent":
        """The same events seen from `ticks` int64 [B, S] later."""
        return self._replace(gap_ticks=self.gap_ticks - ticks[..., None])


class TraitScores(nn.ParameterDict):
    """By attribute, a matrix float [traits, W] that a query's scores of all traits are the product with."""

    def scores(self, attribute: str, query: Tensor) -> Tensor:
        """[..., W] to [..., traits]."""
        return query @ self[attribute].T


class Pointer(nn.Module):
    """What recent notes add to the logits of an event's time, pitch and duration; nothing at the start."""

    def __init__(self, width: int, recent_events: int) -> None:
        super().__init__()
        self.recent_events = recent_events
        rows = recent_events + GAP_BUCKETS + SHARING_BUCKETS + LATER_BUCKETS
        self.key = nn.Linear(width, len(POINTED) * QUERY_WIDTH, bias=False)
        self.query = nn.ModuleDict({name: nn.Linear(width, QUERY_WIDTH) for name in POINTED})
        self.traits = TraitScores({name: 0.5 * torch.randn(rows, QUERY_WIDTH) for name in POINTED})
        for name, table in copying_tables(recent_events).items():
            self.register_buffer(name, table, persistent=False)
        for query in self.query.values():
            nn.init.zeros_(query.weight)
            nn.init.zeros_(query.bias)

    def past(self, events: Tensor, embedded: Tensor, before: Past | None = None) -> Past:
        """What events int64 [B, T, 4] and their embedding [B, T, D] leave, after what of `before` is in their reach."""
        onset = elapsed_ticks(events[..., 0]).cumsum(1)
        if before is not None:
            onset = onset + before.facts[:, -1:, 3]
        offset = onset + (events[..., 3] + 1)
        facts = torch.stack([events[..., 1], events[..., 0] < REST, offset, onset], dim=-1)
        parts = self.key(embedded), facts
        if before is None:
            return Past(*(nn.functional.pad(part, (0, 0, 1, 0)) for part in parts))
        first = max(0, before.facts.shape[1] - (self.recent_events - 1))  # in reach of the first of these events
        return Past(*(torch.cat([old[:, first:], new], dim=1) for old, new in zip(before, parts, strict=True)))

    def recent(self, past: Past, positions: int) -> Recent:
        """What precedes the last `positions` events to predict, the last of them being the one after the past."""
        missing = self.recent_events + positions - 1 - past.facts.shape[1]
        if missing > 0:
            past = Past(*(nn.functional.pad(part, (0, 0, missing, 0)) for part in past))
        keys, facts = (part[:, -(self.recent_events + positions - 1) :] for part in past)
        pitch, is_note, offset, onset = facts.unfold(1, self.recent_events, 1).unbind(2)  # each [B, S, R]
        is_none = is_note == 0
        gap_ticks = (offset - onset[..., -1:]).masked_fill(is_none, NEVER).contiguous()
        rising = gap_ticks.sort(-1)[0]
        up_to = torch.searchsorted(rising, gap_ticks, right=True)  # notes that end no later
        earlier = torch.searchsorted(rising, gap_ticks)
        return Recent(
            keys=keys,
            pitch=pitch.masked_fill(is_none, VOCABULARY["pitch"]),
            gap_ticks=gap_ticks,
            sharing=self.sharing_bucket.take(up_to - earlier),
            later=self.later_bucket.take(self.recent_events - up_to),
        )

    def copy_logits(self, attribute: str, hidden: Tensor, recent: Recent) -> Tensor:
        """What the recent notes add to the logits of `attribute`: hidden [B, S, D] to float32 [B, S, V]."""
        logits = hidden.new_zeros((*hidden.shape[:-1], VOCABULARY[attribute] + 1), dtype=torch.float32)
        if attribute in POINTED:
            query = self.query[attribute](hidden)  # [B, S, W]
            keys = recent.keys.chunk(len(POINTED), dim=2)[POINTED.index(attribute)]  # [B, R + S - 1, W]
            weight = band_products(query, keys)  # [B, S, R]
            lag, *traits = self.traits.scores(attribute, query).split(
                [self.recent_events, GAP_BUCKETS, SHARING_BUCKETS, LATER_BUCKETS], dim=-1
            )
            weight = weight + lag
            gap = recent.gap_ticks.clamp(-LARGEST_GAP_TICKS, LARGEST_GAP_TICKS) + LARGEST_GAP_TICKS
            for trait, bucket in zip(traits, (self.gap_bucket.take(gap), recent.sharing, recent.later), strict=True):
                weight = weight + trait.gather(-1, bucket)
            target = recent.pitch if attribute == "pitch" else self.get_buffer(f"{attribute}_target").take(gap)
            logits = logits.scatter_add(-1, target, weight.float())
        return logits[..., :-1]
