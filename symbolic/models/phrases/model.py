"""One network, two readings: notes after notes, and phrases as codes with the notes behind them.

The trunk reads what has been played and knows nothing of any code. `events` predicts each note from its state: exact.
`vqvae` first pays for the phrase's codes, z = enc(x), predicted from the trunk's state before the phrase, and then for
its notes under the decoder, which is the trunk's states told the codes:

    -log p(x) <= sum over phrases [ -log p(z | past) - log p(x | z, past) ].

The past of a phrase is notes and what follows from them, never a drawn code, so the sum over the codes of a phrase
belongs to that phrase alone: p(x | past) = sum over z of p(z | past) p(x | z, past), any part of which is a bound.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from symbolic.models.copying import Past as RecentPast
from symbolic.models.copying import Recent
from symbolic.models.embedding import EventEmbedding
from symbolic.models.head import AutoregressiveHead, Choose, nats_of, scored_cells
from symbolic.models.phrases.blocks import WindowCache, WindowTransformer
from symbolic.models.phrases.code_head import CodeHead
from symbolic.models.phrases.codebooks import Codebooks
from symbolic.models.phrases.codec import Codes, Notes, length_of, notes_of
from symbolic.models.phrases.config import PhraseConfig
from symbolic.models.phrases.teller import PhraseTeller
from symbolic.models.phrases.votes import Heard
from symbolic.models.recall import Recalled, RecallInput, Recollection
from symbolic.tokens.events import ATTRIBUTES, END


@dataclass
class Past:
    """What the model keeps of earlier music: all of its notes, the trunk's window, and what may be copied.

    recent: None before the music begins; unread: int64 [B, t, 4], events that have been played and not been read, the
    last one as a rule; states: float [B, R, D], the trunk's last states that the code head attends to, None at first.
    """

    unread: Tensor
    recollection: Recollection
    trunk: WindowCache = field(default_factory=WindowCache)
    recent: RecentPast | None = None
    states: Tensor | None = None

    def hear(self, events: Tensor) -> None:
        """Events int64 [B, S, 4] have been played."""
        self.unread = torch.cat([self.unread, events], dim=1)

    def expanded(self, copies: int) -> "Past":
        """The same past for `copies` times as many rows, each row's copies in a row."""
        return self.rows(torch.arange(len(self.unread)).repeat_interleave(copies))

    def rows(self, rows: Tensor) -> "Past":
        """That of some rows of the batch, int64 [b]; each may be asked for more than once."""
        return Past(
            unread=self.unread[rows],
            recollection=self.recollection.rows(rows.cpu().numpy()),
            trunk=self.trunk.rows(rows),
            recent=None if self.recent is None else RecentPast(*(part[rows] for part in self.recent)),
            states=None if self.states is None else self.states[rows],
        )


