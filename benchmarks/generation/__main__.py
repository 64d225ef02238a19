"""`python -m benchmarks.generation`: how much like real music is what the models write?

Pieces from both models, from a unigram sampler, a first-order Markov chain and, where given, a Llama of the same size,
beside the openings of test pieces, which are the reference, and those of validation pieces: real against real. First
table: Jensen-Shannon divergences in bits from the reference of how notes are distributed, and FAD, the Fréchet distance
of spectral_lm's states over renderings. FAD falls with the number of seconds: compare equal numbers only. Second table:
notes a second, how alike seconds that lie apart sound (cosine of their pitch classes), runs of 8 notes that a piece has
had before, the longest copies from training pieces in notes, the share of near-copies (longer than 95 % of the
reference's), and bits per note under both models, of which the one that did not write it tells more. Third table: what
holds over time, likeness after a minute, how clearly there is a key (Krumhansl) and how evenly pitch classes are used,
in the whole piece and in windows of 10 s, the longest silence, and the densest window. Intervals: 95 %, bootstrap over
pieces, the reference fixed.
"""

import argparse
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Annotated

import numpy as np

from benchmarks.generation.measures import (
    DISTRIBUTION_HEADER,
    STRUCTURE_HEADER,
    TIME_HEADER,
    Instruments,
    distribution_row,
    structure_row,
    time_row,
)
from benchmarks.generation.sources import ONE_SECTION, Source, Wanted, of_counts, of_llama, of_model, openings
from bridge.views.opening import SYMBOLIC_VIEWS
from losscal.cli import EXIT_DONE, add_data_flag, add_weights_flag, in_range, log, of_field, run, write_result
from losscal.settings import Count, Range, Seconds, Seed
from losscal.statistics import markdown_table
from symbolic.data.corpus import Corpus
from symbolic.memorisation import USUAL_SHARE, TrainingMelodies
from symbolic.models.configs import USUAL_SAMPLING, SamplingConfig
from symbolic.notes.performance import Performance

Several = Annotated[int, Range(2, 1_000_000)]
"""So many pieces as can be compared."""
SoundSeconds = Annotated[float, Range(0, 3600)]


def sources_of(flags: argparse.Namespace, corpus: Corpus) -> Iterator[Source]:
    """What is drawn, in the order of the tables."""
    from symbolic.models.registry import weights_path

    settings = product(flags.temperatures, flags.top_p, flags.pitch_temperatures, flags.pace_holds)
    names = ("temperature", "top_p", "pitch_temperature", "pace_hold")
    grid = [SamplingConfig(**dict(zip(names, values, strict=True))) for values in settings]
    for kind, sampling, form, candidates in product(flags.models, grid, flags.forms, flags.candidates):
        weights = weights_path(flags.weights)
        yield of_model(kind, weights, sampling, name=kind, form=form, candidates=candidates)
    for (kind, weights), sampling in product(flags.checkpoint, grid):
        yield of_model(kind, weights, sampling, name=f"{kind} of {weights.stem}")
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


def form(text: str) -> str:
    """A --forms flag, as it was typed."""
    from symbolic.sampling.forms import parse_form

    try:
        parse_form(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generation", description=__doc__)
    defaults = USUAL_SAMPLING
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
    swept = {
        "--temperatures": "temperature",
        "--top-p": "top_p",
        "--pitch-temperatures": "pitch_temperature",
        "--pace-holds": "pace_hold",
    }
    for flag, field in swept.items():
        kind, default = of_field(SamplingConfig, field), [getattr(defaults, field)]
        parser.add_argument(flag, type=kind, nargs="+", default=default, help="default %(default)s")
    parser.add_argument(
        "--forms", type=form, nargs="+", default=[ONE_SECTION], help="auto, A-B-A... (default: A, in one go)"
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
    """Print the tables."""
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
    real_name = "real, test: the reference"
    distributions, structures = [], [structure_row(real_name, reference, usual_copy)]
    over_time = [time_row(real_name, reference)]

    def add(name: str, music: Sequence[Performance]) -> None:
        log(f"measuring {len(music)} pieces: {name}")
        measures = instruments.measure(music)
        distributions.append(distribution_row(name, measures, reference))
        structures.append(structure_row(name, measures, usual_copy))
        over_time.append(time_row(name, measures))

    add("real, validation", real["validation"])
    for source in sources:
        add(source.name, source.pieces(wanted, flags.pieces_dir))
    write_result(f"{wanted}; {len(real['test'])} test and {len(real['validation'])} validation openings as long\n")
    write_result(markdown_table(DISTRIBUTION_HEADER, distributions) + "\n")
    write_result(markdown_table(STRUCTURE_HEADER, structures) + "\n")
    write_result(markdown_table(TIME_HEADER, over_time))
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
