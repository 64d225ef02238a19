"""What the event model says of heard notes, beside what it says of the notes that were played."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import log
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.transcription.takes import Take
from symbolic.tokens.events import ATTRIBUTES

if TYPE_CHECKING:
    from symbolic.scoring.likelihood import SymbolicScorer

ALL, WITHOUT_DURATIONS = "all attributes", "all but durations"
FIGURES = (ALL, WITHOUT_DURATIONS, *ATTRIBUTES)
SOUNDS = 3
"""A piece on so many instruments tells what an instrument does."""


@dataclass(frozen=True)
class Bits:
    """Bits a note by FIGURES, of every take, float64 [takes] each; heard notes with pedals folded and without them."""

    played: Mapping[str, np.ndarray]
    folded: Mapping[str, np.ndarray]
    keys: Mapping[str, np.ndarray]


def bits_of(takes: Sequence[Take], scorer: "SymbolicScorer") -> Bits:
    """The notes that were played and that were heard, with the pedals folded and without, each scored as a piece."""
    keys = [
        replace(take.heard, notes=tuple(note for note in take.heard.notes if not note.is_pedal)).cleaned.performance
        for take in takes
    ]
    ways = ([take.played for take in takes], [take.heard.cleaned.performance for take in takes], keys)
    return Bits(*(_by_figure(scorer, performances) for performances in ways))


def rank_correlation(played: np.ndarray, heard: np.ndarray) -> float:
    """Spearman's, of figures [takes] each."""
    from scipy.stats import spearmanr

    return float(spearmanr(played, heard).statistic)


def spreads(takes: Sequence[Take], bits: np.ndarray) -> tuple[float, float, int]:
    """Of bits [takes]: the spread within a piece over its instruments, that between the pieces, and how many pieces.

    Spreads are standard deviations; within: the root mean square over the pieces on SOUNDS instruments or more;
    between: of the means of these pieces.
    """
    by_piece = defaultdict(list)
    for take, of_take in zip(takes, bits, strict=True):
        by_piece[take.piece].append(of_take)
    pieces = [np.array(values) for values in by_piece.values() if len(values) >= SOUNDS]
    within = np.sqrt(np.mean([values.var(ddof=1) for values in pieces]))
    return float(within), float(np.std([values.mean() for values in pieces], ddof=1)), len(pieces)


def _by_figure(scorer: "SymbolicScorer", performances: Sequence) -> dict[str, np.ndarray]:
    scores = scorer.score(performances)
    of = {name: np.array([score.by_attribute[name] / score.notes / log(2) for score in scores]) for name in ATTRIBUTES}
    total = sum(of.values())
    return {ALL: total, WITHOUT_DURATIONS: total - of["duration"], **of}
