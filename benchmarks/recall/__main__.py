"""`python -m benchmarks.recall`: what the recollection of what was played long ago is worth.

The first table: test pieces of more than so many notes, read whole by `events`; bits per note of those behind the first
`--late` alone, by how far back it may recall. A reach of one event recalls nothing. The last column is the difference
to the row above, of the same pieces.

The second: sections A-B-A of test pieces, 64 notes, so many between, and the first 64 again, a little slower and
softer; how often they are likelier than A-B-C, which ends with 64 notes from another place of the piece. By the figures
that a calibration measures, and by `events` that recalls nothing. Intervals: 95 %, bootstrap over pieces.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.excerpts import excerpt_parser, excerpts_of_test_pieces
from benchmarks.ranking import calibrated_figures
from benchmarks.symbolic_likelihood import corpus_bits
from losscal.cli import EXIT_DONE, in_range, run, write_result
from losscal.processes.progress import bar
from losscal.settings import Count
from losscal.statistics import markdown_table, mean, wins, with_interval
from symbolic.data.corpus import Corpus
from symbolic.notes.performance import Performance, end_at_restrikes, stretched
from symbolic.scoring.views import EVENTS, VQVAE, View

if TYPE_CHECKING:
    from symbolic.models.phrases.model import PhraseGPT

NOTHING_EVENTS = 1
REACHES_EVENTS = (NOTHING_EVENTS, 512, 1024, 2048, 4096, 8192)
SECTION_NOTES = 64
BETWEEN_NOTES = (64, 256, 1024)
ASKED = ((EVENTS, REACHES_EVENTS[-1]), (VQVAE, REACHES_EVENTS[-1]), (EVENTS, NOTHING_EVENTS))
"""Views, and how far they recall."""
SLOWER, SOFTER_BINS, PAUSE_TICKS = 1.04, 1, 50


def recalling(model: "PhraseGPT", reach_events: int) -> None:
    """Let a model recall what was played up to so many events ago."""
    model.config = replace(model.config, recall_events=reach_events)


def reach_rows(model: "PhraseGPT", music: Sequence[Performance], late: int) -> list[list[str]]:
    """The first table."""
    from symbolic.scoring.likelihood import score

    notes = np.array([len(performance) - late for performance in music], dtype=float)
    rows, before = [], None
    for reach in bar(desc="reaches")(REACHES_EVENTS):
        recalling(model, reach)
        nats = np.array([score(model, [performance])[0].note_nats[late:].sum() for performance in music])
        saved = "" if before is None else with_interval(np.stack([nats - before, notes], axis=1), corpus_bits, "+.3f")
        rows.append([str(reach), with_interval(np.stack([nats, notes], axis=1), corpus_bits, ".3f"), saved])
        before = nats
    return rows


def in_sections(*sections: Performance) -> Performance:
    """Sections one after the other, the last one a little slower and softer, each after a pause."""
    parts, onset_ticks = [], 0
    for index, section in enumerate(sections):
        notes = section.notes
        if index == len(sections) - 1:
            notes = stretched(notes, SLOWER)
            notes["velocity_bin"] -= np.minimum(notes["velocity_bin"], SOFTER_BINS)
        notes = notes.copy()
        notes["onset_ticks"] += onset_ticks
        onset_ticks = int(notes["onset_ticks"][-1]) + PAUSE_TICKS
        parts.append(notes)
    notes = np.concatenate(parts)
    return Performance(end_at_restrikes(notes[np.lexsort((notes["pitch"], notes["onset_ticks"]))]))


def section_rows(model: "PhraseGPT", corpus: Corpus, *, pieces: int, per_piece: int) -> list[list[str]]:
    """The second table."""
    rows = []
    for between in bar(desc="sections")(BETWEEN_NOTES):
        notes = SECTION_NOTES + between
        drawn = excerpts_of_test_pieces(corpus, pieces=pieces, per_piece=per_piece, notes=notes)
        first = [excerpt.excerpt(0, SECTION_NOTES) for excerpt in drawn]
        middle = [excerpt.excerpt(SECTION_NOTES, notes) for excerpt in drawn]
        order = np.roll(np.arange(len(drawn)).reshape(-1, per_piece), 1, axis=1).ravel()
        returning = [in_sections(*parts) for parts in zip(first, middle, first, strict=True)]
        going_on = [in_sections(*parts) for parts in zip(first, middle, (first[index] for index in order), strict=True)]
        shares = []
        for view, reach in ASKED:
            recalling(model, reach)
            won = wins(figures(model, view, returning), figures(model, view, going_on)).T  # [figures, excerpts]
            shares += [with_interval(of_figure.reshape(-1, per_piece), mean, ".3f") for of_figure in won]
        rows.append([str(between), str(len(drawn)), *shares])
    return rows


def figures(model: "PhraseGPT", view: View, music: Sequence[Performance]) -> np.ndarray:
    """What a view ranks by and what a calibration measures beside it, of each excerpt: float64 [excerpts, figures]."""
    from symbolic.scoring.likelihood import score

    return calibrated_figures(view, score(model, music, told=view is VQVAE, excerpt=True))


def main(argv: Sequence[str] | None = None) -> int:
    """Print both tables."""
    parser = excerpt_parser("recall", __doc__)
    parser.add_argument("--late", type=in_range(Count), default=2048, help="notes left out of each piece's beginning")
    parser.add_argument("--longest", type=in_range(Count), default=12, help="pieces of the first table")
    flags = parser.parse_args(argv)
    from symbolic.models.registry import load_model, weights_path

    corpus, (model, _) = Corpus.open(flags.data), load_model(weights_path(flags.weights))
    pieces = sorted(corpus.of_split("test"), key=lambda piece: -piece.n_notes)[: flags.longest]
    music = [corpus.performance(piece) for piece in pieces if piece.n_notes > flags.late]
    write_result(f"{len(music)} test pieces, {sum(map(len, music))} notes, without the first {flags.late} of each\n")
    rows = reach_rows(model, music, flags.late)
    write_result(markdown_table(["reach, events", "bits/note", "more than above"], rows))
    rows = section_rows(model, corpus, pieces=flags.pieces, per_piece=flags.per_piece)
    write_result(f"\nA-B-A against A-B-C, sections of {SECTION_NOTES} notes\n")
    names = [f"{view.name}, reach {reach}: {figure}" for view, reach in ASKED for figure in view.calibrated]
    write_result(markdown_table(["notes between", "excerpts", *names], rows))
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
