"""The one place where a symbolic score is computed: training, validation, tests, command lines and report call it.

Nats are -log p, lower is likelier. A piece is scored in windows of the model's context: the first from the start, each
later one half a window further on, scoring its second half, so every event is scored once with at least half a window
of left context (all there is, near the start). Windows depend on what came before only, so a prefix of a piece scores
as it does inside the whole piece. Sums run in float64.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from losscal.files import sha256_of
from losscal.processes.progress import watched
from symbolic.models.registry import load_model, weights_path
from symbolic.notes.performance import Performance
from symbolic.scoring.views import VIEWS
from symbolic.tokens import events as ev

BOUND_TERMS = ("value", "code")


class SymbolicModel(Protocol):
    """What can be scored: a module with an exact chain of conditional probabilities over events."""

    name: str
    terms: tuple[str, ...]  # of "value", "code", "mixture"; value and code make up the nats of an attribute
    context_events: int  # events in a window

    def event_nats(self, events: Tensor, valid: Tensor, mid_piece: Tensor, style: Tensor | None = None) -> Tensor:
        """events int64 [B, S, 4], valid bool [B, S], mid_piece bool [B], style float [B, styles] to nats [B, S, 4, C].

        The C terms are in the order of `terms`.
        """
        ...


def bound_nats(nats: Tensor, terms: Sequence[str]) -> Tensor:
    """The nats that count, [...], of nats by term [..., C]: the value's, and its code's where there are codes."""
    return sum(nats[..., index] for index, term in enumerate(terms) if term in BOUND_TERMS)


@dataclass(frozen=True)
class SymbolicScore:
    """The nats of one Performance under one model.

    term_nats: {term: float64 [N, 4]}, attributes in the order of `events.ATTRIBUTES`; rests count to the note they
    lead to.
    end_nll_nats: nats of the end symbol, in no other figure; None for an excerpt.
    """

    term_nats: Mapping[str, np.ndarray]
    seconds: float
    end_nll_nats: float | None

    @property
    def notes(self) -> int:
        """Number of notes N."""
        return len(self.term_nats["value"])

    @cached_property
    def note_nats(self) -> np.ndarray:
        """Nats by note and attribute, float64 [N, 4]; of codes and values together in a model with codes."""
        return sum(nats for term, nats in self.term_nats.items() if term in BOUND_TERMS)

    def note_columns(self) -> dict[str, np.ndarray]:
        """Nats of each note by attribute, and by term where there are codes, float64 [N] each."""
        terms = {term: nats.sum(axis=1) for term, nats in self.term_nats.items() if term != "value"}
        return dict(zip(ev.ATTRIBUTES, self.note_nats.T, strict=True)) | terms

    @property
    def nll_nats(self) -> float:
        """-log p of all notes, or its bound in a model with codes."""
        return float(self.note_nats.sum())

    @property
    def by_attribute(self) -> dict[str, float]:
        """Nats of each attribute; they sum to nll_nats."""
        return dict(zip(ev.ATTRIBUTES, self.note_nats.sum(axis=0).tolist(), strict=True))

    @property
    def code_nll_nats(self) -> float | None:
        """The bound's first term, -log p(codes); None in a model without codes."""
        return self._total("code")

    @property
    def note_nll_nats(self) -> float | None:
        """The bound's second term, -log p(notes | codes); None in a model without codes."""
        return None if self.code_nll_nats is None else self._total("value")

    @property
    def mixture_nll_nats(self) -> float | None:
        """-log of the sum over all codes, at or below the bound; None in a model without codes."""
        return self._total("mixture")

    def _total(self, term: str) -> float | None:
        return float(self.term_nats[term].sum()) if term in self.term_nats else None

    def report(self) -> dict[str, Any]:
        """The view's keys in the report, JSON values; the percentile is for those who have references."""
        figures = {
            "nll_nats": self.nll_nats,
            "end_nll_nats": self.end_nll_nats,
            "nll_nats_per_note": self.nll_nats_per_note,
            "bits_per_note": self.bits_per_note,
            "pitch_bits_per_note": self.by_attribute["pitch"] / log(2) / self.notes,
            "nll_nats_per_second": self.nll_nats_per_second,
            "percentile": None,
            "by_attribute": self.by_attribute,
        }
        if self.code_nll_nats is not None:
            figures |= {name: getattr(self, name) for name in ("code_nll_nats", "note_nll_nats", "mixture_nll_nats")}
        return figures

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
    """First event of the window in which `position` is scored or drawn; windows lie context / 2 apart."""
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
def score(
    model: SymbolicModel,
    performances: Sequence[Performance],
    *,
    excerpt: bool = False,
    style: Tensor | None = None,
    batch_events: int = 8192,
) -> list[SymbolicScore]:
    """Score each Performance; `batch_events` bounds the events of one forward pass and changes no result.

    excerpt: the music is cut out of a longer piece: no start symbol is given and no end symbol is scored.
    style: float [styles] weights of the model's composers and eras, the same for all; None: p(x), of no known style.
    """
    rows = [ev.encode(performance, end=not excerpt) for performance in performances]
    nats = [np.zeros((len(row), len(ev.ATTRIBUTES), len(model.terms))) for row in rows]
    size = model.context_events
    windows = [window for item, row in enumerate(rows) for window in windows_of(item, len(row), size)]
    windows.sort(key=lambda window: window.stop - window.start)  # little padding within a batch
    per_batch = max(1, batch_events // size)
    device = next(model.parameters()).device
    for first in watched(range(0, len(windows), per_batch), desc=model.name):
        batch = windows[first : first + per_batch]
        events, valid = (x.to(device) for x in pad([rows[w.item][w.start : w.stop] for w in batch]))
        mid_piece = torch.tensor([excerpt or w.start > 0 for w in batch], device=device)
        styles = None if style is None else style.to(device).expand(len(batch), -1)
        result = model.event_nats(events, valid, mid_piece, styles).double().cpu().numpy()
        for window, window_nats in zip(batch, result, strict=True):
            scored = slice(window.score_from - window.start, window.stop - window.start)
            nats[window.item][window.score_from : window.stop] = window_nats[scored]
    return [
        _fold(model.terms, performance, row, row_nats)
        for performance, row, row_nats in zip(performances, rows, nats, strict=True)
    ]


def _fold(terms: tuple[str, ...], performance: Performance, row: np.ndarray, nats: np.ndarray) -> SymbolicScore:
    """Nats by event [S, 4, C] to nats by note [N, 4]: a rest's join the note after it, the end symbol's stand apart."""
    end_nats = None
    if row[-1, 0] == ev.END:
        end_nats = float(sum(nats[-1, :, index].sum() for index, term in enumerate(terms) if term in BOUND_TERMS))
        row, nats = row[:-1], nats[:-1]
    note_rows = np.flatnonzero(row[:, 0] < ev.REST)
    starts = np.concatenate([[0], note_rows[:-1] + 1])
    by_note = np.add.reduceat(nats, starts, axis=0)  # [N, 4, C]
    return SymbolicScore({term: by_note[..., index] for index, term in enumerate(terms)}, performance.seconds, end_nats)


class SymbolicScorer:
    """A loaded model as its view, as the bridge uses it."""

    def __init__(self, model: SymbolicModel, weights_sha256: str) -> None:
        self.model, self.weights_sha256 = model, weights_sha256
        self.name, self.view = model.name, VIEWS[model.name]
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
