"""Excerpts of pieces, so many notes or seconds long, drawn with a seed; from a prepared corpus or from files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np

from bridge.items.finding import find_items
from losscal.cli import log
from losscal.errors import InputError
from losscal.files import sha256_of
from losscal.settings import Number, Range
from symbolic.notes.performance import TICK_SECONDS, Performance

if TYPE_CHECKING:
    from symbolic.data.corpus import Corpus

ExcerptNotes = Annotated[int, Range(2, 1_000_000)]
ExcerptSeconds = Annotated[float, Range(1, 3600)]
UNITS = {"notes": ExcerptNotes, "seconds": ExcerptSeconds}


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

    def fits(self, n_notes: int, seconds: float) -> bool:
        """Whether a piece of so many notes and seconds is long enough."""
        return (n_notes if self.unit == "notes" else seconds) >= self.amount

    def starts(self, performance: Performance) -> int:
        """From how many of the first notes an excerpt can start; at least 1 where it fits."""
        if self.unit == "notes":
            return len(performance) - int(self.amount) + 1
        latest = performance.seconds / TICK_SECONDS - self._ticks
        return int(np.searchsorted(performance.notes["onset_ticks"], latest, side="right"))

    def stop(self, performance: Performance, start: int) -> int:
        """Behind the last note of an excerpt from note `start` on."""
        if self.unit == "notes":
            return start + int(self.amount)
        onset = performance.notes["onset_ticks"]
        return int(np.searchsorted(onset, onset[start] + self._ticks))

    def seconds_of(self, excerpt: Performance) -> float:
        """How long an excerpt is played."""
        return excerpt.seconds if self.unit == "notes" else self.amount

    @property
    def _ticks(self) -> int:
        return round(self.amount / TICK_SECONDS)


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


def pieces_of_corpus(corpus: "Corpus", split: str = "test") -> list[SourcePiece]:
    """The pieces of a split."""
    return [
        SourcePiece(
            piece.name, piece.sha256, piece.stop - piece.start, piece.seconds, partial(corpus.performance, piece)
        )
        for piece in corpus.of_split(split)
    ]


def pieces_of_files(paths: Sequence[str | Path]) -> list[SourcePiece]:
    """The MIDI files of files and folders, each content once; what cannot be read is told on stderr and left out."""
    from symbolic.notes.cleaning import read_midi

    pieces: dict[str, SourcePiece] = {}
    for item in find_items(list(paths)):
        if item.midi is None:
            log(f"left out: {item.problem or f'{item.id}: is no MIDI file.'}")
            continue
        try:
            performance = read_midi(item.midi).performance
        except InputError as error:
            log(f"left out: {error}")
            continue
        sha256 = sha256_of(item.midi)
        pieces.setdefault(
            sha256, SourcePiece(item.id, sha256, len(performance), performance.seconds, lambda notes=performance: notes)
        )
    return list(pieces.values())


def pieces_of(sources: Sequence[str | Path]) -> list[SourcePiece]:
    """The test split where the one source is a prepared corpus, else all MIDI files; raises InputError for none."""
    from symbolic.data.corpus import SUMMARY_FILE, Corpus

    is_corpus = len(sources) == 1 and Path(sources[0], SUMMARY_FILE).is_file()
    pieces = pieces_of_corpus(Corpus.open(sources[0])) if is_corpus else pieces_of_files(sources)
    if not pieces:
        kind = "test piece" if is_corpus else "MIDI file that can be read"
        raise InputError(f"{' '.join(map(str, sources))}: holds no {kind}; give a prepared corpus or MIDI files.")
    return pieces


def draw_excerpts(
    pieces: Sequence[SourcePiece], length: Length, *, count: int, per_piece: int, seed: int
) -> list[Excerpt]:
    """`per_piece` excerpts from each of up to `count` pieces that are long enough, piece by piece, seeded.

    Raises InputError where none is long enough.
    """
    rng = np.random.default_rng(seed)
    long_enough = [piece for piece in pieces if length.fits(piece.n_notes, piece.seconds)]
    if not long_enough:
        raise InputError(f"none of the {len(pieces)} pieces is {length} long; ask for shorter excerpts.")
    excerpts = []
    for index in sorted(rng.permutation(len(long_enough))[:count]):
        piece = long_enough[index]
        performance = piece.load()
        for start in rng.integers(length.starts(performance), size=per_piece).tolist():
            notes = performance.excerpt(start, length.stop(performance, start))
            excerpts.append(Excerpt(piece, start, notes, length.seconds_of(notes)))
    return excerpts
