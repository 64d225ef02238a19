"""The one place where a symbolic score is computed: training, validation, tests, command lines and report call it.

Nats are -log p, lower is likelier. A piece is scored in windows of the model's context: the first from the start, each
later one half a window further on, scoring its second half, so every event is scored once with at least half a window
of left context (all there is, near the start). Windows depend on what came before only, so a prefix of a piece scores
as it does inside the whole piece. Sums run in float64.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from losscal.weights import sha256_of
from symbolic import events as ev
from symbolic.models import load_model, weights_path
from symbolic.performance import Performance


class SymbolicModel(Protocol):
    """What can be scored: a module with an exact chain of conditional probabilities over events."""

    name: str
    columns: tuple[str, ...]
    notes_per_patch: int
    context_events: int  # events in a window

    def event_nats(self, events: Tensor, valid: Tensor, mid_piece: Tensor) -> Tensor:
        """events int64 [B, S, 4], valid bool [B, S], mid_piece bool [B] to nats [B, S, len(columns)]."""
        ...


@dataclass(frozen=True)
class SymbolicScore:
    """The nats of one Performance under one model.

    note_nats: float64 [N, A], A in the order of `columns`; rests count to the note they lead to.
    end_nll_nats: nats of the end symbol, in no other figure; None for an excerpt.
    """

    columns: tuple[str, ...]
    note_nats: np.ndarray
    seconds: float
    end_nll_nats: float | None

    @property
    def notes(self) -> int:
        """Number of notes N."""
        return len(self.note_nats)

    @property
    def nll_nats(self) -> float:
        """-log p of all notes."""
        return float(self.note_nats.sum())

    @property
    def by_attribute(self) -> dict[str, float]:
        """Nats of each attribute, of the codes too where there are any; they sum to nll_nats."""
        return dict(zip(self.columns, self.note_nats.sum(axis=0).tolist(), strict=True))

    @property
    def code_nll_nats(self) -> float | None:
        """The bound's first term, -log p(codes); None in a model without codes."""
        return self.by_attribute.get("code")

    @property
    def note_nll_nats(self) -> float | None:
        """The bound's second term, -log p(notes | codes); None in a model without codes."""
        code = self.code_nll_nats
        return None if code is None else self.nll_nats - code

    @property
    def nll_nats_per_note(self) -> float:
        """Nats over notes."""
        return self.nll_nats / self.notes

    @property
    def bits_per_note(self) -> float:
        """Bits (nats / ln 2) over notes."""
        return self.nll_nats_per_note / log(2)

    @property
    def nll_nats_per_second(self) -> float:
        """Nats over the seconds from the first onset to the last offset."""
        return self.nll_nats / self.seconds


@dataclass(frozen=True)
class Window:
    """Events start..stop-1 of item `item`, of which those from `score_from` on are scored here."""

    item: int
    start: int
    stop: int
    score_from: int


def window_start(position: int, context: int) -> int:
    """First event (or patch) of the window in which `position` is scored or drawn; windows lie context / 2 apart."""
    half = context // 2
    return max(0, position // half - 1) * half


def windows_of(item: int, length: int, context: int) -> Iterator[Window]:
    """Windows of `context` events over `length` events; each event scored exactly once."""
    yield Window(item, 0, min(length, context), 0)
    for score_from in range(context, length, context // 2):
        start = window_start(score_from, context)
        yield Window(item, start, min(length, start + context), score_from)


def context_policy(model: SymbolicModel) -> str:
    """The policy in words, for the report."""
    size = model.context_events
    return (
        f"{model.name}: windows of {size} events, each event scored once with at least {size // 2} (or all) before it"
    )


def pad(rows: Sequence[np.ndarray], multiple: int) -> tuple[Tensor, Tensor]:
    """Event arrays [S_i, 4] to (events int64 [B, S, 4], valid bool [B, S]); S the longest, rounded up to `multiple`."""
    length = -(-max(len(row) for row in rows) // multiple) * multiple
    events = np.zeros((len(rows), length, len(ev.ATTRIBUTES)), dtype=np.int64)
    events[:, :, 0] = ev.END
    for index, row in enumerate(rows):
        events[index, : len(row)] = row
    valid = np.arange(length)[None] < np.array([len(row) for row in rows])[:, None]
    return torch.from_numpy(events), torch.from_numpy(valid)


@torch.inference_mode()
def score(
    model: SymbolicModel,
    performances: Sequence[Performance],
    *,
    excerpt: bool = False,
    batch_events: int = 8192,
) -> list[SymbolicScore]:
    """Score each Performance; `batch_events` bounds the events of one forward pass and changes no result.

    excerpt: the music is cut out of a longer piece: no start symbol is given and no end symbol is scored.
    """
    rows = [ev.encode(performance, end=not excerpt) for performance in performances]
    nats = [np.zeros((len(row), len(model.columns))) for row in rows]
    size = model.context_events
    windows = [window for item, row in enumerate(rows) for window in windows_of(item, len(row), size)]
    windows.sort(key=lambda window: window.stop - window.start)  # little padding within a batch
    per_batch = max(1, batch_events // size)
    device = next(model.parameters()).device
    for first in range(0, len(windows), per_batch):
        batch = windows[first : first + per_batch]
        events, valid = pad([rows[w.item][w.start : w.stop] for w in batch], model.notes_per_patch)
        mid_piece = torch.tensor([excerpt or w.start > 0 for w in batch])
        result = model.event_nats(events.to(device), valid.to(device), mid_piece.to(device)).double().cpu().numpy()
        for window, window_nats in zip(batch, result, strict=True):
            scored = slice(window.score_from - window.start, window.stop - window.start)
            nats[window.item][window.score_from : window.stop] = window_nats[scored]
    return [
        _fold(model.columns, performance, row, row_nats)
        for performance, row, row_nats in zip(performances, rows, nats, strict=True)
    ]


def _fold(columns: tuple[str, ...], performance: Performance, row: np.ndarray, nats: np.ndarray) -> SymbolicScore:
    """Nats by event [S, A] to nats by note [N, A]: a rest's join the note after it, the end symbol's stand apart."""
    end_nats = None
    if row[-1, 0] == ev.END:
        end_nats, row, nats = float(nats[-1].sum()), row[:-1], nats[:-1]
    note_rows = np.flatnonzero(row[:, 0] < ev.REST)
    starts = np.concatenate([[0], note_rows[:-1] + 1])
    return SymbolicScore(columns, np.add.reduceat(nats, starts, axis=0), performance.seconds, end_nats)


class SymbolicScorer:
    """A loaded model under its view's name, as the bridge uses it."""

    def __init__(self, model: SymbolicModel, weights_sha256: str) -> None:
        self.model, self.weights_sha256 = model, weights_sha256
        self.name = model.name
        self.context_policy = context_policy(model)

    @classmethod
    def load(cls, name: str, weights_dir: Path | None = None) -> "SymbolicScorer":
        """Load "events" or "vqvae" from `weights_dir`, by default the shipped weights; raises WeightsError."""
        path = weights_path(name, weights_dir)
        model, _ = load_model(path, kind=name)
        return cls(model, sha256_of(path))

    def score(self, performances: Sequence[Performance], *, excerpt: bool = False) -> list[SymbolicScore]:
        """`likelihood.score` under this model."""
        return score(self.model, performances, excerpt=excerpt)
