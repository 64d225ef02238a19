"""Excerpts of test pieces, the same for every benchmark, and the flags that name them."""

import argparse

from losscal.cli import add_data_flag, add_weights_flag, in_range
from losscal.settings import Count
from symbolic.data.corpus import Corpus
from symbolic.data.excerpts import Length, draw_of_each, pieces_of_corpus
from symbolic.notes.performance import Performance

EXCERPT_NOTES = 256


def excerpt_parser(module: str, description: str, per_piece: int = 4) -> argparse.ArgumentParser:
    """The parser of a benchmark over excerpts: data, weights, and how many excerpts of how many pieces."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{module}", description=description)
    add_data_flag(parser)
    add_weights_flag(parser)
    parser.add_argument("--pieces", type=in_range(Count), default=60, help="test pieces (default 60)")
    parser.add_argument(
        "--per-piece", type=in_range(Count), default=per_piece, help="excerpts of each (default %(default)s)"
    )
    return parser


def excerpts_of_test_pieces(
    corpus: Corpus, *, pieces: int, per_piece: int, notes: int = EXCERPT_NOTES, seed: int = 1
) -> list[Performance]:
    """`per_piece` excerpts of `notes` notes from each of up to `pieces` test pieces that are long enough, seeded."""
    length = Length(notes, "notes")
    drawn = draw_of_each(pieces_of_corpus(corpus), length, count=pieces, per_piece=per_piece, seed=seed)
    return [excerpt.performance for excerpt in drawn]
