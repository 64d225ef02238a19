"""`python -m benchmarks.symbolic_likelihood`: test bits per note of both models beside a unigram model.

Every test piece is scored whole, from its first note, by `symbolic.likelihood` with the shipped weights. Figures by
corpus are sums over all pieces divided once; per-piece means weigh each piece alike. Intervals: 95 %, bootstrap over
pieces.
"""

import argparse
from collections.abc import Sequence
from math import log
from pathlib import Path

import numpy as np

from benchmarks.statistics import markdown_table, with_interval
from losscal.cli import EXIT_DONE, run, write_result
from symbolic.corpus import Corpus
from symbolic.events import ATTRIBUTES, REST, VOCABULARY, encode
from symbolic.likelihood import SymbolicScorer
from symbolic.performance import Performance


class Unigram:
    """Attributes independent of each other and of the past, at their training frequencies (add-one smoothed)."""

    def __init__(self, music: Sequence[Performance]) -> None:
        counts = {name: np.ones(VOCABULARY[name]) for name in ATTRIBUTES}
        for performance in music:
            for name, values in self._values(performance).items():
                counts[name] += np.bincount(values, minlength=VOCABULARY[name])
        self.nats = {name: -np.log(count / count.sum()) for name, count in counts.items()}

    def by_attribute(self, performance: Performance) -> dict[str, float]:
        """Nats of a performance by attribute, the end symbol left out."""
        return {name: float(self.nats[name][values].sum()) for name, values in self._values(performance).items()}

    def _values(self, performance: Performance) -> dict[str, np.ndarray]:
        events = encode(performance, end=False)
        is_note = events[:, 0] < REST
        return {name: events[is_note | (name == "time"), i] for i, name in enumerate(ATTRIBUTES)}


def row_of(name: str, notes: np.ndarray, nats: dict[str, np.ndarray], seconds: np.ndarray) -> list[str]:
    """One model's line: notes, seconds [pieces], nats [pieces] by attribute."""
    total = np.stack([notes, sum(nats.values()), seconds], axis=1)

    def corpus_bits(rows: np.ndarray) -> float:
        return rows[:, 1].sum() / rows[:, 0].sum() / log(2)

    def piece_bits(rows: np.ndarray) -> float:
        return (rows[:, 1] / rows[:, 0]).mean() / log(2)

    cells = [name, with_interval(total, corpus_bits, ".2f"), with_interval(total, piece_bits, ".2f")]
    cells.append(f"{total[:, 1].sum() / seconds.sum():.1f}")
    bits = {column: f"{values.sum() / notes.sum() / log(2):.2f}" for column, values in nats.items()}
    return cells + [bits.get(column, "") for column in (*ATTRIBUTES, "code")]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.symbolic_likelihood", description=__doc__)
    parser.add_argument("--data", default="data/giantmidi-piano", help="cache made by python -m symbolic.prepare")
    parser.add_argument("--weights", type=Path, help="folder of weights other than the shipped ones")
    flags = parser.parse_args(argv)
    corpus = Corpus.open(flags.data)
    test = [corpus.performance(piece) for piece in corpus.of_split("test")]
    notes = np.array([len(performance) for performance in test], dtype=np.float64)
    seconds = np.array([performance.seconds for performance in test])
    unigram = Unigram([corpus.performance(piece) for piece in corpus.of_split("train")])
    per_piece = {"unigram": [unigram.by_attribute(performance) for performance in test]}
    for name in ("events", "vqvae"):
        scorer = SymbolicScorer.load(name, flags.weights)
        per_piece[name] = [scorer.score([performance])[0].by_attribute for performance in test]
    rows = [
        row_of(name, notes, {column: np.array([row[column] for row in table]) for column in table[0]}, seconds)
        for name, table in per_piece.items()
    ]
    header = ["model", "bits/note", "per-piece mean", "nats/s", *ATTRIBUTES, "code"]
    write_result(f"{len(test)} test pieces, {int(notes.sum())} notes, data {corpus.data_hash[:12]}\n")
    write_result(markdown_table(header, rows))
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