class Reading(NamedTuple):
    """What the trunk makes of S events to predict: states [B, S, D], and of each the recent events and those recalled.

    earlier: float [B, R, D], the states before these, as far as the code head attends; told: by attribute, what codes
    add to the logits of the events' values, float [B, S, V]; nothing before any is told.
    """

    states: Tensor
    recent: Recent
    recalled: Recalled
    earlier: Tensor
    told: Mapping[str, Tensor] = MappingProxyType({})

    def last(self) -> "Reading":
        """The last of the events to predict alone, before any code is told."""
        keys, *facts = self.recent
        reach = self.recent.pitch.shape[-1]
        recent = Recent(keys[:, -reach:], *(part[:, -1:] for part in facts))
        recalled = Recalled(*(part[:, -1:] for part in self.recalled))
        return Reading(self.states[:, -1:], recent, recalled, torch.cat([self.earlier, self.states[:, :-1]], dim=1))

    def expanded(self, copies: int) -> "Reading":
        """The same for `copies` times as many rows, each row's copies in a row, before any code is told."""
        return self.rows(torch.arange(len(self.states)).repeat_interleave(copies))

    def rows(self, rows: Tensor) -> "Reading":
        """Some rows of the batch, int64 [b], before any code is told; each may be asked for more than once."""
        recent = Recent(*(part[rows] for part in self.recent))
        recalled = Recalled(*(part[rows] for part in self.recalled))
        return Reading(self.states[rows], recent, recalled, self.earlier[rows])


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

    def __init__(self, config: PhraseConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = EventEmbedding(config.width)
        self.history = History(config)
        self.chain = AutoregressiveHead(config.width, config.recent_events)  # the name that weights files know it by
        self.codebooks = Codebooks(config).double()  # no processor's rounding is to decide between two entries
        self.teller = PhraseTeller(config)
        self.code_head = CodeHead(config)
        self.recall = RecallInput(config.width)

    def opening_past(self, events: Tensor) -> Past:
        """The past of music that begins with these events [B, S, 4]: none."""
        return Past(unread=events[:, :0], recollection=Recollection(len(events), self.config.recall_events))

    def read(self, events: Tensor, past: Past, mid_piece: Tensor, style: Tensor | None = None) -> Reading:
        """The trunk's states before each of S events: state t knows the past and events 0..t-1.

        The past is moved on.
        """
        past.hear(events[:, :-1])
        reading = self.read_next(past, mid_piece, style)
        past.hear(events[:, -1:])
        return reading

    def read_next(self, past: Past, mid_piece: Tensor, style: Tensor | None = None) -> Reading:
        """The states before each event that is unread but the first, and before the next event; none is unread then."""
        events, past.unread = past.unread, past.unread[:, :0]
        embedded = self.embedding(events)
        x, is_opening = embedded, past.trunk.positions == 0
        if is_opening:
            x = torch.cat([self.history.start(mid_piece, style), x], dim=1)
        recalled = past.recollection.follow(events, from_now=is_opening)
        x = x + self.recall(recalled, self.embedding)
        pointer = self.chain.pointer
        heard = pointer.past(events, embedded, past.recent)
        past.recent = RecentPast(*(part[:, -self.config.recent_events :] for part in heard))
        states = self.history.transformer(x, style, past.trunk)
        earlier = states[:, :0] if past.states is None else past.states
        past.states = torch.cat([earlier, states], dim=1)[:, -self.config.heard_states :]
        return Reading(states, pointer.recent(heard, x.shape[1]), recalled, earlier)

    def note_nats(self, reading: Reading, events: Tensor, valid: Tensor) -> Tensor:
        """-log p of each attribute of the S events that were read, [B, S, 4]; zero where nothing is scored."""
        nats = []

        def given(attribute: str, hidden: Tensor, copy_logits: Tensor) -> Tensor:
            value = events[..., ATTRIBUTES.index(attribute)]
            nats.append(nats_of(self.chain.logits(attribute, hidden, copy_logits), value))
            return value

        self.choose_events(reading, given)
        return torch.stack(nats, dim=-1) * scored_cells(events, valid)

    def choose_events(self, reading: Reading, choose: Choose) -> Tensor:
        """The S events of a reading as `choose` names their attributes in turn, int64 [B, S, 4]."""
        return self.chain.walk(reading.states, reading.recent, reading.recalled, choose, reading.told)

    def phrases(self, events: Tensor, valid: Tensor) -> Phrases:
        """Events int64 [B, S, 4], valid bool [B, S] cut into phrases, the last one padded."""
        size = self.config.phrase_events
        missing = -events.shape[1] % size
        events = F.pad(events, (0, 0, 0, missing)).unflatten(1, (-1, size))
        valid = F.pad(valid, (0, missing)).unflatten(1, (-1, size))
        ended = (valid & (events[..., 0] == END)).any(-1)
        return Phrases(events, valid, valid.all(-1) | ended)

    def encode(self, phrases: Phrases, rate: Tensor | None = None) -> Codes:
        """The codes of phrases [B, G], of the highest rate or of rate int64 [B, G]."""
        notes, length = self._notes_and_length(phrases)
        codes = self.codebooks.encode(notes, length, self.note_bits(phrases.whole, rate).flatten())
        return codes.map(lambda part: part.unflatten(0, phrases.whole.shape))

    def encode_every_note(self, phrases: Phrases) -> Codes:
        """The codes of phrases [B, G] that tell all notes they can, whatever these cost."""
        codes = self.codebooks.encode_every_note(*self._notes_and_length(phrases))
        return codes.map(lambda part: part.unflatten(0, phrases.whole.shape))

    def _notes_and_length(self, phrases: Phrases) -> tuple[Notes, Tensor]:
        notes = notes_of(phrases.events.flatten(0, 1), phrases.valid.flatten(0, 1))
        return notes, length_of(notes.onset_ticks.amax(-1))

    def decode(self, length: Tensor, slots: Tensor, rate: Tensor | None = None) -> Codes:
        """The codes of these numbers, length int64 [B, G], slots int64 [B, G, P]; what is too dear ends a sketch."""
        bits = self.note_bits(length, rate).flatten()
        codes = self.codebooks.decode(length.flatten(), slots.flatten(0, 1), bits)
        return codes.map(lambda part: part.unflatten(0, length.shape))

    def note_bits(self, like: Tensor, rate: Tensor | None = None) -> Tensor:
        """What the notes told of phrases may cost, float64 of the shape of `like`: at the highest rate or at `rate`."""
        config = self.config
        bits = [0.0, *(config.note_bits_at(rate) for rate in range(1, config.rates + 1))]
        rate = torch.full_like(like, config.rates, dtype=torch.int64) if rate is None else rate
        return torch.tensor(bits, dtype=torch.float64, device=rate.device)[rate]

    def tell(self, reading: Reading, codes: Codes, rate: Tensor, events: Tensor) -> Reading:
        """A reading of S events, int64 [B, S, 4], whose states are told the codes [B, G] of their phrases.

        rate int64 [B, G]: of the codes; 0 where the states stay as they are.
        """
        length, size = reading.states.shape[1], self.config.phrase_events
        states, of_events = (
            F.pad(part, (0, 0, 0, -length % size)).unflatten(1, (-1, size)).flatten(0, 1)  # [B * G, P, ...]
            for part in (reading.states, events)
        )
        states, told = self.teller(states, codes.map(lambda part: part.flatten(0, 1)), rate.flatten(), of_events)

        def in_rows(x: Tensor) -> Tensor:  # [B * G, P, ...] to [B, S, ...]
            return x.unflatten(0, rate.shape).flatten(1, 2)[:, :length]

        return reading._replace(states=in_rows(states), told={name: in_rows(x) for name, x in told.items()})

    def heard(self, reading: Reading) -> Heard:
        """What the code head hears before each phrase [B * G] of a reading that begins with one."""
        reach, earlier, states = self.config.heard_states, reading.earlier, reading.states
        earlier = earlier[:, max(0, earlier.shape[1] - (reach - 1)) :]
        missing = reach - 1 - earlier.shape[1]
        states = F.pad(torch.cat([earlier, states], dim=1), (0, 0, missing, 0))
        there = torch.arange(states.shape[1], device=states.device) >= missing
        size = self.config.phrase_events
        windows = states.unfold(1, reach, size).transpose(-1, -2).flatten(0, 1)  # [B * G, R, D]
        pitch = reading.recent.pitch[:, ::size, -(reach - 1) :].flatten(0, 1)
        recalled = Recalled(*(part[:, ::size].flatten(0, 1)[:, None] for part in reading.recalled))
        return Heard(windows, there.unfold(0, reach, size).repeat(states.shape[0], 1), pitch, recalled)

    def draw_codes(self, reading: Reading, choose: Callable[[Tensor], Tensor]) -> Codes:
        """The codes [B, 1] of the next phrase as `choose` takes their parts, int64 [B], from scores of each, [B, K].

        The reading is of the phrase's first event alone.
        """
        return self.code_head.draw(self.heard(reading), self.codebooks, self.config.note_bits, choose).map(
            lambda part: part[:, None]
        )

    def code_nats(self, reading: Reading, codes: Codes, whole: Tensor) -> Tensor:
        """-log p(code | past) by part, [B, G, 1 + P], the length's first; zero where no code is.

        Codes [B, G], whole bool [B, G].
        """
        flat = codes.map(lambda part: part.flatten(0, 1))
        nats = self.code_head.nats(self.heard(reading), flat, self.codebooks.entry_nats(flat))
        return nats.unflatten(0, whole.shape) * whole[..., None]
