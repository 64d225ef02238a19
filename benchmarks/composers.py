"""`python -m benchmarks.composers`: do the models know who wrote a test piece?

log p(piece | composer) of every composer a model was trained with, over the openings of the test pieces of these
composers; right is the composer under whom the piece is likeliest, or one of the five. Beside it: always naming the
composers with most training pieces, and guessing. Intervals: 95 %, bootstrap over pieces.
"""

import argparse
from collections import Counter
from collections.abc import Sequence

import numpy as np

from bridge.views.opening import SYMBOLIC_VIEWS
from losscal.cli import EXIT_DONE, add_data_flag, add_weights_flag, in_range, log, run, write_result
from losscal.errors import InputError
from losscal.settings import Count
from losscal.statistics import markdown_table, mean, with_interval
from symbolic.data.corpus import Corpus

FEW = 5


def rank_of_truth(nats: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """How many composers are at least as likely as the true one, int64 [P], the true one included; nats [P, C]."""
    return (nats <= nats[np.arange(len(nats)), truth][:, None]).sum(axis=1)


def row(name: str, notes: str, ranks: np.ndarray) -> list[str]:
    """A line of the table from the true composers' ranks [P]."""
    return [name, notes, *(with_interval(ranks <= most, mean, ".2f") for most in (1, FEW))]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.composers", description=__doc__)
    add_data_flag(parser)
    add_weights_flag(parser)
    parser.add_argument(
        "--notes",
        type=in_range(Count),
        nargs="+",
        default=[64, 256, 1024],
        help="lengths of the openings (default 64 256 1024)",
    )
    flags = parser.parse_args(argv)

    from symbolic.scoring.composers import composer_nats
    from symbolic.scoring.likelihood import SymbolicScorer

    corpus, rows = Corpus.open(flags.data), []
    for name in SYMBOLIC_VIEWS:
        scorer = SymbolicScorer.load(name, flags.weights)
        composers = scorer.model.config.composers
        pieces = [piece for piece in corpus.of_split("test") if piece.composer in composers]
        if not pieces:
            raise InputError(f"{flags.data}: no test piece is by one of the {len(composers)} composers {name} knows.")
        truth = np.array([composers.index(piece.composer) for piece in pieces])
        for notes in flags.notes:
            log(f"{name}: {notes} notes")
            openings = [corpus.performance(piece).excerpt(0, notes) for piece in pieces]
            rows.append(
                row(name, str(notes), rank_of_truth(composer_nats(scorer.model, openings, told=scorer.told), truth))
            )
    training_pieces = Counter(piece.composer for piece in corpus.of_split("train"))
    frequency = np.array([[training_pieces[composer] for composer in composers]] * len(pieces))
    rows.append(row("most training pieces", "", rank_of_truth(-frequency, truth)))
    rows.append(["guessing", "", *(f"{min(most, len(composers)) / len(composers):.2f}" for most in (1, FEW))])
    write_result(f"{len(pieces)} test pieces of {len(composers)} composers\n")
    write_result(markdown_table(["model", "notes heard", "top 1", f"top {FEW}"], rows))
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
