"""The one place where a symbolic score is computed: training, validation, tests, command lines and report call it.

Nats are -log p, lower is likelier. One pass of the phrase model gives two readings (`symbolic.scoring.phrases`):
`events`, the nats of each note given all before it, exact; and `vqvae`, which pays for the code of each phrase and for
its notes told that code, an upper bound. Every event sees the same window of those before it wherever it stands, so a
prefix of a piece scores as it does inside the whole piece, in the bound as far as its phrases are whole. Sums run in
float64.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from torch import Tensor

from losscal.files import sha256_of
from symbolic.models.phrases.model import PhraseGPT
from symbolic.models.registry import load_model, weights_path
from symbolic.notes.performance import Performance
from symbolic.scoring.phrases import CHUNK_EVENTS, PhraseReading, read_rows
from symbolic.scoring.views import VIEWS, VQVAE
from symbolic.tokens import events as ev


@dataclass(frozen=True)
class SymbolicScore:
    """The nats of one Performance in one reading.

    attribute_nats: float64 [N, 4] of each note's values, in the order of `events.ATTRIBUTES`; rests count to the note
    they lead to.
    end_nll_nats: nats of the end symbol, in no other figure; None for an excerpt.
    code_nats: float64 [N], each note's equal share of the nats of its phrase's code; None where notes are told no code.
    """

    attribute_nats: np.ndarray
    seconds: float
    end_nll_nats: float | None
    code_nats: np.ndarray | None = None

    @property
    def notes(self) -> int:
        """Number of notes N."""
        return len(self.attribute_nats)

    @cached_property
    def note_nats(self) -> np.ndarray:
        """Nats of each note, float64 [N], its share of its phrase's code among them."""
        nats = self.attribute_nats.sum(axis=1)
        return nats if self.code_nats is None else nats + self.code_nats

    def note_columns(self) -> dict[str, np.ndarray]:
        """Nats of each note by attribute, and of its share of its phrase's code, float64 [N] each."""
        columns = dict(zip(ev.ATTRIBUTES, self.attribute_nats.T, strict=True))
        return columns if self.code_nats is None else columns | {"code": self.code_nats}

    @property
    def nll_nats(self) -> float:
        """-log p of all notes, or its bound where there are codes."""
        return float(self.note_nats.sum())

    @property
    def by_attribute(self) -> dict[str, float]:
        """Nats of each attribute; they sum to nll_nats, together with the codes' where there are some."""
        return dict(zip(ev.ATTRIBUTES, self.attribute_nats.sum(axis=0).tolist(), strict=True))

    @property
    def code_nll_nats(self) -> float | None:
        """The bound's first term, -log p(codes); None without codes."""
        return None if self.code_nats is None else float(self.code_nats.sum())

    @property
    def note_nll_nats(self) -> float | None:
        """The bound's second term, -log p(notes | codes); None without codes."""
        return None if self.code_nats is None else float(self.attribute_nats.sum())

    def report(self) -> dict[str, Any]:
        """The view's keys in the report, JSON values; the percentile is for those who have references."""
        figures = {
            "nll_nats": self.nll_nats,
            "end_nll_nats": self.end_nll_nats,
            "nll_nats_per_note": self.nll_nats_per_note,
            "bits_per_note": self.bits_per_note,
            "onset_bits_per_note": self.onset_bits_per_note,
            "nll_nats_per_second": self.nll_nats_per_second,
            "percentile": None,
            "by_attribute": self.by_attribute,
        }
        if self.code_nats is None:
            return figures | {"pitch_bits_per_note": self.by_attribute["pitch"] / log(2) / self.notes}
        code_bits = self.code_nll_nats / log(2) / self.notes
        of_codes = {"code_nll_nats": self.code_nll_nats, "note_nll_nats": self.note_nll_nats}
        return figures | of_codes | {"code_bits_per_note": code_bits}

    @property
    def nll_nats_per_note(self) -> float:
        """Nats over notes."""
        return self.nll_nats / self.notes

    @property
    def bits_per_note(self) -> float:
        """Bits (nats / ln 2) over notes."""
        return self.nll_nats_per_note / log(2)

    @property
    def onset_bits_per_note(self) -> float:
        """The same without the durations': bits of when and how hard which key is struck."""
        return (self.nll_nats - self.by_attribute["duration"]) / log(2) / self.notes

    @property
    def nll_nats_per_second(self) -> float:
        """Nats over the seconds from the first onset to the last offset."""
        return self.nll_nats / self.seconds


def score(
    model: PhraseGPT,
    performances: Sequence[Performance],
    *,
    told: bool = False,
    excerpt: bool = False,
    style: Tensor | None = None,
    batch_events: int = 8192,
) -> list[SymbolicScore]:
    """Score each Performance; `batch_events` bounds the events of one forward pass and changes no result.

    told: each phrase's code is paid for and told, the reading of `vqvae`; else that of `events`.
    excerpt: the music is cut out of a longer piece: no start symbol is given and no end symbol is scored.
    style: float [styles] weights of the model's composers and eras, the same for all; None: p(x), of no known style.
    """
    readings = read(model, performances, told=told, excerpt=excerpt, style=style, batch_events=batch_events)
    return [folded(*pair, model.config.phrase_events, told=told) for pair in zip(performances, readings, strict=True)]


