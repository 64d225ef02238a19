"""`python -m benchmarks.endings`: what the end costs a model after real pieces and after drawn ones.

What it costs is read without any code. Real pieces are those of the validation split, their last 400 notes. Drawn
pieces are the candidates of seed 1, of `--seconds`, with default settings.
"""

import argparse
from collections.abc import Sequence

import numpy as np

from losscal.cli import EXIT_DONE, add_data_flag, in_range, log, run, write_result
from losscal.settings import Count, Seconds
from losscal.statistics import markdown_table

QUANTILES = (0.25, 0.5, 0.75, 0.9, 0.95)
LAST_NOTES = 400


def main(argv: Sequence[str] | None = None) -> int:
    """Print what ends cost, and how many drawn pieces end plausibly."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.endings", description=__doc__)
    parser.add_argument("--model", choices=("events", "vqvae"), default="events", help="which model (default events)")
    add_data_flag(parser)
    parser.add_argument("--pieces", type=in_range(Count), default=100, help="pieces to draw (default 100)")
    parser.add_argument("--seconds", type=in_range(Seconds), default=30.0, help="their length (default 30)")
    flags = parser.parse_args(argv)

    from symbolic.data.corpus import Corpus
    from symbolic.sampling.endings import PLAUSIBLE_END_NATS
    from symbolic.sampling.pieces import draw_pieces
    from symbolic.scoring.likelihood import SymbolicScorer, score

    scorer, corpus = SymbolicScorer.load(flags.model), Corpus.open(flags.data)
    real = [corpus.performance(piece) for piece in corpus.of_split("validation")]
    endings = [music.excerpt(max(0, len(music) - LAST_NOTES), len(music)) for music in real]
    real_nats = [of.end_nll_nats for of in score(scorer.model, endings)]
    pieces = draw_pieces(scorer.model, seconds=flags.seconds, seed=1, told=scorer.told, candidates=range(flags.pieces))
    log(f"drew {len(pieces)} pieces")
    drawn_nats = [piece.end_nats for piece in pieces]
    rows = [
        [name, str(len(nats)), *(f"{value:.2f}" for value in np.quantile(nats, QUANTILES))]
        for name, nats in (("real", real_nats), ("drawn", drawn_nats))
    ]
    write_result(markdown_table(["end costs, nats", "pieces", *(f"{q:.0%} below" for q in QUANTILES)], rows))
    plausible = sum(nats <= PLAUSIBLE_END_NATS for nats in drawn_nats)
    write_result(f"\nreal endings (up to {PLAUSIBLE_END_NATS} nats): {plausible} of {len(pieces)}")
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
