"""`python -m benchmarks.forms`: is what was asked for found? Forms, variations and joins, beside held-out real music.

Forms: pieces are drawn in a form, and sections of one letter ought to be more alike than sections of two: the mean
cosine of their pitch classes, second by second, and the share of notes struck within 50 ms of the same place in both.
Beside them pieces drawn without a form and real openings, cut into as many equal parts. Variations: excerpts of test
pieces are played anew with each side of them kept; told is how much of what was promised is there, and how much is new.
Joins: a stretch is cut out of test pieces and drawn anew between its two sides; told is what the first notes behind the
seam cost: in the piece as it was, joined, and with the sides put together. Intervals: 95 %, bootstrap over pieces.
"""

import argparse
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, get_args

import numpy as np

from losscal.cli import EXIT_DONE, add_data_flag, add_weights_flag, in_range, log, run, write_result
from losscal.settings import Count, Seconds, Seed
from losscal.statistics import markdown_table, mean, share, with_interval
from symbolic.models.configs import USUAL_SAMPLING, Kept
from symbolic.notes.descriptors import likeness
from symbolic.notes.performance import Performance, places

if TYPE_CHECKING:
    from symbolic.models.phrases.model import PhraseGPT

FORM = "A-B-A"
TOLERANCE_TICKS = 5
VARIED_NOTES = 256
JOINED_NOTES = 128
"""To either side of a stretch that is cut out."""


def same_notes(first: Performance, second: Performance) -> float:
    """The share of the first's notes that the second strikes within TOLERANCE_TICKS of the same place."""
    near = places(second.notes) + 128 * np.arange(-TOLERANCE_TICKS, TOLERANCE_TICKS + 1)[:, None]
    return float(np.isin(places(first.notes), near).mean())


def thirds(music: Performance) -> list[Performance]:
    """As many equal parts in seconds as FORM has."""
    onset = music.notes["onset_ticks"]
    borders = np.searchsorted(onset, onset[-1] * np.arange(1, 3) / 3)
    bounds = [0, *borders.tolist(), len(music)]
    return [music.excerpt(start, stop) for start, stop in pairwise(bounds)]


def form_row(name: str, music: Iterable[Sequence[Performance]]) -> list[str]:
    """A line of the first table, of pieces as their three sections."""
    rows = np.array(
        [
            (
                likeness(first, third),
                likeness(first, second),
                likeness(first, third) > likeness(first, second),
                same_notes(first, third),
                same_notes(first, second),
            )
            for first, second, third in music
        ]
    )
    cells = [with_interval(column, mean, ".2f") for column in rows.T]
    cells[2] = "{:.2f} [{:.2f}, {:.2f}]".format(*share(rows[:, 2], np.ones(len(rows))))
    return [name, *cells]


def forms(model: "PhraseGPT", real: Sequence[Performance], flags: argparse.Namespace) -> list[list[str]]:
    """The first table's lines."""
    from symbolic.sampling.forms import parse_form
    from symbolic.sampling.pieces import draw_pieces

    how = {"seconds": flags.seconds, "seed": flags.seed, "candidates": range(flags.pieces), "sampling": USUAL_SAMPLING}
    in_form = draw_pieces(model, form=parse_form(FORM), **how)
    log(f"drew {len(in_form)} pieces in the form {FORM}")
    without = draw_pieces(model, ending=False, **how)
    sections = [[piece.performance.excerpt(of.first_note, of.stop_note) for of in piece.sections] for piece in in_form]
    return [
        form_row(f"drawn in the form {FORM}", sections),
        form_row("drawn without a form, in thirds", [thirds(piece.performance) for piece in without]),
        form_row("real openings, in thirds", map(thirds, real)),
    ]


