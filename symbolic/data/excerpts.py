"""Excerpts of pieces, so many notes or seconds long, drawn at random but the same for the same generator.

Whoever needs excerpts draws them here, in one of two orders: some of each piece (`draw_of_each`), or one of every piece
in turn (`draw_in_turn`). The figures in docs/ hang on what is drawn for a seed; a test holds it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, TypeVar

import numpy as np

from losscal.errors import InputError
from losscal.settings import Number, Range
from symbolic.data.corpus import Corpus
from symbolic.notes.performance import TICK_SECONDS, Performance

Item = TypeVar("Item")
ExcerptNotes = Annotated[int, Range(2, 1_000_000)]
ExcerptSeconds = Annotated[float, Range(1, 3600)]
UNITS = {"notes": ExcerptNotes, "seconds": ExcerptSeconds}


@dataclass(frozen=True)
class SourcePiece:
    """A piece to take excerpts from; sha256 is of its MIDI file, `load` gives its notes."""

    name: str
    sha256: str
    n_notes: int
    seconds: float
    load: Callable[[], Performance]


@dataclass(frozen=True)
class Excerpt:
    """Notes first_note.. of a piece, and how long they are played."""

    piece: SourcePiece
    first_note: int
    performance: Performance
    seconds: float


@dataclass(frozen=True)
class Length:
    """So many notes, or what is struck in so many seconds."""

    amount: float
    unit: str

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f"unit {self.unit!r}: need one of {', '.join(UNITS)}")
        Number.of(UNITS[self.unit]).check(self.amount)

    def __str__(self) -> str:
        return f"{self.amount:g} {self.unit}"

    def fits(self, piece: SourcePiece) -> bool:
        """Whether a piece is long enough."""
        return (piece.n_notes if self.unit == "notes" else piece.seconds) >= self.amount

    def starts(self, performance: Performance) -> int:
        """From how many of the first notes an excerpt can start; at least 1 where it fits."""
        if self.unit == "notes":
            return len(performance) - int(self.amount) + 1
        latest = performance.seconds / TICK_SECONDS - self.ticks
        return int(np.searchsorted(performance.notes["onset_ticks"], latest, side="right"))

    def cut(self, performance: Performance, start: int) -> Performance:
        """The excerpt from note `start` on, or what there is of it."""
        if self.unit == "notes":
            return performance.excerpt(start, start + int(self.amount))
        onset = performance.notes["onset_ticks"]
        return performance.excerpt(start, int(np.searchsorted(onset, onset[start] + self.ticks)))

    def seconds_of(self, excerpt: Performance) -> float:
        """How long an excerpt is played."""
        return excerpt.seconds if self.unit == "notes" else self.amount

    @property
    def ticks(self) -> int:
        """So many seconds in ticks."""
        return round(self.amount / TICK_SECONDS)


def pieces_of_corpus(corpus: Corpus, split: str = "test") -> list[SourcePiece]:
    """The pieces of a split."""
    return [
        SourcePiece(piece.name, piece.sha256, piece.n_notes, piece.seconds, partial(corpus.performance, piece))
        for piece in corpus.of_split(split)
    ]


def long_enough(pieces: Sequence[SourcePiece], length: Length) -> list[SourcePiece]:
    """Those that an excerpt fits in; raises InputError where there is none."""
    found = [piece for piece in pieces if length.fits(piece)]
    if not found:
        raise InputError(f"none of the {len(pieces)} pieces is {length} long; ask for shorter excerpts.")
    return found


def in_turn(items: Sequence[Item], count: int, rng: np.random.Generator) -> Iterator[Item]:
    """`count` items: each once in random order, then again from the first."""
    order = rng.permutation(len(items))
    return (items[order[index % len(items)]] for index in range(count))


def draw_of_each(
    pieces: Sequence[SourcePiece], length: Length, *, count: int, per_piece: int, seed: int
) -> list[Excerpt]:
    """`per_piece` excerpts from each of up to `count` pieces that are long enough, piece by piece.

    Raises InputError where none is long enough.
    """
    rng = np.random.default_rng(seed)
    fitting = long_enough(pieces, length)
    excerpts = []
    for index in sorted(rng.permutation(len(fitting))[:count]):
        performance = fitting[index].load()
        for start in rng.integers(length.starts(performance), size=per_piece).tolist():
            excerpt = length.cut(performance, start)
            excerpts.append(Excerpt(fitting[index], start, excerpt, length.seconds_of(excerpt)))
    return excerpts


def draw_in_turn(
    pieces: Sequence[SourcePiece], length: Length, count: int, rng: np.random.Generator
) -> list[Performance]:
    """`count` excerpts, one of each piece that is long enough in random order, then again from the first piece.

    Raises InputError where none is long enough.
    """
    excerpts = []
    for piece in in_turn(long_enough(pieces, length), count, rng):
        performance = piece.load()
        excerpts.append(length.cut(performance, int(rng.integers(length.starts(performance)))))
    return excerpts
