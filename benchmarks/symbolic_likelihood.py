"""`python -m benchmarks.symbolic_likelihood`: test bits per note of both models beside what is simpler.

Every test piece is scored whole, from its first note, the end symbol left out. Figures by corpus are sums over all
pieces divided once; per-piece means weigh each piece alike; "codes" is the part of the bound that the codes take. The
second table looks at late notes alone, those with at least half a window of context before them, and converts to nats
per symbol of the 388-symbol performance encoding, in which others publish: note-ons, note-offs, time shifts, and a
velocity where it changes. Intervals: 95 %, bootstrap over pieces.
"""

import argparse
from collections.abc import Sequence
from functools import partial
from math import log as ln
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.peers import midilike
from benchmarks.peers.baselines import NoteMarkov, TokenMarkov
from losscal.cli import EXIT_DONE, add_data_flag, add_weights_flag, run, write_result
from losscal.statistics import markdown_table, with_interval
from symbolic.data.corpus import Corpus
from symbolic.notes.performance import Performance
from symbolic.tokens import events

MARKOV_ORDER = 3
PARTS = (*events.ATTRIBUTES, "codes")


class NoteNats(NamedTuple):
    """What a model with a window says of a piece of N notes: nats float64 [N, columns], is_late bool [N].

    code_nats: float64 [N], those of codes, which the columns do not hold; None without codes.
    """

    nats: np.ndarray
    is_late: np.ndarray
    code_nats: np.ndarray | None = None

    @property
    def by_part(self) -> np.ndarray:
        """The nats of each note by part, the codes' last where there are some, float64 [N, parts]."""
        return self.nats if self.code_nats is None else np.column_stack([self.nats, self.code_nats])


def counted_rows(train: Sequence[Performance], test: Sequence[Performance]) -> list[list[str]]:
    """The first table's lines of the models that only count."""
    kinds = {
        "unigram": partial(NoteMarkov, order=0),
        f"order-{MARKOV_ORDER} Markov of tokens": partial(TokenMarkov, order=MARKOV_ORDER),
        f"order-{MARKOV_ORDER} Markov of notes": partial(NoteMarkov, order=MARKOV_ORDER),
    }
    rows = []
    for name, kind in kinds.items():
        model = kind(train)
        rows.append(whole_row(name, np.stack([model.nats(performance) for performance in test]), test))
    return rows


