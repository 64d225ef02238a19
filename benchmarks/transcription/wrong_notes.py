"""Are wrong notes noticed among notes that are heard, and are they more than what another instrument does?

The notes that were heard are corrupted, not those that were played: nobody can play a recording again with other notes.
Whether a transcriber hears wrong notes as well as right ones is for `bridge.calibrate --heard` to show.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.transcription.takes import Take
from losscal.statistics import interval_text, markdown_table, ratio, share, wins
from symbolic.notes.corruption import wrong_notes

if TYPE_CHECKING:
    from symbolic.notes.performance import Performance
    from symbolic.scoring.likelihood import SymbolicScorer

SHARES = (0.01, 0.05, 0.1)
"""Of the notes; the last is what all else is measured by."""
DRAWS = 2
"""Of other notes, for each recording and share."""


def wrong_notes_table(takes: Sequence[Take], scorer: "SymbolicScorer") -> str:
    """How often the notes as heard are preferred to those with some wrong, by how much, and what an instrument does.

    Intervals are over the pieces.
    """
    heard = [take.heard.cleaned.performance for take in takes]
    bits = _bits(scorer, heard)
    members = [
        [i for i, take in enumerate(takes) if take.piece == piece] for piece in dict.fromkeys(t.piece for t in takes)
    ]
    ones = np.ones(len(members))
    rows = []
    for amount in SHARES:
        costs = np.stack([_bits(scorer, _corrupted(heard, amount, draw)) for draw in range(DRAWS)], axis=1)
        won, more = wins(bits[:, None], costs).mean(axis=1), costs.mean(axis=1) - bits
        of_pieces = (np.array([values[own].mean() for own in members]) for values in (won, more))
        accuracy, change = (estimate(values, ones) for estimate, values in zip((share, ratio), of_pieces, strict=True))
        rows.append(
            [f"{amount:.0%} of the notes wrong", interval_text(accuracy, ".3f"), interval_text(change, "+.2f"), ""]
        )
    several = [own for own in members if len(own) > 1]
    apart = np.array([np.mean([abs(bits[i] - bits[j]) for i, j in combinations(own, 2)]) for own in several])
    yards = np.array([more[own].mean() for own in several])
    relative = interval_text(ratio(apart, yards), ".0%")
    rows.append(
        [
            "another instrument, without the sign",
            "",
            interval_text(ratio(apart, np.ones(len(several))), ".2f"),
            relative,
        ]
    )
    header = [
        "heard notes against",
        "pairwise accuracy",
        "bits a note without its duration",
        f"of what {SHARES[-1]:.0%} do",
    ]
    return markdown_table(header, rows)


def _corrupted(heard: Sequence["Performance"], amount: float, draw: int) -> list["Performance"]:
    return [wrong_notes(of, np.random.default_rng((number, draw)), amount) for number, of in enumerate(heard)]


def _bits(scorer: "SymbolicScorer", performances: Sequence["Performance"]) -> np.ndarray:
    """Float64 [performances]."""
    return np.array([score.onset_bits_per_note for score in scorer.score(performances)])
