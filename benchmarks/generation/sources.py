"""Where the music of `benchmarks.generation` comes from: our models, a peer, counting alone, and real pieces.

Drawn pieces are kept as MIDI files in a folder of their source, those of our models after each batch: a run that is cut
goes on where it was, and a second one only measures.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from losscal.cli import log
from losscal.errors import InputError
from losscal.files import sha256_of
from symbolic.data.corpus import Corpus
from symbolic.data.excerpts import Length, long_enough, pieces_of_corpus
from symbolic.models.configs import SamplingConfig
from symbolic.notes.performance import Performance, write_midi

BATCH_PIECES = 16
HASH_DIGITS = 8
ONE_SECTION = "A"
"""The form of a piece in one go."""


@dataclass(frozen=True)
class Wanted:
    """How many pieces of how many seconds, and the seed they are drawn with."""

    pieces: int
    seconds: float
    seed: int

    def __str__(self) -> str:
        return f"{self.pieces} of {self.seconds:g} s, seed {self.seed}"


@dataclass(frozen=True)
class Source:
    """Music under one name; `origin` is the hash of the weights or data it is drawn with.

    draw: the pieces of these numbers of what is wanted. batch_pieces: so many at a time; None: all at once.
    """

    name: str
    origin: str
    draw: Callable[[Wanted, range], Sequence[Performance]]
    batch_pieces: int | None = None

    def pieces(self, wanted: Wanted, folder: Path) -> list[Performance]:
        """The pieces, from `folder` where they were drawn before, else drawn and written there batch by batch."""
        from symbolic.notes.cleaning import read_midi

        own = folder / f"{self.name}, {self.origin[:HASH_DIGITS]}, {wanted}"
        paths = [own / f"{number:04d}.mid" for number in range(wanted.pieces)]
        for numbers in batches(wanted.pieces, self.batch_pieces or wanted.pieces):
            batch = paths[numbers.start : numbers.stop]
            if all(path.is_file() for path in batch):
                continue
            start = perf_counter()
            music = self.draw(wanted, numbers)
            notes, seconds = sum(map(len, music)), perf_counter() - start
            log(f"{self.name}: drew {notes} notes in {seconds:.0f} s, {notes / seconds:.0f} a second")
            for performance, path in zip(music, batch, strict=True):
                write_midi(performance, path)
        return [read_midi(path).performance for path in paths]


def batches(pieces: int, batch_pieces: int) -> Iterator[range]:
    """The numbers of so many pieces, in batches."""
    for first in range(0, pieces, batch_pieces):
        yield range(first, min(pieces, first + batch_pieces))


def of_model(
    kind: str, weights: Path, sampling: SamplingConfig, name: str, *, form: str = ONE_SECTION, candidates: int = 1
) -> Source:
    """Our model in a weights file, read as "events" or "vqvae", in a form; the most typical of so many candidates."""
    sha256 = sha256_of(weights)

    def draw(wanted: Wanted, numbers: range) -> list[Performance]:
        from symbolic.models.registry import load_model
        from symbolic.sampling.forms import parse_form
        from symbolic.sampling.pieces import draw_pieces
        from symbolic.sampling.ranking import load_held_out, most_typical, require_held_out
        from symbolic.scoring.likelihood import OpenModel, SymbolicScorer

        scorer = SymbolicScorer(kind, OpenModel(load_model(weights)[0], sha256))
        drawn = draw_pieces(
            scorer.model,
            seconds=wanted.seconds,
            seed=wanted.seed,
            told=scorer.told,
            candidates=range(numbers.start * candidates, numbers.stop * candidates),
            sampling=sampling,
            ending=False,
            form=parse_form(form),
            batch_pieces=BATCH_PIECES,
        )
        if candidates > 1:
            held_out = require_held_out(load_held_out(scorer, weights.parent))
            of_piece = [drawn[first : first + candidates] for first in range(0, len(drawn), candidates)]
            drawn = [most_typical(scorer, several, held_out)[0].piece for several in of_piece]
        return [piece.performance for piece in drawn]

    chosen = f", most typical of {candidates}" if candidates > 1 else ""
    in_form = f", form {form}" if form != ONE_SECTION else ""
    return Source(f"{name}, {in_words(sampling)}{in_form}{chosen}", sha256, draw, BATCH_PIECES)


def of_llama(folder: Path, sampling: SamplingConfig) -> Source:
    """A peer that `benchmarks.llama` has trained."""
    from benchmarks.llama.peer import KIND

    def draw(wanted: Wanted, numbers: range) -> list[Performance]:
        from benchmarks.llama.peer import load
        from benchmarks.llama.sampling import llama_pieces

        return llama_pieces(load(folder), len(numbers), seconds=wanted.seconds, seed=wanted.seed, sampling=sampling)

    path = folder / f"{KIND}.safetensors"
    if not path.is_file():
        raise InputError(f"--llama {folder}: holds no {path.name}; train one with python -m benchmarks.llama train.")
    return Source(f"llama, {in_words(sampling)}", sha256_of(path), draw)


def of_counts(name: str, corpus: Corpus, order: int) -> Source:
    """Notes drawn from counts over the training pieces."""

    def draw(wanted: Wanted, numbers: range) -> list[Performance]:
        from benchmarks.peers.samplers import NoteSampler

        training = [corpus.performance(piece) for piece in corpus.of_split("train")]
        return NoteSampler(training, order).pieces(len(numbers), wanted.seconds, wanted.seed)

    return Source(name, corpus.data_hash, draw)


def openings(corpus: Corpus, split: str, wanted: Wanted) -> list[Performance]:
    """The first seconds of a split's pieces that are long enough, as many as wanted and there are.

    Raises InputError where there is none.
    """
    length = Length(wanted.seconds, "seconds")
    fitting = long_enough(pieces_of_corpus(corpus, split), length)[: wanted.pieces]
    return [length.cut(piece.load(), 0) for piece in fitting]


def in_words(sampling: SamplingConfig) -> str:
    """The settings that sweeps go over, as far as they change anything."""
    words = f"temperature {sampling.temperature:g}, top-p {sampling.top_p:g}"
    if sampling.pitch_temperature != 1:
        words += f", pitches {sampling.pitch_temperature:g}"
    return words + (f", pace held {sampling.pace_hold:g}" if sampling.pace_hold else "")
