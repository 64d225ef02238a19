"""`python -m benchmarks.ranking`: how often an original excerpt is likelier than its corrupted copy, in both readings.

256-note excerpts of test pieces, scored as excerpts and ranked by the figures that a calibration measures too: the bits
of all, those of the pitches, those of the codes of phrases. A tie counts one half. Intervals: 95 %, bootstrap over
pieces. `bridge.calibrate` asks more of shorter excerpts; here is what a single note does.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.excerpts import EXCERPT_NOTES, excerpt_parser, excerpts_of_test_pieces
from losscal.cli import EXIT_DONE, run, write_result
from losscal.statistics import markdown_table, mean, wins, with_interval
from losscal.views import View
from symbolic.data.corpus import Corpus
from symbolic.notes.corruption import CORRUPTIONS
from symbolic.notes.performance import Performance

if TYPE_CHECKING:
    from symbolic.scoring.likelihood import SymbolicScore, SymbolicScorer

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


def excerpt_bits(scorer: "SymbolicScorer", excerpts: Sequence[Performance]) -> np.ndarray:
    """The figures of each excerpt that a calibration measures, float64 [excerpts, figures]."""
    return calibrated_figures(scorer.view, scorer.score(excerpts, excerpt=True))


def calibrated_figures(view: View, scores: Sequence["SymbolicScore"]) -> np.ndarray:
    """What a calibration measures of a view's scores, float64 [scores, figures]."""
    reports = [score.report() for score in scores]
    return np.array([[report[figure] for figure in view.calibrated] for report in reports])


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    flags = excerpt_parser("ranking", __doc__).parse_args(argv)
    from symbolic.scoring.likelihood import SymbolicScorer

    excerpts = excerpts_of_test_pieces(Corpus.open(flags.data), pieces=flags.pieces, per_piece=flags.per_piece)
    scorers = [SymbolicScorer.load(name, flags.weights) for name in ("events", "vqvae")]
    originals = [excerpt_bits(scorer, excerpts) for scorer in scorers]
    rows = []
    for case, (corruption, amount) in CASES.items():
        rng = np.random.default_rng(1)
        corrupted = [CORRUPTIONS[corruption](excerpt, rng, amount) for excerpt in excerpts]
        shares = []
        for scorer, original_bits in zip(scorers, originals, strict=True):
            won = wins(original_bits, excerpt_bits(scorer, corrupted)).T  # [figures, excerpts]
            shares += [with_interval(of_figure.reshape(-1, flags.per_piece), mean, ".3f") for of_figure in won]
        rows.append([case, *shares])
    columns = [f"{scorer.name}: {figure}" for scorer in scorers for figure in scorer.view.calibrated]
    pieces = len(excerpts) // flags.per_piece
    write_result(f"{len(excerpts)} excerpts of {EXCERPT_NOTES} notes from {pieces} test pieces\n")
    write_result(markdown_table(["corruption", *columns], rows))
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
