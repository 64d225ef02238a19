"""`python -m benchmarks.ranking`: how often an original excerpt is likelier than its corrupted copy, for both models.

256-note excerpts of test pieces, scored as excerpts and ranked twice: by the nats of all attributes ("total") and by
those of the pitches ("pitch"). A tie counts one half. Intervals: 95 %, bootstrap over pieces. `bridge.calibrate` asks
more of shorter excerpts; here is what a single note does.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.excerpts import EXCERPT_NOTES, excerpt_parser, excerpts_of_test_pieces
from losscal.cli import EXIT_DONE, run, write_result
from losscal.statistics import markdown_table, mean, wins, with_interval
from symbolic.data.corpus import Corpus
from symbolic.notes.corruption import CORRUPTIONS
from symbolic.notes.performance import Performance

if TYPE_CHECKING:
    from symbolic.scoring.likelihood import SymbolicScorer

FIGURES = ("total", "pitch")
ONE_NOTE = 1 / EXCERPT_NOTES
CASES = {
    "semitone 5 %": ("semitone", 0.05),
    "semitone 1 %": ("semitone", 0.01),
    "semitone, one note": ("semitone", ONE_NOTE),
    "up to an octave, one note": ("wrong_notes", ONE_NOTE),
    "jitter_onsets 10 %": ("jitter_onsets", 0.1),
    "shuffle_seconds": ("shuffle_seconds", 1.0),
    "permute_durations": ("permute_durations", 1.0),
    "random_velocities": ("random_velocities", 1.0),
    "random_pitches": ("random_pitches", 1.0),
}
"""Line of the table to a corruption and its amount."""


def excerpt_nats(scorer: "SymbolicScorer", excerpts: Sequence[Performance]) -> np.ndarray:
    """Nats of each excerpt by FIGURES, float64 [excerpts, 2]."""
    scores = scorer.score(excerpts, excerpt=True)
    return np.array([[score.nll_nats, score.by_attribute["pitch"]] for score in scores])


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    flags = excerpt_parser("ranking", __doc__).parse_args(argv)
    from symbolic.scoring.likelihood import SymbolicScorer

    excerpts = excerpts_of_test_pieces(Corpus.open(flags.data), pieces=flags.pieces, per_piece=flags.per_piece)
    scorers = [SymbolicScorer.load(name, flags.weights) for name in ("events", "vqvae")]
    originals = [excerpt_nats(scorer, excerpts) for scorer in scorers]
    rows = []
    for case, (corruption, amount) in CASES.items():
        rng = np.random.default_rng(1)
        corrupted = [CORRUPTIONS[corruption](excerpt, rng, amount) for excerpt in excerpts]
        shares = []
        for scorer, original_nats in zip(scorers, originals, strict=True):
            won = wins(original_nats, excerpt_nats(scorer, corrupted)).reshape(-1, flags.per_piece, len(FIGURES))
            shares += [with_interval(won[..., index], mean, ".3f") for index in range(len(FIGURES))]
        rows.append([case, *shares])
    columns = [f"{scorer.name}, {figure}" for scorer in scorers for figure in FIGURES]
    pieces = len(excerpts) // flags.per_piece
    write_result(f"{len(excerpts)} excerpts of {EXCERPT_NOTES} notes from {pieces} test pieces\n")
    write_result(markdown_table(["corruption", *columns], rows))
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
