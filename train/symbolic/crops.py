"""Training excerpts: random, varied cuts of the cache's training pieces."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from symbolic.data.corpus import Corpus, Piece
from symbolic.notes.performance import MAX_PITCH, MIN_PITCH, VELOCITY_OF_BIN, Performance, places, stretched
from symbolic.scoring.phrases import pad
from symbolic.tokens.events import REST, encode
from train.configs import CropConfig


class Batch(NamedTuple):
    """Excerpts as the model takes them, with what of their pieces came before.

    events int64 [B, S, 4], valid bool [B, S], mid_piece bool [B], style float [B, styles]; before int64 [B, P, 4],
    is_before bool [B, P], which of them are events.
    """

    events: Tensor
    valid: Tensor
    mid_piece: Tensor
    style: Tensor
    before: Tensor
    is_before: Tensor


class Crop(NamedTuple):
    """events int64 [S, 4]; mid_piece: whether they begin inside the piece; style float32 [styles]; before [P, 4]."""

    events: np.ndarray
    mid_piece: bool
    style: np.ndarray
    before: np.ndarray


def vary(performance: Performance, config: CropConfig, rng: np.random.Generator) -> Performance:
    """Transposed, faster or slower, louder or softer: a copy within the piano's range and the grid's limits.

    Notes that a faster tempo brings onto one grid point with the same pitch are thinned to the first of them.
    """
    pitch = performance.notes["pitch"].astype(int)
    down = min(config.transpose_down, pitch.min() - MIN_PITCH)
    up = min(config.transpose_up, MAX_PITCH - pitch.max())
    transposition = rng.integers(-down, up, endpoint=True)
    notes = stretched(performance.notes, 1 + rng.uniform(-config.tempo_share, config.tempo_share))
    notes["pitch"] = pitch + transposition
    shift = rng.integers(-config.velocity_bins, config.velocity_bins, endpoint=True)
    notes["velocity_bin"] = np.clip(notes["velocity_bin"].astype(int) + shift, 0, len(VELOCITY_OF_BIN) - 1)
    return Performance(notes[np.unique(places(notes), return_index=True)[1]])


class Crops:
    """Item i is a random excerpt, the same for the same (seed, i) on every machine; they never end."""

    def __init__(self, corpus: Corpus, config: CropConfig, styles: tuple[str, ...]) -> None:
        self.corpus, self.config, self.styles = corpus, config, styles
        self.pieces = corpus.of_split("train")
        lengths = np.array([piece.n_notes for piece in self.pieces], dtype=np.float64)
        by_composer: dict[str, float] = {}
        for piece, length in zip(self.pieces, lengths, strict=True):
            by_composer[piece.composer] = by_composer.get(piece.composer, 0.0) + length
        of_composer = np.array([by_composer[piece.composer] for piece in self.pieces])
        share = lengths * of_composer**-config.composer_evenness
        self.cumulative_share = np.cumsum(share / share.sum())

    def __getitem__(self, index: int) -> Crop:
        """At most crop_events events, and at most recalled_notes notes before them."""
        config = self.config
        rng = np.random.default_rng((config.seed, 0, index))
        piece = self.pieces[int(np.searchsorted(self.cumulative_share[:-1], rng.random(), side="right"))]
        performance = self.corpus.performance(piece)
        at_opening = rng.random() < config.opening_share
        start = 0 if at_opening else int(rng.integers(len(performance)))
        first, stop = max(0, start - config.recalled_notes), start + config.crop_events
        varied = vary(performance.excerpt(first, stop), config, rng)
        row = encode(varied, end=stop >= len(performance))
        rows_of_notes = np.flatnonzero(row[:, 0] < REST)
        here = rows_of_notes[min(start - first, len(varied) - 1)]  # a note or two later where notes were thinned
        before, events = row[:here], row[here : here + config.crop_events]
        events[0, 0] = 0  # an excerpt's first note is its first onset
        return Crop(events, start > 0, self._style(piece, rng), before)

    def _style(self, piece: Piece, rng: np.random.Generator) -> np.ndarray:
        """float32 [styles]: nothing, or with `style_share` one in three of composer, era and both."""
        given: tuple[str, ...] = ()
        if rng.random() < self.config.style_share:
            given = ((piece.composer,), (piece.era,), (piece.composer, piece.era))[rng.integers(3)]
        return np.array([style in given for style in self.styles], dtype=np.float32)


def collate(items: list[Crop]) -> Batch:
    """Items of `Crops` as a batch; what is before them ends with its row."""
    rows, mid_piece, styles, befores = zip(*items, strict=True)
    before, is_before = pad([row[::-1] for row in befores])
    return Batch(
        *pad(rows), torch.tensor(mid_piece), torch.from_numpy(np.stack(styles)), before.flip(1), is_before.flip(1)
    )