def of_our_model(name: str, weights: Path | None, music: Sequence[Performance]) -> list[NoteNats]:
    """The row of "events", or of the bound of "vqvae"."""
    from symbolic.scoring.likelihood import SymbolicScorer

    scorer = SymbolicScorer.load(name, weights)
    rows = []
    for performance in music:
        (of,) = scorer.score([performance])
        is_late = late_events(performance, scorer.model.config.window_events // 2)
        rows.append(NoteNats(of.attribute_nats, is_late, of.code_nats))
    return rows


def of_llama(folder: Path, music: Sequence[Performance]) -> list[NoteNats]:
    """The row of a peer trained by `benchmarks.llama`."""
    from benchmarks.llama.peer import CONTEXT_TOKENS, load, token_nats

    model = load(folder)
    rows = []
    for performance in music:
        tokens = midilike.encode(performance)
        nats = midilike.sum_by_note(tokens, token_nats(model, performance))
        position = 1 + np.flatnonzero(midilike.is_note_on(tokens))  # in a document, after its start
        rows.append(NoteNats(nats[:, None], position >= CONTEXT_TOKENS // 2))
    return rows


def late_events(performance: Performance, least_context: int) -> np.ndarray:
    """Which notes have at least so many events before them, bool [N]."""
    rows = events.encode(performance, end=False)
    return np.flatnonzero(rows[:, 0] < events.REST) >= least_context


def symbols_by_note(performance: Performance) -> np.ndarray:
    """Symbols of the performance encoding that each note takes, int64 [N]: MIDILike without repeated velocities."""
    tokens = midilike.encode(performance)
    velocity = performance.notes["velocity_bin"].astype(int)
    is_repeated = np.diff(velocity, prepend=-1) == 0
    return midilike.sum_by_note(tokens, np.ones(len(tokens), dtype=np.int64)) - is_repeated


def whole_row(name: str, nats: np.ndarray, music: Sequence[Performance]) -> list[str]:
    """One model's line of the first table; nats [pieces, columns], one total or the first of PARTS."""
    notes = np.array([len(performance) for performance in music])
    seconds = np.array([performance.seconds for performance in music])
    total = np.stack([nats.sum(axis=1), notes], axis=1)

    def piece_bits(rows: np.ndarray) -> float:
        return (rows[:, 0] / rows[:, 1]).mean() / ln(2)

    cells = [name, with_interval(total, corpus_bits, ".2f"), with_interval(total, piece_bits, ".2f")]
    cells.append(f"{nats.sum() / seconds.sum():.1f}")
    parts = [] if nats.shape[1] == 1 else nats.sum(axis=0) / notes.sum() / ln(2)
    cells += [f"{bits:.2f}" for bits in parts]
    return cells + [""] * (len(PARTS) - len(parts))


def late_row(name: str, pieces: Sequence[NoteNats], symbols: Sequence[np.ndarray]) -> list[str]:
    """One model's line of the second table; symbols [N] by piece."""
    totals = np.array(
        [
            (piece.by_part[piece.is_late].sum(), piece.is_late.sum(), own[piece.is_late].sum())
            for piece, own in zip(pieces, symbols, strict=True)
            if piece.is_late.any()
        ]
    ).reshape(-1, 3)
    if not len(totals):
        return [name, "0", "", ""]

    def nats_per_symbol(rows: np.ndarray) -> float:
        return rows[:, 0].sum() / rows[:, 2].sum()

    figures = [with_interval(totals, corpus_bits, ".2f"), with_interval(totals, nats_per_symbol, ".3f")]
    return [name, f"{totals[:, 1].sum():.0f}", *figures]


def corpus_bits(rows: np.ndarray) -> float:
    """Bits per note of rows [pieces, 2 or more] of nats and notes."""
    return rows[:, 0].sum() / rows[:, 1].sum() / ln(2)


def main(argv: Sequence[str] | None = None) -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.symbolic_likelihood", description=__doc__)
    add_data_flag(parser)
    add_weights_flag(parser)
    parser.add_argument(
        "--llama", type=Path, action="append", default=[], help="folder of a trained benchmarks.llama (may be repeated)"
    )
    flags = parser.parse_args(argv)
    corpus = Corpus.open(flags.data)
    test = [corpus.performance(piece) for piece in corpus.of_split("test")]
    whole = counted_rows([corpus.performance(piece) for piece in corpus.of_split("train")], test)
    windowed = {f"llama {folder.name}": of_llama(folder, test) for folder in flags.llama}
    for name in ("events", "vqvae"):
        windowed["vqvae bound" if name == "vqvae" else name] = of_our_model(name, flags.weights, test)
    for name, pieces in windowed.items():
        whole.append(whole_row(name, np.stack([piece.by_part.sum(axis=0) for piece in pieces]), test))
    symbols = [symbols_by_note(performance) for performance in test]
    late = [late_row(name, pieces, symbols) for name, pieces in windowed.items()]
    notes = sum(len(performance) for performance in test)
    per_note = sum(own.sum() for own in symbols) / notes
    write_result(f"{len(test)} test pieces, {notes} notes, data {corpus.data_hash[:12]}\n")
    write_result(markdown_table(["model", "bits/note", "per-piece mean", "nats/s", *PARTS], whole))
    write_result(f"\nlate notes alone; of all notes one takes {per_note:.2f} symbols\n")
    write_result(markdown_table(["model", "late notes", "bits/note", "nats/symbol"], late))
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
