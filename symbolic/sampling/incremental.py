"""Incremental decoding: B pieces of a model drawn one event at a time, keys and values of the past kept.

The model's own modules do it, over a cache; what scores an event also draws it.
"""

import torch
from torch import Tensor

from symbolic.models.event_gpt import EventGPT
from symbolic.models.head import Choose
from symbolic.models.transformer import KVCache


class IncrementalDecoder:
    """The next event of B pieces: `open` a window, then `next_event` and `append` in turn.

    Args:
        model: whose distribution the events come from.
        batch: pieces beside each other.
    """

    def __init__(self, model: EventGPT, batch: int) -> None:
        self.model, self.batch = model, batch
        self.cache = KVCache(model.config, batch)

    def open(self, events: Tensor, mid_piece: bool, style: Tensor | None, *, alike: bool) -> None:
        """Begin a window with its events int64 [B, S, 4]; style float [styles] or None.

        alike: all rows hold the same events, and one stands for all.
        """
        self.cache.length = 0
        rows, cache = (1, self.cache.first_row()) if alike else (self.batch, self.cache)
        embedded = self.model.embed(events[:rows])  # [rows, S, D]
        opening = torch.full((rows,), mid_piece)
        states = self.model.history(embedded, opening, None if style is None else style[None], cache)
        past = self.model.chain.pointer.past(events[:rows], embedded)
        if alike:
            self.cache.spread_first_row(cache.length)
        self.state = states[:, -1:].expand(self.batch, -1, -1)  # [B, 1, D]
        self.past = past._make(part.expand(self.batch, *part.shape[1:]) for part in past)

    def next_event(self, choose: Choose) -> Tensor:
        """The event int64 [B, 4] that `choose` makes of each attribute's hidden state and copy logits; see the head."""
        head = self.model.chain
        return head.walk(self.state, head.pointer.recent(self.past, positions=1), choose)[:, 0]

    def append(self, event: Tensor) -> None:
        """Go on from an event int64 [B, 4]."""
        embedded = self.model.embed(event[:, None])  # [B, 1, D]
        self.state = self.model.history.transformer(embedded, self.cache)
        self.past = self.model.chain.pointer.past(event[:, None], embedded, before=self.past)
