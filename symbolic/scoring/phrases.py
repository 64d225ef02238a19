"""Both readings of a piece in one pass: what each note costs by itself, and what phrases cost as codes and notes.

A piece is read chunk by chunk in flat memory, each event seeing the same window wherever chunks are cut. Phrases are
counted from the first event, so a prefix has the scores of the whole piece in all phrases that it holds whole. A phrase
cut off by the end of an excerpt has no code: its notes are read without one, which costs the bound nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from symbolic.models.phrases.model import PhraseGPT
from symbolic.notes.performance import Performance
from symbolic.scoring.likelihood import pad
from symbolic.tokens import events as ev

CHUNK_EVENTS = 1024


@dataclass(frozen=True)
class PhraseReading:
    """The nats of one row of S events in G phrases.

    event_nats: float64 [S, 4], -log p(note | past); told_nats: float64 [S, 4], -log p(note | codes, past);
    code_nats: float64 [G, stages], -log p(code | past), zero for a phrase without a code; codes: int64 [G, stages].
    """

    event_nats: np.ndarray
    told_nats: np.ndarray
    code_nats: np.ndarray
    codes: np.ndarray

    @property
    def bound_nats(self) -> float:
        """The bound on -log p of the row: its codes and its notes given them."""
        return float(self.told_nats.sum() + self.code_nats.sum())


@torch.inference_mode()
def read_rows(
    model: PhraseGPT,
    rows: Sequence[np.ndarray],
    *,
    mid_piece: bool,
    style: Tensor | None = None,
    stages_told: int | None = None,
    chunk_events: int = CHUNK_EVENTS,
) -> list[PhraseReading]:
    """Both readings of each row of events int64 [S_i, 4].

    mid_piece: the rows begin inside their pieces; style: float [styles], the same for all; stages_told: of the codes'
    stages so many are told, by default all (then alone is `bound_nats` a bound: it counts the nats of all stages);
    chunk_events: how many events are read at once, a multiple of a phrase, which changes no result.
    """
    stages = model.config.stages if stages_told is None else stages_told
    device = next(model.parameters()).device
    events, valid = (x.to(device) for x in pad(rows))
    mid = torch.full((len(rows),), mid_piece, device=device)
    styles = None if style is None else style.to(device).expand(len(rows), -1)
    parts = list(_read_chunks(model, events, valid, mid, styles, stages, chunk_events))
    event_nats, told_nats, code_nats, codes = (
        torch.cat(part, dim=1).cpu().numpy() for part in zip(*parts, strict=True)
    )
    size = model.config.phrase_events
    readings = []
    for index, row in enumerate(rows):
        events_here, phrases_here = len(row), -(-len(row) // size)
        readings.append(
            PhraseReading(
                event_nats[index, :events_here].astype(np.float64),
                told_nats[index, :events_here].astype(np.float64),
                code_nats[index, :phrases_here].astype(np.float64),
                codes[index, :phrases_here],
            )
        )
    return readings


def _read_chunks(
    model: PhraseGPT,
    events: Tensor,
    valid: Tensor,
    mid_piece: Tensor,
    style: Tensor | None,
    stages: int,
    chunk_events: int,
) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """(event nats [B, s, 4], told nats [B, s, 4], code nats [B, g, stages], codes [B, g, stages]) chunk after chunk."""
    past = model.opening_past(events)
    for start in range(0, events.shape[1], chunk_events):
        here, valid_here = events[:, start : start + chunk_events], valid[:, start : start + chunk_events]
        phrases = model.phrases(here, valid_here)
        values, codes = model.encode(phrases)
        reading = model.read(here, past, mid_piece, style, model.memory(values, mid_piece, past))
        told = model.tell(reading, values, torch.where(phrases.whole, stages, 0))
        yield (
            model.note_nats(reading, here, valid_here),
            model.note_nats(told, here, valid_here),
            model.code_nats(reading.states, values, codes, phrases.whole),
            codes,
        )


def notes_of(row: np.ndarray) -> int:
    """Notes among events [S, 4]; rests and the end symbol are none."""
    return int((row[:, 0] < ev.REST).sum())


def excerpt_row(performance: Performance, start: int, stop: int) -> np.ndarray:
    """The events of notes start..stop-1, without an end symbol."""
    return ev.encode(performance.excerpt(start, stop), end=False)
