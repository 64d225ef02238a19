"""`python -m symbolic.typical --data DIR`: how usual figures of notes are spread over held-out real music.

Windows of some lengths in seconds are drawn from the test split; what is written are the quantiles of notes a second,
repeated runs and likeness after some seconds (`symbolic.notes.typicality`), beside which candidates are ranked; and
the notes a second of the openings of training pieces, from which new music draws its pace (`symbolic.sampling.pace`).
They lie with the package.
"""

import argparse
from collections.abc import Sequence

import numpy as np

from losscal.cli import EXIT_DONE, add_data_flag, in_range, log, prog_of, run, write_result
from losscal.settings import Count
from symbolic.notes import typicality

SEED = 0


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog=prog_of("symbolic.typical"), description=__doc__)
    add_data_flag(parser)
    parser.add_argument(
        "--windows", type=in_range(Count), default=300, help="of each length in seconds (default %(default)s)"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Write the quantiles and tell the medians."""
    flags = build_parser().parse_args(argv)

    from symbolic.data.corpus import Corpus
    from symbolic.data.excerpts import Length, draw_in_turn, long_enough, pieces_of_corpus

    corpus = Corpus.open(flags.data)
    pieces = pieces_of_corpus(corpus)
    windows = {
        seconds: draw_in_turn(pieces, Length(seconds, "seconds"), flags.windows, np.random.default_rng((SEED, seconds)))
        for seconds in typicality.LENGTHS_SECONDS
    }
    references = typicality.quantiles_of(windows, corpus.data_hash)
    references.save(typicality.HELD_OUT_FILE)
    for name, reference in references.by_view.items():
        medians = ", ".join(f"{np.median(of):.2f} in {seconds} s" for seconds, of in reference.quantiles.items())
        write_result(f"{name}: median {medians}")
    training = pieces_of_corpus(corpus, "train")
    lengths = [Length(seconds, "seconds") for seconds in typicality.LENGTHS_SECONDS]
    openings = {
        round(length.amount): [length.cut(piece.load(), 0) for piece in long_enough(training, length)]
        for length in lengths
    }
    paces = typicality.paces_of_openings(openings, corpus.data_hash)
    paces.save(typicality.OPENING_PACES_FILE)
    log(f"written: {typicality.HELD_OUT_FILE}, {typicality.OPENING_PACES_FILE}")
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
