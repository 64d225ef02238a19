"""One network, two readings: notes after notes, and phrases as codes with the notes behind them.

The trunk reads what has been played and knows nothing of any code. `events` predicts each note from its state: exact.
`vqvae` first pays for the phrase's codes, z = enc(x), predicted from the trunk's state before the phrase, and then for
its notes under the decoder, which is the trunk's states told the codes:

    -log p(x) <= sum over phrases [ -log p(z | past) - log p(x | z, past) ].

The past of a phrase is notes and what follows from them, never a drawn code, so the sum over the codes of a phrase
belongs to that phrase alone: p(x | past) = sum over z of p(z | past) p(x | z, past), any part of which is a bound.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from symbolic.models.copying import NEVER, Recent
from symbolic.models.copying import Past as RecentPast
from symbolic.models.event_gpt import EventEmbedding, scored_cells
from symbolic.models.head import AutoregressiveHead, nats_of
from symbolic.models.phrases.blocks import WindowCache, WindowTransformer
from symbolic.models.phrases.codec import PhraseDecoder, PhraseEncoder, PhraseQuantiser
from symbolic.models.phrases.config import PhraseConfig
from symbolic.models.phrases.prior import CodeHead, PhrasePrior, PriorPast
from symbolic.tokens.events import ATTRIBUTES, END, VOCABULARY


@dataclass
class Past:
    """What the model keeps of earlier music: the windows of trunk and prior, what may be copied, and the last event.

    recent: None before the music begins; unread: int64 [B, t, 4], events that have been played and not been read, the
    last one as a rule.
    """

    unread: Tensor
    trunk: WindowCache = field(default_factory=WindowCache)
    prior: PriorPast = field(default_factory=PriorPast)
    recent: RecentPast | None = None

    def hear(self, events: Tensor) -> None:
        """Events int64 [B, S, 4] have been played."""
        self.unread = torch.cat([self.unread, events], dim=1)


class Reading(NamedTuple):
    """What the trunk makes of S events to predict: states [B, S, D], and the recent events of each."""

    states: Tensor
    recent: Recent

    def rows(self, rows: slice) -> "Reading":
        """Some rows of the batch."""
        return Reading(self.states[rows], Recent(*(part[rows] for part in self.recent)))


class Phrases(NamedTuple):
    """Events cut into phrases: events int64 [B, G, P, 4], valid bool [B, G, P], whole bool [B, G].

    whole: complete, or ended by the end of the piece; a phrase that is cut off has no code.
    """

    events: Tensor
    valid: Tensor
    whole: Tensor


class History(nn.Module):
    """What has been played so far, one state per event to predict, over any length.

    Position 0 reads whether a piece begins here or the music is entered mid-way; a style is told there and, in every
    block, at every position.
    """

    def __init__(self, config: PhraseConfig) -> None:
        super().__init__()
        self.opening = nn.Embedding(2, config.width)  # 0: the piece's start, 1: somewhere inside
        self.style = nn.Parameter(torch.zeros(len(config.styles), config.width))
        self.transformer = WindowTransformer(
            layers=config.layers,
            width=config.width,
            heads=config.heads,
            mlp_ratio=config.mlp_ratio,
            window=config.window_events,
            dropout=config.dropout,
            styles=len(config.styles),
        )

    def start(self, mid_piece: Tensor, style: Tensor | None) -> Tensor:
        """What position 0 reads, [B, 1, D]: mid_piece bool [B], style float [B, styles]."""
        opening = self.opening(mid_piece.long())
        return (opening if style is None else opening + style @ self.style)[:, None]


class PhraseGPT(nn.Module):
    """The event model and the VQ-VAE of phrases in one set of weights."""

    name = "phrases"
    terms: tuple[str, ...] = ("value",)

    def __init__(self, config: PhraseConfig) -> None:
        super().__init__()
        self.config = config
        self.context_events = config.window_events
        self.embedding = EventEmbedding(config.width)
        self.history = History(config)
        self.chain = AutoregressiveHead(config.width, config.recent_events)  # the name that weights files know it by
        self.encoder = PhraseEncoder(config)
        self.quantiser = PhraseQuantiser(config)
        self.decoder = PhraseDecoder(config)
        self.code_head = CodeHead(config)
        self.prior = PhrasePrior(config)

    def event_nats(self, events: Tensor, valid: Tensor, mid_piece: Tensor, style: Tensor | None = None) -> Tensor:
        """-log p of every attribute given all before it, zero where nothing is scored: [B, S, 4, 1].

        events int64 [B, S, 4], valid bool [B, S] (padding at the end only), mid_piece bool [B], style float
        [B, styles].
        """
        past = self.opening_past(events)
        memory = None
        if self.config.prior_phrases:
            memory = self.memory(self.encode(self.phrases(events, valid))[0], mid_piece, past)
        reading = self.read(events, past, mid_piece, style, memory)
        return self.note_nats(reading, events, valid)[..., None]

    def opening_past(self, events: Tensor) -> Past:
        """The past of music that begins with these events [B, S, 4]: none."""
        return Past(unread=events[:, :0])

    def read(
        self,
        events: Tensor,
        past: Past,
        mid_piece: Tensor,
        style: Tensor | None = None,
        memory: Tensor | None = None,
    ) -> Reading:
        """The trunk's states before each of S events: state t knows the past and events 0..t-1; the past is moved on.

        memory: [B, G, D] of the phrases that the events belong to, the first event being the first of a phrase.
        """
        past.hear(events[:, :-1])
        reading = self.read_next(past, mid_piece, style, memory)
        past.hear(events[:, -1:])
        return reading

    def read_next(
        self, past: Past, mid_piece: Tensor, style: Tensor | None = None, memory: Tensor | None = None
    ) -> Reading:
        """The states before each event that is unread but the first, and before the next event; none is unread then."""
        events, past.unread = past.unread, past.unread[:, :0]
        embedded = self.embedding(events)
        x = embedded
        if past.trunk.positions == 0:
            x = torch.cat([self.history.start(mid_piece, style), x], dim=1)
        length = x.shape[1]
        if memory is not None:
            x = x + memory.repeat_interleave(self.config.phrase_events, dim=1)[:, :length]
        pointer = self.chain.pointer
        heard = pointer.past(events, embedded, past.recent)
        past.recent = RecentPast(*(part[:, -self.config.recent_events :] for part in heard))
        return Reading(self.history.transformer(x, style, past.trunk), pointer.recent(heard, length))

    def note_nats(self, reading: Reading, events: Tensor, valid: Tensor) -> Tensor:
        """-log p of each attribute of the S events that were read, [B, S, 4]; zero where nothing is scored."""
        nats = []

        def given(attribute: str, hidden: Tensor, copy_logits: Tensor) -> Tensor:
            value = events[..., ATTRIBUTES.index(attribute)]
            nats.append(nats_of(self.chain.logits(attribute, hidden, copy_logits), value))
            return value

        self.chain.walk(reading.states, reading.recent, given)
        return torch.stack(nats, dim=-1) * scored_cells(events, valid)

    def phrases(self, events: Tensor, valid: Tensor) -> Phrases:
        """Events int64 [B, S, 4], valid bool [B, S] cut into phrases, the last one padded."""
        size = self.config.phrase_events
        missing = -events.shape[1] % size
        events = F.pad(events, (0, 0, 0, missing)).unflatten(1, (-1, size))
        valid = F.pad(valid, (0, missing)).unflatten(1, (-1, size))
        ended = (valid & (events[..., 0] == END)).any(-1)
        return Phrases(events, valid, valid.all(-1) | ended)

    def encode(self, phrases: Phrases) -> tuple[Tensor, Tensor]:
        """(values [B, G, stages, levels], codes int64 [B, G, stages]) of phrases."""
        shape = phrases.whole.shape
        values, codes = self.quantiser(self.encoder(phrases.events.flatten(0, 1), phrases.valid.flatten(0, 1)))
        return values.unflatten(0, shape), codes.unflatten(0, shape)

    def memory(self, values: Tensor, mid_piece: Tensor, past: Past) -> Tensor | None:
        """What the trunk hears of earlier phrases before each of these, [B, G, D]; None where it does not listen.

        values [B, G, stages, levels]. Codes are facts to the prior: no gradient reaches the encoder from here.
        """
        return self.prior(values.detach(), mid_piece, past.prior) if self.config.prior_phrases else None

    def tell(self, reading: Reading, values: Tensor, stages_told: Tensor, blind: Tensor | None = None) -> Reading:
        """A reading of S events whose states are told the codes of their phrases.

        values [B, G, stages, levels], stages_told int64 [B, G]: of so many stages, 0 where the states stay as they are;
        blind bool [B, G]: phrases known by their code alone, with no past to continue or to copy from.
        """
        length, size = reading.states.shape[1], self.config.phrase_events
        blind = torch.zeros_like(stages_told, dtype=torch.bool) if blind is None else blind
        rows = F.pad(reading.states, (0, 0, 0, -length % size)).unflatten(1, (-1, size)).flatten(0, 1)  # [B * G, P, D]
        told = self.decoder(rows, values.flatten(0, 1), stages_told.flatten(), blind.flatten())
        is_blind = blind.repeat_interleave(size, dim=1)[:, :length, None]
        return Reading(
            told.unflatten(0, values.shape[:2]).flatten(1, 2)[:, :length],
            reading.recent._replace(
                pitch=reading.recent.pitch.masked_fill(is_blind, VOCABULARY["pitch"]),
                gap_ticks=reading.recent.gap_ticks.masked_fill(is_blind, NEVER),
            ),
        )

    def code_nats(self, states: Tensor, values: Tensor, codes: Tensor, whole: Tensor) -> Tensor:
        """-log p(code | past) by stage, [B, G, stages], from the trunk's states [B, S, D]; zero where no code is."""
        before_phrase = states[:, :: self.config.phrase_events]  # [B, G, D], knowing nothing of the phrase
        return self.code_head.code_nats(before_phrase, values, codes) * whole[..., None]
