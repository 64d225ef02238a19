"""`python -m symbolic.typical --data DIR`: how usual figures of notes are spread over held-out real music.

Windows of some lengths in seconds are drawn from the test split; what is written are the quantiles of notes a second,
repeated runs and likeness after some seconds (`symbolic.notes.typicality`), beside which candidates are ranked.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from losscal.cli import EXIT_DONE, add_data_flag, in_range, log, run, write_result
from losscal.settings import Count
from symbolic.notes.typicality import HELD_OUT_FILE, LENGTHS_SECONDS, quantiles_of

SEED = 0


def main(argv: Sequence[str] | None = None) -> int:
    """Write the quantiles and tell the medians."""
    parser = argparse.ArgumentParser(prog="python -m symbolic.typical", description=__doc__)
    add_data_flag(parser)
    parser.add_argument(
        "--windows", type=in_range(Count), default=300, help="of each length in seconds (default %(default)s)"
    )
    parser.add_argument(
        "--out", type=Path, default=HELD_OUT_FILE, metavar="FILE.json", help="by default the shipped ones"
    )
    flags = parser.parse_args(argv)

    from symbolic.data.corpus import Corpus
    from symbolic.data.excerpts import Length, draw_in_turn, pieces_of_corpus

    corpus = Corpus.open(flags.data)
    pieces = pieces_of_corpus(corpus)
    windows = {
        seconds: draw_in_turn(pieces, Length(seconds, "seconds"), flags.windows, np.random.default_rng((SEED, seconds)))
        for seconds in LENGTHS_SECONDS
    }
    references = quantiles_of(windows, corpus.data_hash)
    references.save(flags.out)
    for name, reference in references.by_view.items():
        medians = ", ".join(f"{np.median(of):.2f} in {seconds} s" for seconds, of in reference.quantiles.items())
        write_result(f"{name}: median {medians}")
    log(f"written: {flags.out}")
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
