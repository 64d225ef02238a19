"""The decoder-only transformer over events, and the `History` trunk that it shares with the transformer over codes."""

import torch
from torch import Tensor, nn

from symbolic.chain import Chain, Choose, Step
from symbolic.configs import GPTConfig
from symbolic.events import ATTRIBUTES, REST, VOCABULARY
from symbolic.transformer import KVCache, Transformer

NOTE_STEPS = tuple(Step(name, VOCABULARY[name]) for name in ATTRIBUTES)


def scored_cells(events: Tensor, valid: Tensor) -> Tensor:
    """Which attributes carry nats: bool [B, S, 4]; REST and END have a time only, padding has nothing.

    events int64 [B, S, 4], valid bool [B, S].
    """
    is_note = valid & (events[..., 0] < REST)
    return torch.stack([valid, is_note, is_note, is_note], dim=-1)


class EventEmbedding(nn.Module):
    """The sum of an embedding per attribute and slot: patches [..., P, 4] to [..., D]."""

    def __init__(self, slots: int, width: int) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(step.vocabulary, width) for _ in range(slots) for step in NOTE_STEPS)
        for table in self.tables:
            nn.init.normal_(table.weight, std=0.5)

    def forward(self, patches: Tensor) -> Tensor:
        """Patches int64 [..., P, 4] to [..., D]."""
        values = patches.flatten(-2)  # [..., 4 P]
        return sum(table(values[..., index]) for index, table in enumerate(self.tables))


class History(nn.Module):
    """What has been played so far, as one state per patch: state t knows patches 0..t-1 and nothing later.

    Position 0 reads a learned vector that says whether a piece begins here or the music is entered mid-way.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.opening = nn.Embedding(2, config.width)  # 0: the piece's start, 1: somewhere inside
        self.transformer = Transformer(config)

    def forward(self, patches: Tensor, mid_piece: Tensor, cache: KVCache | None = None) -> Tensor:
        """Embedded patches [B, T, D] and mid_piece bool [B] to states [B, T + 1, D]; a cache must be empty."""
        opening = self.opening(mid_piece.long())[:, None]  # [B, 1, D]
        return self.transformer(torch.cat([opening, patches], dim=1), cache)

    def step(self, patch: Tensor, cache: KVCache) -> Tensor:
        """Append one embedded patch [B, D] to the cache; the state [B, D] of the patch to come."""
        return self.transformer(patch[:, None], cache)[:, -1]


class EventGPT(nn.Module):
    """The event model: exact log-likelihoods of notes, one position a note, its attributes predicted in turn."""

    name = "events"
    columns = ATTRIBUTES
    notes_per_patch = 1

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.context_events = config.context_patches
        self.embedding = EventEmbedding(1, config.width)
        self.history = History(config)
        self.chain = Chain(NOTE_STEPS, config.width)

    def event_nats(self, events: Tensor, valid: Tensor, mid_piece: Tensor) -> Tensor:
        """-log p of every attribute given all before it, zero where nothing is scored.

        events int64 [B, S, 4], valid bool [B, S] (padding at the end only), mid_piece bool [B]; [B, S, 4].
        """
        states = self.history(self.embed(events[:, :-1, None]), mid_piece)  # [B, S, D]
        return self.chain.nats(states, events) * scored_cells(events, valid)

    def embed(self, patches: Tensor) -> Tensor:
        """Patches int64 [B, T, 1, 4] as the history reads them, [B, T, D]."""
        return self.embedding(patches)

    def sample_patch(self, state: Tensor, choose: Choose, choose_code: Choose) -> Tensor:
        """The next patch [B, 1, 4] from its state [B, D], drawn by `choose`; there are no codes to choose."""
        del choose_code
        return self.chain.sample(state, choose)[:, None]
