"""Choosing among candidates: the most typical of real music first, not the likeliest, which are the most monotonous.

A piece may be usual by one figure and odd by another: too many notes, each of them as surprising as in real music, are
odd by the second alone, and one that never says a thing twice is odd in that. So there are two rates of surprise, a
note and a second, and figures of the notes alone (`symbolic.notes.typicality`): a piece is as typical as the least
typical of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path
from types import MappingProxyType

import numpy as np

from losscal.errors import InputError
from losscal.references import FEW_NOTES, PER_SECOND_SUFFIX, REFERENCES_FILE, References, ViewReference, typicality
from symbolic.models.configs import SHIPPED_WEIGHTS
from symbolic.notes.typicality import typicalities
from symbolic.sampling.pieces import DrawnPiece
from symbolic.scoring.likelihood import SymbolicScorer


@dataclass(frozen=True)
class Standing:
    """Where music stands among held-out real music.

    Args:
        percentile: per cent of held-out windows whose notes are less likely.
        typicality: 1 in the middle of the held-out music, 0 at either end, of the least typical figure.
        oddest: that figure's name.
        strangeness: how far both rates of surprise are from the medians, in shares of these.
    """

    percentile: float
    typicality: float
    oddest: str
    strangeness: float


@dataclass(frozen=True)
class HeldOut:
    """How surprising held-out windows of notes are to a model: nats a note and nats a second."""

    per_note: ViewReference
    per_second: ViewReference

    def standing(
        self, nats: float, notes: int, seconds: float, others: Mapping[str, float] = MappingProxyType({})
    ) -> Standing | None:
        """The standing of so many notes in so many seconds that cost so many nats; None for fewer than FEW_NOTES.

        others: how typical they are by other figures.
        """
        if notes < FEW_NOTES:
            return None
        by_figure, strangeness = dict(others), 0.0
        rates = {"nats a note": (self.per_note, nats / notes), "nats a second": (self.per_second, nats / seconds)}
        for name, (reference, rate) in rates.items():
            by_figure[name] = typicality(reference.percentile(notes, rate))
            strangeness += abs(rate / float(np.median(reference.quantiles[reference.nearest_length(notes)])) - 1)
        oddest = min(by_figure, key=by_figure.__getitem__)
        return Standing(self.per_note.percentile(notes, nats / notes), by_figure[oddest], oddest, strangeness)


@dataclass(frozen=True)
class Judged:
    """A piece and how likely its new notes are.

    Args:
        piece: the piece.
        model_bits_per_note: unmasked, what the model gives the new notes, of no known style; of codes and notes
            together in the reading of `vqvae`.
        drawn_bits_per_note: masked, the probability with which they were drawn (`DrawnPiece.drawn_nats`).
        standing: among held-out real music; None without references, or for too few notes.
    """

    piece: DrawnPiece
    model_bits_per_note: float
    drawn_bits_per_note: float
    standing: Standing | None


def most_typical(scorer: SymbolicScorer, pieces: Sequence[DrawnPiece], held_out: HeldOut | None) -> list[Judged]:
    """The pieces, the most typical first; beyond all held-out music, the least strange; last those without a standing.

    What is judged are the new notes, the prompt's given.
    """
    judged = []
    for piece, score in zip(pieces, scorer.score([piece.performance for piece in pieces]), strict=True):
        nats = float(score.note_nats[piece.prompt_notes :].sum())
        bits = log(2) * max(1, piece.new_notes)
        standing = None
        if held_out is not None and piece.new_notes:
            others = typicalities(piece.performance.excerpt(piece.prompt_notes, len(piece.performance)))
            standing = held_out.standing(nats, piece.new_notes, piece.new_seconds, others)
        judged.append(Judged(piece, nats / bits, piece.drawn_nats / bits, standing))

    def order(one: Judged) -> tuple[float, float]:
        return (1.0, 0.0) if one.standing is None else (-one.standing.typicality, one.standing.strangeness)

    return sorted(judged, key=order)


def load_held_out(scorer: SymbolicScorer, weights_dir: Path | None) -> HeldOut | None:
    """The held-out figures of a model's weights; None where there are none. Raises InputError for a broken file."""
    references = References.load([(weights_dir or SHIPPED_WEIGHTS) / REFERENCES_FILE])
    names = (scorer.name, scorer.name + PER_SECOND_SUFFIX)
    if any(references.missing_because(name, scorer.weights_sha256) for name in names):
        return None
    return HeldOut(*(references.by_view[name] for name in names))


def require_held_out(held_out: HeldOut | None) -> HeldOut:
    """The held-out figures; raises InputError where candidates cannot be ranked for want of them."""
    if held_out is None:
        raise InputError(
            "--candidates: they are ranked beside held-out music, of which these weights have no figures; make them "
            "with python -m bridge.references --data DIR --weights FOLDER."
        )
    return held_out
