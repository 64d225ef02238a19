"""`python -m benchmarks.generation`: how much like real music is what the models write?

Pieces from both models, from a unigram sampler, a first-order Markov chain and, where given, a Llama of the same size,
beside the openings of test pieces, which are the reference, and those of validation pieces: real against real. First
table: Jensen-Shannon divergences in bits from the reference of how notes are distributed, and FAD, the Fréchet distance
of spectral_lm's states over renderings. FAD falls with the number of seconds: compare equal numbers only. Second table:
notes a second, how alike seconds that lie apart sound (cosine of their pitch classes), runs of 8 notes that a piece has
had before, the longest copies from training pieces in notes, the share of near-copies (longer than 95 % of the
reference's), and bits per note under both models, of which the one that did not write it tells more. Intervals: 95 %,
bootstrap over pieces, the reference fixed.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import log as ln
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np

from benchmarks.peers.sources import Source, Wanted, of_counts, of_llama, of_model, openings
from bridge.views.opening import SYMBOLIC_VIEWS
from losscal.cli import EXIT_DONE, add_data_flag, add_weights_flag, in_range, log, of_field, run, write_result
from losscal.settings import Count, Range, Seconds, Seed
from losscal.statistics import interval_text, markdown_table, ratio, with_interval
from symbolic.data.corpus import Corpus
from symbolic.memorisation import USUAL_SHARE, TrainingMelodies
from symbolic.models.configs import SamplingConfig
from symbolic.notes.descriptors import DISTRIBUTIONS, self_similarity
from symbolic.notes.melodies import Melodies
from symbolic.notes.performance import Performance

if TYPE_CHECKING:
    from audio.metrics.distances import Moments
    from audio.metrics.embeddings import Embedder
    from symbolic.scoring.likelihood import SymbolicScorer

LAGS_SECONDS = (1, 4, 16)
REPEATED_NOTES = 8
RENDER_SAMPLE_RATE = 32_000
DISTRIBUTION_HEADER = ("music", *DISTRIBUTIONS, "FAD")
STRUCTURE_HEADER = (
    "music",
    "notes/s",
    *(f"alike after {lag} s" for lag in LAGS_SECONDS),
    f"repeated runs of {REPEATED_NOTES}",
    "longest copy: median",
    f"{USUAL_SHARE:.0%}",
    "most",
    "near-copies",
    *(f"bits/note, {name}" for name in SYMBOLIC_VIEWS),
)


@dataclass(frozen=True)
class Measures:
    """What is known of a set of P pieces; pairs are a numerator and a denominator by piece, float64 [P, 2].

    distributions: counts [P, bins] by name. pairs: of the second table's ratios, by column. longest_copies: int64 [P].
    states: of the renderings, None where none were made.
    """

    distributions: Mapping[str, np.ndarray]
    pairs: Mapping[str, np.ndarray]
    longest_copies: np.ndarray
    states: "Moments | None"


@dataclass(frozen=True)
class Instruments:
    """What pieces are measured with.

    sound_seconds: how much of each is rendered for the embedder, where there is one.
    """

    training: TrainingMelodies
    scorers: Sequence["SymbolicScorer"]
    embedder: "Embedder | None"
    sound_seconds: float

    def measure(self, music: Sequence[Performance]) -> Measures:
        """All measures of a set of pieces."""
        pairs = {"notes/s": np.array([(len(piece), piece.seconds) for piece in music])}
        for lag in LAGS_SECONDS:
            pairs[f"alike after {lag} s"] = np.stack([self_similarity(piece, lag) for piece in music])
        pairs[f"repeated runs of {REPEATED_NOTES}"] = Melodies(music).repeats(REPEATED_NOTES).astype(np.float64)
        for scorer in self.scorers:
            bits = [(score.nll_nats / ln(2), score.notes) for score in scorer.score(music)]
            pairs[f"bits/note, {scorer.name}"] = np.array(bits)
        return Measures(
            {name: np.stack([count(piece) for piece in music]) for name, count in DISTRIBUTIONS.items()},
            pairs,
            self.training.longest_runs(music),
            None if self.embedder is None else self._states(music),
        )

    def _states(self, music: Sequence[Performance]) -> "Moments":
        from audio.metrics.distances import Moments
        from bridge.references import render_window

        renderings = (render_window(piece, self.sound_seconds, RENDER_SAMPLE_RATE) for piece in music)
        return Moments.of(np.concatenate([self.embedder.embed(sound) for sound in renderings]))


def distribution_row(name: str, measures: Measures, reference: Measures) -> list[str]:
    """A line of the first table."""
    from audio.metrics.distances import frechet_distance, jensen_shannon

    def divergence_from(expected: np.ndarray) -> Callable[[np.ndarray], float]:
        return lambda rows: jensen_shannon(rows.sum(axis=0), expected) ** 2

    cells = [
        with_interval(counts, divergence_from(reference.distributions[of].sum(axis=0)), ".3f")
        for of, counts in measures.distributions.items()
    ]
    fad = "" if measures.states is None else f"{frechet_distance(reference.states, measures.states):.3f}"
    return [name, *cells, fad]


def structure_row(name: str, measures: Measures, usual_copy: float) -> list[str]:
    """A line of the second table; copies longer than `usual_copy` notes are near-copies."""
    copies = measures.longest_copies
    cells = {column: interval_text(ratio(*pair.T), ".2f") for column, pair in measures.pairs.items()}
    cells |= {
        "longest copy: median": f"{np.median(copies):.0f}",
        f"{USUAL_SHARE:.0%}": f"{np.quantile(copies, USUAL_SHARE):.0f}",
        "most": str(copies.max()),
        "near-copies": f"{(copies > usual_copy).mean():.0%}",
    }
    return [name, *(cells[column] for column in STRUCTURE_HEADER[1:])]


Several = Annotated[int, Range(2, 1_000_000)]
"""So many pieces as can be compared."""
SoundSeconds = Annotated[float, Range(0, 3600)]


def sources_of(flags: argparse.Namespace, corpus: Corpus) -> Iterator[Source]:
    """What is drawn, in the order of the tables."""
    from symbolic.models.registry import weights_path

    grid = [SamplingConfig(temperature=t, top_p=p) for t, p in product(flags.temperatures, flags.top_p)]
    for kind, sampling, candidates in product(flags.models, grid, flags.candidates):
        yield of_model(kind, weights_path(kind, flags.weights), sampling, name=kind, candidates=candidates)
    for (kind, weights), sampling in product(flags.checkpoint, grid):
        yield of_model(kind, weights, sampling, name=weights.stem)
    for folder, sampling in product(flags.llama, grid):
        yield of_llama(folder, sampling)
    if flags.counts:
        yield of_counts("first-order Markov chain", corpus, order=1)
        yield of_counts("unigram sampler", corpus, order=0)


def checkpoint(text: str) -> tuple[str, Path]:
    """A --checkpoint flag, "KIND=FILE"."""
    kind, _, file = text.partition("=")
    if kind not in SYMBOLIC_VIEWS or not Path(file).is_file():
        raise argparse.ArgumentTypeError(
            f"{text}: write KIND=FILE, KIND one of {', '.join(SYMBOLIC_VIEWS)}, FILE its weights"
        )
    return kind, Path(file)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generation", description=__doc__)
    defaults = SamplingConfig()
    add_data_flag(parser)
    add_weights_flag(parser)
    parser.add_argument(
        "--pieces", type=in_range(Several), default=100, help="pieces to draw of each kind (default %(default)s)"
    )
    parser.add_argument(
        "--seconds", type=in_range(Seconds), default=30.0, help="length of a piece (default %(default)g)"
    )
    parser.add_argument("--seed", type=in_range(Seed), default=1, help="of all draws (default %(default)s)")
    parser.add_argument(
        "--pieces-dir", type=Path, default=Path("build/generation"), help="where drawn pieces are kept (%(default)s)"
    )
    parser.add_argument(
        "--models", nargs="*", choices=SYMBOLIC_VIEWS, default=list(SYMBOLIC_VIEWS), help="default: both"
    )
    parser.add_argument(
        "--temperatures",
        type=of_field(SamplingConfig, "temperature"),
        nargs="+",
        default=[defaults.temperature],
        help="default %(default)s",
    )
    parser.add_argument(
        "--top-p",
        type=of_field(SamplingConfig, "top_p"),
        nargs="+",
        default=[defaults.top_p],
        help="default %(default)s",
    )
    parser.add_argument(
        "--candidates",
        type=in_range(Count),
        nargs="+",
        default=[1],
        help="take the most typical of so many; checkpoints draw one (default %(default)s)",
    )
    parser.add_argument(
        "--checkpoint", metavar="KIND=FILE", type=checkpoint, nargs="+", default=[], help="further weights to draw from"
    )
    parser.add_argument("--llama", type=Path, nargs="+", default=[], help="folders of a trained benchmarks.llama")
    parser.add_argument("--no-counts", dest="counts", action="store_false", help="leave out chain and unigram sampler")
    parser.add_argument(
        "--sound-seconds",
        type=in_range(SoundSeconds),
        default=20.0,
        help="of each piece, for FAD; 0: no FAD (default %(default)g)",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Print both tables."""
    flags = _parser().parse_args(argv)
    from symbolic.scoring.likelihood import SymbolicScorer

    corpus = Corpus.open(flags.data)
    wanted = Wanted(flags.pieces, flags.seconds, flags.seed)
    embedder = None
    if flags.sound_seconds > 0:
        from audio.metrics.embeddings import load_embedder

        embedder = load_embedder("spectral_lm")
    scorers = [SymbolicScorer.load(name, flags.weights) for name in SYMBOLIC_VIEWS]
    instruments = Instruments(TrainingMelodies(corpus), scorers, embedder, flags.sound_seconds)
    sources = list(sources_of(flags, corpus))
    real = {split: openings(corpus, split, wanted) for split in ("test", "validation")}
    reference = instruments.measure(real["test"])
    usual_copy = float(np.quantile(reference.longest_copies, USUAL_SHARE))
    distributions, structures = [], [structure_row("real, test: the reference", reference, usual_copy)]

    def add(name: str, music: Sequence[Performance]) -> None:
        log(f"measuring {len(music)} pieces: {name}")
        measures = instruments.measure(music)
        distributions.append(distribution_row(name, measures, reference))
        structures.append(structure_row(name, measures, usual_copy))

    add("real, validation", real["validation"])
    for source in sources:
        add(source.name, source.pieces(wanted, flags.pieces_dir))
    write_result(f"{wanted}; {len(real['test'])} test and {len(real['validation'])} validation openings as long\n")
    write_result(markdown_table(DISTRIBUTION_HEADER, distributions) + "\n")
    write_result(markdown_table(STRUCTURE_HEADER, structures))
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