def variations(model: "PhraseGPT", music: Sequence[Performance], seed: int) -> list[list[str]]:
    """The second table's lines."""
    from symbolic.sampling.variation import vary

    rows = []
    for keep in get_args(Kept):
        varied = [vary(model, piece, keep, 1.0, seed=seed) for piece in music]
        figures = [[of.kept for of in varied], [of.notes_new for of in varied]]
        lengths = [len(of.performance) / len(piece) for of, piece in zip(varied, music, strict=True)]
        rows.append([keep, *(with_interval(np.array(column), mean, ".2f") for column in (*figures, lengths))])
        log(f"varied {len(music)} excerpts, {keep} kept")
    return rows


def joins(model: "PhraseGPT", music: Sequence[Performance], seconds: float, seed: int) -> list[list[str]]:
    """The third table's lines: nats of the first notes behind the seam, an event."""
    from symbolic.sampling.joining import draw_between, ways_of
    from symbolic.tokens.events import encode

    as_it_was, joined, apart = [], [], []
    for piece in music:
        gap = int(np.searchsorted(piece.notes["onset_ticks"], piece.notes["onset_ticks"][JOINED_NOTES] + 100 * seconds))
        if gap + JOINED_NOTES // 2 > len(piece):
            continue
        first, second = piece.excerpt(0, JOINED_NOTES), piece.excerpt(gap, min(len(piece), gap + JOINED_NOTES))
        between = draw_between(model, first, second, seconds=seconds, seed=seed, sampling=USUAL_SAMPLING)
        before = encode(piece.excerpt(0, gap), end=False)
        pause = int(piece.notes["onset_ticks"][gap] - piece.notes["onset_ticks"][gap - 1])
        (real,) = ways_of(model, before, encode(second, end=False), [(before[:0], pause)])
        as_it_was.append(real.seam_nats)
        joined.append(between.seam_nats)
        apart.append(between.nats_without)
    log(f"joined {len(joined)} excerpts")
    named = {"the piece as it was": as_it_was, "drawn between": joined, "nothing between": apart}
    return [
        [
            name,
            str(len(nats)),
            with_interval(np.array(nats), mean, ".1f"),
            *(f"{q:.1f}" for q in np.quantile(nats, (0.05, 0.5, 0.95))),
        ]
        for name, nats in named.items()
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the three tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forms", description=__doc__.replace("%", "%%"))
    add_data_flag(parser)
    add_weights_flag(parser)
    parser.add_argument("--pieces", type=in_range(Count), default=40, help="of each kind (default %(default)s)")
    parser.add_argument("--seconds", type=in_range(Seconds), default=60.0, help="of a form (default %(default)g)")
    parser.add_argument("--gap", type=in_range(Seconds), default=10.0, help="seconds of a join (default %(default)g)")
    parser.add_argument("--seed", type=in_range(Seed), default=1, help="of all draws (default %(default)s)")
    flags = parser.parse_args(argv)

    from symbolic.data.corpus import Corpus
    from symbolic.data.excerpts import Length, draw_in_turn, long_enough, pieces_of_corpus
    from symbolic.scoring.likelihood import SymbolicScorer

    pieces = pieces_of_corpus(Corpus.open(flags.data))
    model = SymbolicScorer.load("events", flags.weights).model
    length = Length(flags.seconds, "seconds")
    openings = [length.cut(piece.load(), 0) for piece in long_enough(pieces, length)[: flags.pieces]]
    rng = np.random.default_rng(flags.seed)
    excerpts = draw_in_turn(pieces, Length(VARIED_NOTES, "notes"), flags.pieces, rng)
    longer = draw_in_turn(pieces, Length(4 * VARIED_NOTES, "notes"), flags.pieces, rng)
    header = ("music", "A like A", "A like B", "A more like A", "notes of A in A", "notes of A in B")
    write_result(markdown_table(header, forms(model, openings, flags)) + "\n")
    header = ("kept", "share kept", "share of notes new", "notes for each given")
    write_result(markdown_table(header, variations(model, excerpts, flags.seed)) + "\n")
    header = ("behind the seam", "pieces", "nats an event", "5% below", "50% below", "95% below")
    write_result(markdown_table(header, joins(model, longer, flags.gap, flags.seed)))
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
