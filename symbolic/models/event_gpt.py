"""The decoder-only transformer over events, on which `symbolic.models.code_gpt` builds the one over codes."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from symbolic.models.configs import GPTConfig
from symbolic.models.head import AutoregressiveHead, nats_of
from symbolic.models.transformer import KVCache, Transformer
from symbolic.tokens.events import ATTRIBUTES, REST, VOCABULARY

# (attribute, hidden [B, S, D], copy logits [B, S, V], value int64 [B, S]) -> nats by term [B, S, terms]
NatsOfValue = Callable[[str, Tensor, Tensor, Tensor], Tensor]
# logits [B, K] of an attribute's codes -> codes int64 [B]
ChooseCode = Callable[[str, Tensor], Tensor]


def scored_cells(events: Tensor, valid: Tensor) -> Tensor:
    """Which attributes carry nats: bool [B, S, 4]; REST and END have a time only, padding has nothing.

    events int64 [B, S, 4], valid bool [B, S].
    """
    is_note = valid & (events[..., 0] < REST)
    return torch.stack([valid, is_note, is_note, is_note], dim=-1)


class EventEmbedding(nn.Module):
    """The sum of an embedding per attribute: events int64 [..., 4] to [..., D]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(VOCABULARY[name], width) for name in ATTRIBUTES)
        for table in self.tables:
            nn.init.normal_(table.weight, std=0.5)

    def forward(self, events: Tensor) -> Tensor:
        """Events int64 [..., 4] to [..., D]."""
        return sum(table(events[..., index]) for index, table in enumerate(self.tables))


class History(nn.Module):
    """What has been played so far, as one state per event: state t knows events 0..t-1 and nothing later.

    Position 0 reads what is known beforehand: whether a piece begins here or the music is entered mid-way, and the
    style, where one is given.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.opening = nn.Embedding(2, config.width)  # 0: the piece's start, 1: somewhere inside
        self.style = nn.Parameter(torch.zeros(len(config.styles), config.width))
        self.transformer = Transformer(config)

    def forward(
        self, embedded: Tensor, mid_piece: Tensor, style: Tensor | None = None, cache: KVCache | None = None
    ) -> Tensor:
        """Embedded events [B, T, D], mid_piece bool [B], style float [B, len(config.styles)] to states [B, T + 1, D].

        style: the weight of each composer and era, all zero (or None) where nothing is known of it; a cache is filled
        with the transformer's keys and values.
        """
        opening = self.opening(mid_piece.long())  # [B, D]
        if style is not None:
            opening = opening + style @ self.style
        return self.transformer(torch.cat([opening[:, None], embedded], dim=1), cache)


class EventGPT(nn.Module):
    """The event model: exact log-likelihoods of notes, one position a note, its attributes predicted in turn."""

    name = "events"
    terms: tuple[str, ...] = ("value",)  # what the nats of an attribute consist of

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.context_events = config.context_events
        self.embedding = EventEmbedding(config.width)
        self.history = History(config)
        self.chain = AutoregressiveHead(config.width, config.recent_events)  # the name that weights files know it by

    def event_nats(self, events: Tensor, valid: Tensor, mid_piece: Tensor, style: Tensor | None = None) -> Tensor:
        """-log p of every attribute given all before it by term, zero where nothing is scored: [B, S, 4, terms].

        events int64 [B, S, 4], valid bool [B, S] (padding at the end only), mid_piece bool [B], style as in History.
        """
        return self.walk_nats(events, valid, mid_piece, style, self.attribute_nats)

    def walk_nats(
        self, events: Tensor, valid: Tensor, mid_piece: Tensor, style: Tensor | None, nats_of_value: NatsOfValue
    ) -> Tensor:
        """`event_nats` with the terms of each attribute's value as `nats_of_value` gives them."""
        past = events[:, :-1]
        embedded = self.embed(past)
        states = self.history(embedded, mid_piece, style)  # [B, S, D]
        pointer = self.chain.pointer
        nats = []

        def given(attribute: str, hidden: Tensor, copy_logits: Tensor) -> Tensor:
            value = events[..., ATTRIBUTES.index(attribute)]
            nats.append(nats_of_value(attribute, hidden, copy_logits, value))
            return value

        recent = pointer.recent(pointer.past(past, embedded), positions=events.shape[1])
        self.chain.walk(states, recent, given)
        return torch.stack(nats, dim=2) * scored_cells(events, valid)[..., None]

    def embed(self, events: Tensor) -> Tensor:
        """Events int64 [..., 4] as the history reads them, [..., D]."""
        return self.embedding(events)

    def attribute_nats(self, attribute: str, hidden: Tensor, copy_logits: Tensor, value: Tensor) -> Tensor:
        """The terms of -log p(value), [..., terms]; hidden [..., D], copy_logits [..., V], value int64 [...]."""
        return self.attribute_bound_nats(attribute, hidden, copy_logits, value)[..., None]

    def attribute_bound_nats(self, attribute: str, hidden: Tensor, copy_logits: Tensor, value: Tensor) -> Tensor:
        """What of `attribute_nats` makes up a score, the nats of a value and of its code where it has one, [...]."""
        return nats_of(self.chain.logits(attribute, hidden, copy_logits), value)

    def given_code(self, attribute: str, hidden: Tensor, context: Tensor, choose_code: ChooseCode) -> Tensor:
        """Logits float32 [..., V] of an attribute's values, of those without a code: `context`, the head's own.

        hidden [..., D]; context may have values ruled out, at -inf.
        """
        del attribute, hidden, choose_code
        return context
