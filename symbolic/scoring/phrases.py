"""Both readings of a piece in one pass: what each note costs by itself, and what phrases cost as codes and notes.

A piece is read chunk by chunk in flat memory, each event seeing the same window wherever chunks are cut. Phrases are
counted from the first event, so a prefix has the scores of the whole piece in all phrases that it holds whole. A phrase
cut off by the end of an excerpt has no code: its notes are read without one, which costs the bound nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from losscal.processes.progress import watched
from symbolic.models.phrases.codec import Codes
from symbolic.models.phrases.model import PhraseGPT, Phrases, Reading
from symbolic.tokens import events as ev

CHUNK_EVENTS = 1024


@dataclass(frozen=True)
class PhraseReading:
    """The nats of one row of S events int64 [S, 4] in G phrases.

    event_nats: float64 [S, 4], -log p(note | past); told_nats: float64 [S, 4], -log p(note | codes, past);
    code_nats: float64 [G, 1 + P], -log p(code | past) of the length and of each slot, zero for a phrase without a code;
    codes: int64 [G, 1 + P], the same parts.
    The last three are empty where codes were not asked for.
    """

    row: np.ndarray
    event_nats: np.ndarray
    told_nats: np.ndarray
    code_nats: np.ndarray
    codes: np.ndarray

    @property
    def bound_nats(self) -> float:
        """The bound on -log p of the row: its codes and its notes given them."""
        return float(self.told_nats.sum() + self.code_nats.sum())


class Chunk(NamedTuple):
    """Some events of B rows as the trunk reads them: events int64 [B, s, 4], valid bool [B, s], and their phrases.

    rate int64 [B, g]: of the phrases' codes, 0 where they have none; codes: None where nobody asks for them.
    """

    events: Tensor
    valid: Tensor
    phrases: Phrases
    rate: Tensor
    codes: Codes | None
    reading: Reading

    def told(self, model: PhraseGPT) -> Reading:
        """The reading of the same events told the codes of their phrases."""
        return model.tell(self.reading, self.codes, self.rate, self.events)


def pad(rows: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Event arrays [S_i, 4] to (events int64 [B, S, 4], valid bool [B, S]); S the longest."""
    length = max(len(row) for row in rows)
    events = np.zeros((len(rows), length, len(ev.ATTRIBUTES)), dtype=np.int64)
    events[:, :, 0] = ev.END
    for index, row in enumerate(rows):
        events[index, : len(row)] = row
    valid = np.arange(length)[None] < np.array([len(row) for row in rows])[:, None]
    return torch.from_numpy(events), torch.from_numpy(valid)


@torch.inference_mode()
def read_rows(
    model: PhraseGPT,
    rows: Sequence[np.ndarray],
    *,
    mid_piece: bool,
    style: Tensor | None = None,
    told: bool = True,
    rate: int | None = None,
    chunk_events: int = CHUNK_EVENTS,
) -> list[PhraseReading]:
    """Both readings of each row of events int64 [S_i, 4], or without codes the first alone, which takes less time.

    mid_piece: the rows begin inside their pieces; style: float [styles], the same for all; rate: of the codes, by
    default the highest, 0 for none;
    chunk_events: how many events are read at once, a multiple of a phrase, which changes no result.
    """
    rate = model.config.rates if rate is None else rate

    def nats_of(chunk: Chunk) -> tuple[Tensor, ...]:
        event_nats = model.note_nats(chunk.reading, chunk.events, chunk.valid)
        if chunk.codes is None:
            return event_nats, event_nats[:, :0], event_nats[:, :0], event_nats[:, :0]
        told_nats = model.note_nats(chunk.told(model), chunk.events, chunk.valid)
        return event_nats, told_nats, model.code_nats(chunk.reading, chunk.codes, chunk.rate > 0), chunk.codes.numbers

    event_nats, told_nats, code_nats, codes = read_chunks(
        model,
        rows,
        nats_of,
        mid_piece=mid_piece,
        style=style,
        rate=rate if told else None,
        chunk_events=chunk_events,
    )
    size = model.config.phrase_events
    return [
        PhraseReading(
            row,
            event_nats[index, : len(row)].astype(np.float64),
            told_nats[index, : len(row)].astype(np.float64),
            code_nats[index, : -(-len(row) // size)].astype(np.float64),
            codes[index, : -(-len(row) // size)],
        )
        for index, row in enumerate(rows)
    ]


@torch.inference_mode()
def read_chunks(
    model: PhraseGPT,
    rows: Sequence[np.ndarray],
    make: Callable[[Chunk], tuple[Tensor, ...]],
    *,
    mid_piece: bool,
    style: Tensor | None = None,
    rate: int | None = None,
    chunk_events: int = CHUNK_EVENTS,
) -> list[np.ndarray]:
    """What `make` makes of each chunk of the rows, joined along dimension 1; see `read_rows`."""
    device = next(model.parameters()).device
    events, valid = (x.to(device) for x in pad(rows))
    mid = torch.full((len(rows),), mid_piece, device=device)
    styles = None if style is None else style.to(device)[None]
    made = [make(chunk) for chunk in _chunks(model, events, valid, mid, styles, rate, chunk_events)]
    return [torch.cat(part, dim=1).cpu().numpy() for part in zip(*made, strict=True)]


def _chunks(
    model: PhraseGPT,
    events: Tensor,
    valid: Tensor,
    mid_piece: Tensor,
    style: Tensor | None,
    rate: int | None,
    chunk_events: int,
) -> Iterator[Chunk]:
    past = model.opening_past(events)
    for start in watched(range(0, events.shape[1], chunk_events), desc="notes"):
        here, valid_here = events[:, start : start + chunk_events], valid[:, start : start + chunk_events]
        phrases = model.phrases(here, valid_here)
        told_rate = torch.where(phrases.whole, rate or 0, 0)
        codes = None if rate is None else model.encode(phrases, told_rate)
        reading = model.read(here, past, mid_piece, style)
        yield Chunk(here, valid_here, phrases, told_rate, codes, reading)


def notes_of(row: np.ndarray) -> int:
    """Notes among events [S, 4]; rests and the end symbol are none."""
    return int((row[:, 0] < ev.REST).sum())
