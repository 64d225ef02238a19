"""`python -m benchmarks.ranking`: how often an original excerpt is likelier than its corrupted copy, for both models.

256-note excerpts of test pieces, scored as excerpts; a tie counts one half. Intervals: 95 %, bootstrap over pieces.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.excerpts import excerpts_of_test_pieces
from benchmarks.statistics import markdown_table, mean, with_interval
from losscal.cli import EXIT_DONE, run, write_result
from symbolic.corpus import Corpus
from symbolic.corruption import CORRUPTIONS
from symbolic.likelihood import SymbolicScorer

CASES = (("random_pitches", 1.0), ("jitter_onsets", 0.1), ("wrong_notes", 0.05), ("semitone", 0.05), ("semitone", 0.01))


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ranking", description=__doc__)
    parser.add_argument("--data", default="data/giantmidi-piano", help="cache made by python -m symbolic.prepare")
    parser.add_argument("--weights", type=Path, help="folder of weights other than the shipped ones")
    parser.add_argument("--pieces", type=int, default=60, help="test pieces (default 60)")
    parser.add_argument("--per-piece", type=int, default=2, help="excerpts of each (default 2)")
    flags = parser.parse_args(argv)
    excerpts = excerpts_of_test_pieces(
        Corpus.open(flags.data), pieces=flags.pieces, per_piece=flags.per_piece, notes=256
    )
    scorers = [SymbolicScorer.load(name, flags.weights) for name in ("events", "vqvae")]
    originals = {s.name: [x.nll_nats for x in s.score(excerpts, excerpt=True)] for s in scorers}
    rows = []
    for name, amount in CASES:
        rng = np.random.default_rng(1)
        corrupted = [CORRUPTIONS[name](excerpt, rng, amount) for excerpt in excerpts]
        cells = [f"{name} {amount:.0%}"]
        for scorer in scorers:
            nats = np.array([x.nll_nats for x in scorer.score(corrupted, excerpt=True)])
            difference = nats - np.array(originals[scorer.name])
            wins = ((difference > 0) + 0.5 * (difference == 0)).reshape(-1, flags.per_piece)  # [pieces, per_piece]
            cells.append(with_interval(wins, mean, ".3f"))
        rows.append(cells)
    write_result(f"{len(excerpts)} excerpts of 256 notes from {len(excerpts) // flags.per_piece} test pieces\n")
    write_result(markdown_table(["corruption", *[scorer.name for scorer in scorers]], rows))
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