def read(
    model: PhraseGPT,
    performances: Sequence[Performance],
    *,
    told: bool,
    excerpt: bool,
    style: Tensor | None = None,
    batch_events: int = 8192,
) -> list[PhraseReading]:
    """The model's reading of the events that spell each Performance; see `score`."""
    rows = [ev.encode(performance, end=not excerpt) for performance in performances]
    order = sorted(range(len(rows)), key=lambda index: len(rows[index]))  # little padding within a batch
    readings: dict[int, PhraseReading] = {}
    while order:
        longest = min(len(rows[order[-1]]), CHUNK_EVENTS)
        batch = order[-max(1, batch_events // longest) :]
        order = order[: -len(batch)]
        made = read_rows(model, [rows[index] for index in batch], mid_piece=excerpt, style=style, told=told)
        readings |= zip(batch, made, strict=True)
    return [readings[index] for index in range(len(rows))]


def folded(performance: Performance, reading: PhraseReading, phrase_events: int, *, told: bool) -> SymbolicScore:
    """Nats by event to nats by note: a rest's join the note after it, the end symbol's stand apart.

    A code's nats are shared evenly by the events of its phrase, the end symbol taking part only where it is alone.
    """
    row, nats = reading.row, reading.told_nats if told else reading.event_nats
    code_nats = _shared(reading.code_nats.sum(axis=1), row, phrase_events) if told else np.zeros(len(row))
    end_nats = None
    if row[-1, 0] == ev.END:
        end_nats = float(nats[-1].sum() + code_nats[-1])
        row, nats, code_nats = row[:-1], nats[:-1], code_nats[:-1]
    by_note = fold(row, nats)
    return SymbolicScore(by_note, performance.seconds, end_nats, fold(row, code_nats) if told else None)


def fold(row: np.ndarray, nats: np.ndarray) -> np.ndarray:
    """Nats by event [S, ...] of events [S, 4] to nats by note [N, ...]: a rest's join the note after it."""
    note_rows = np.flatnonzero(row[:, 0] < ev.REST)
    starts = np.concatenate([[0], note_rows[:-1] + 1])
    return np.add.reduceat(nats, starts, axis=0)


def _shared(code_nats: np.ndarray, row: np.ndarray, phrase_events: int) -> np.ndarray:
    """What each event [S] takes of the nats of its phrase's code [G]."""
    phrase = np.arange(len(row)) // phrase_events
    takes = row[:, 0] != ev.END
    takes[-1] |= phrase[-1] != phrase[-2:][0]  # the end symbol is alone in its phrase
    share = takes / np.bincount(phrase, takes)[phrase]
    return code_nats[phrase] * share


class OpenModel:
    """A model that scorers of its readings share: what one of them has read, the next one need not read again."""

    def __init__(self, model: PhraseGPT, weights_sha256: str) -> None:
        self.model, self.weights_sha256 = model, weights_sha256
        self.told = False  # whether some scorer wants the notes told their codes
        self.asked: tuple[bool, bool, list[Performance]] = (False, False, [])
        self.readings: list[PhraseReading] = []

    def read(self, performances: Sequence[Performance], *, excerpt: bool) -> list[PhraseReading]:
        """All readings that are wanted, in one pass."""
        *how, asked = self.asked
        is_read = how == [self.told, excerpt] and len(asked) == len(performances)
        if not is_read or any(one is not other for one, other in zip(asked, performances, strict=True)):
            self.readings = read(self.model, performances, told=self.told, excerpt=excerpt)
            self.asked = self.told, excerpt, list(performances)
        return self.readings


_OPEN: WeakValueDictionary[tuple[Path, int, int], OpenModel] = WeakValueDictionary()
"""Models by file, size and time of change, as long as any scorer stands on them."""


def _opened(path: Path) -> OpenModel:
    """The model of a weights file, opened once however many views stand on it; raises WeightsError."""
    stat = path.stat() if path.is_file() else None
    key = (path.resolve(), 0, 0) if stat is None else (path.resolve(), stat.st_size, stat.st_mtime_ns)
    opened = _OPEN.get(key)
    if opened is None:
        opened = _OPEN[key] = OpenModel(load_model(path)[0], sha256_of(path))
    return opened


class SymbolicScorer:
    """A reading of a loaded model as its view, as the bridge uses it.

    name: "events" or "vqvae".
    """

    def __init__(self, name: str, opened: OpenModel) -> None:
        self.name, self.view, self.opened = name, VIEWS[name], opened
        self.told = name == VQVAE.name
        opened.told |= self.told
        config = opened.model.config
        window = f"each event sees the {config.window_events - 1} before it"
        code = f" and the code of its phrase of {config.phrase_events}" if self.told else ""
        self.context_policy = f"{name}: {window}{code}"

    @property
    def model(self) -> PhraseGPT:
        """The network."""
        return self.opened.model

    @property
    def weights_sha256(self) -> str:
        """Of its file."""
        return self.opened.weights_sha256

    @classmethod
    def load(cls, name: str, weights_dir: Path | None = None) -> "SymbolicScorer":
        """Load "events" or "vqvae" from `weights_dir`, by default the shipped weights; raises WeightsError."""
        return cls(name, _opened(weights_path(weights_dir)))

    def score(self, performances: Sequence[Performance], *, excerpt: bool = False) -> list[SymbolicScore]:
        """`likelihood.score` in this reading."""
        size = self.model.config.phrase_events
        readings = self.opened.read(performances, excerpt=excerpt)
        return [folded(*pair, size, told=self.told) for pair in zip(performances, readings, strict=True)]
