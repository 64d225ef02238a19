"""Choosing among candidates: the most typical of real music first, not the likeliest, which are the most monotonous."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path

import numpy as np

from losscal.errors import InputError
from losscal.references import REFERENCES_FILE, References, ViewReference, typicality
from symbolic.likelihood import SymbolicScorer
from symbolic.models import SHIPPED_WEIGHTS
from symbolic.sampling import Piece


@dataclass(frozen=True)
class Judged:
    """A piece and how likely its new notes are.

    Args:
        piece: the piece.
        model_bits_per_note: unmasked, what the model gives the new notes, of no known style; of codes and values
            together in a model with codes.
        drawn_bits_per_note: masked, the probability with which they were drawn (`Piece.drawn_nats`).
        percentile: per cent of held-out real windows that are less likely; None without references.
    """

    piece: Piece
    model_bits_per_note: float
    drawn_bits_per_note: float
    percentile: float | None


def judge(scorer: SymbolicScorer, pieces: Sequence[Piece], reference: ViewReference | None) -> list[Judged]:
    """Score the pieces' new notes, the prompt's given."""
    judged = []
    for piece, score in zip(pieces, scorer.score([piece.performance for piece in pieces]), strict=True):
        new_nats = score.note_nats[piece.prompt_notes :].sum(axis=1)
        notes = max(1, len(new_nats))
        nats_per_note = float(new_nats.sum()) / notes
        percentile = None if reference is None else reference.percentile(notes, nats_per_note)
        judged.append(Judged(piece, nats_per_note / log(2), piece.drawn_nats / notes / log(2), percentile))
    return judged


def most_typical(judged: Sequence[Judged], reference: ViewReference) -> list[Judged]:
    """The most typical first; beyond all held-out music, the nearest to its median."""

    def atypicality(one: Judged) -> tuple[float, float]:
        notes = max(1, len(one.piece.performance) - one.piece.prompt_notes)
        median = float(np.median(reference.quantiles[reference.nearest_length(notes)])) / log(2)
        return -typicality(one.percentile), abs(one.model_bits_per_note - median)

    return sorted(judged, key=atypicality)


def load_reference(scorer: SymbolicScorer, weights_dir: Path | None) -> ViewReference | None:
    """The held-out figures of a model's weights; None where there are none. Raises InputError for a broken file."""
    references = References.load([(weights_dir or SHIPPED_WEIGHTS) / REFERENCES_FILE])
    if references.missing_because(scorer.name, scorer.weights_sha256):
        return None
    return references.by_view[scorer.name]


def require_reference(reference: ViewReference | None) -> ViewReference:
    """The reference; raises InputError where candidates cannot be ranked for want of one."""
    if reference is None:
        raise InputError("--keep: candidates are ranked beside held-out music; run python -m bridge.references first.")
    return reference
