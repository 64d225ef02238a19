"""`python -m symbolic.memorisation PIECE.mid ... --data DIR`: how much of a piece stands in the training data?

The longest copy in a piece is its longest run of notes, by melodic intervals (`symbolic.notes.melodies`), that stands
in a training piece too: in any key, at any speed, with any touch. Real music quotes as well, scales, trills and
formulas being common property; so the figure stands beside the same of held-out real pieces, cut to the piece's number
of notes.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from losscal.cli import EXIT_DONE, run, write_result
from symbolic.data.corpus import Corpus, Piece
from symbolic.notes.melodies import Melodies
from symbolic.notes.performance import TICK_SECONDS, Performance

HELD_OUT = ("validation", "test")
USUAL_SHARE = 0.95
"""A copy is a near-copy where it is longer than those of so many held-out pieces."""
_FILTER_BITS = 24  # of a hash: they sort out most of what is not searched for before anything is compared in full
_FILTER_SHIFT = np.uint64(64 - _FILTER_BITS)


@dataclass(frozen=True)
class Copy:
    """A run of notes that stands in a training piece.

    notes: its length. seconds: when it begins in the piece. source: the training piece, source_seconds: when it begins
    there. semitones: how much higher it is than there.
    """

    notes: int
    seconds: float
    source: Piece
    source_seconds: float
    semitones: int


class TrainingMelodies:
    """The runs of notes of a corpus's training pieces; for 4 million notes they take 200 MB."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus, self.pieces = corpus, corpus.of_split("train")
        self.melodies = Melodies([corpus.performance(piece) for piece in self.pieces])

    def longest_runs(self, music: Sequence[Performance]) -> np.ndarray:
        """Notes of the longest copy in each piece, int64 [pieces]; 1 where not even two notes in a row are one."""
        return self._search(Melodies(music))

    def longest_copies(self, music: Sequence[Performance]) -> list[Copy | None]:
        """The longest copy in each piece, the first of that length; None where no two notes in a row are one."""
        melodies = Melodies(music)
        longest = self._search(melodies)
        copies: list[Copy | None] = [None] * len(music)
        for notes in set(longest[longest > 1].tolist()):
            starts, hashes = melodies.runs(notes)
            known_starts, known = self.melodies.runs(notes)
            is_longest_copy = (longest[melodies.piece[starts]] == notes) & _stand_in(hashes, known)
            starts, hashes = starts[is_longest_copy], hashes[is_longest_copy]
            pieces, firsts = np.unique(melodies.piece[starts], return_index=True)
            for piece, first in zip(pieces.tolist(), firsts.tolist(), strict=True):
                note = music[piece].notes[melodies.note[starts[first]]]
                copies[piece] = self._copy(notes, note, known_starts[known == hashes[first]][0])
        return copies

    def _search(self, melodies: Melodies) -> np.ndarray:
        """`longest_runs` by halving, which finds them because a copy is made of shorter copies."""
        lengths = np.bincount(melodies.piece)
        longest = np.ones_like(lengths)
        ranges = [(1, int(lengths.max()), np.arange(len(lengths)))]  # least, most and pieces between the two
        while ranges:
            least, most, pieces = ranges.pop()
            if least == most or not len(pieces):
                longest[pieces] = least
                continue
            notes = (least + most + 1) // 2
            is_found = self._have_copy(melodies, notes, pieces)
            ranges += [(notes, most, pieces[is_found]), (least, notes - 1, pieces[~is_found])]
        return longest

    def _have_copy(self, melodies: Melodies, notes: int, pieces: np.ndarray) -> np.ndarray:
        """Which of `pieces` int64 [P] have a copy of so many notes, bool [P]."""
        starts, hashes = melodies.runs(notes)
        is_asked = np.isin(melodies.piece[starts], pieces)
        starts, hashes = starts[is_asked], hashes[is_asked]
        is_copy = _stand_in(hashes, self.melodies.runs(notes)[1])
        return np.isin(pieces, melodies.piece[starts[is_copy]])

    def _copy(self, notes: int, first: np.void, source_start: int) -> Copy:
        """A copy by its own first note and where its source begins among all training notes."""
        source = self.pieces[self.melodies.piece[source_start]]
        source_first = self.corpus.notes[source.start + self.melodies.note[source_start]]
        return Copy(
            notes,
            float(first["onset_ticks"] * TICK_SECONDS),
            source,
            float(source_first["onset_ticks"] * TICK_SECONDS),
            int(first["pitch"]) - int(source_first["pitch"]),
        )


def _stand_in(hashes: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Which of the hashes [R] are among the known [K], bool [R]."""
    is_wanted = np.zeros(1 << _FILTER_BITS, dtype=bool)
    is_wanted[hashes >> _FILTER_SHIFT] = True
    return np.isin(hashes, known[is_wanted[known >> _FILTER_SHIFT]])


def held_out_excerpts(corpus: Corpus, notes: int, *, seed: int = 1) -> list[Performance]:
    """An excerpt of so many notes, or as many as there are, from a random place of each held-out piece."""
    rng = np.random.default_rng(seed)
    excerpts = []
    for piece in (piece for split in HELD_OUT for piece in corpus.of_split(split)):
        performance = corpus.performance(piece)
        start = int(rng.integers(max(1, len(performance) - notes + 1)))
        excerpts.append(performance.excerpt(start, start + notes))
    return excerpts


def sentence(copy: Copy | None, held_out: np.ndarray) -> str:
    """A piece's longest copy in words, beside those of held-out excerpts of its length, int64 [excerpts]."""
    usual = np.quantile(held_out, USUAL_SHARE)
    beside = f"{USUAL_SHARE:.0%} of {len(held_out)} held-out excerpts of its length have at most {usual:.0f}"
    if copy is None:
        return f"no two notes in a row stand in a training piece; {beside}"
    verdict = "a near-copy" if copy.notes > usual else "no near-copy"
    return (
        f"{copy.notes} notes from {copy.seconds:.1f} s on stand in {copy.source.name} from {copy.source_seconds:.1f} s "
        f"on, {copy.semitones:+d} semitones; {beside}: {verdict}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Tell the longest copy in each piece."""
    parser = argparse.ArgumentParser(prog="python -m symbolic.memorisation", description=__doc__)
    parser.add_argument("pieces", nargs="+", type=Path, metavar="PIECE.mid", help="the music to look into")
    parser.add_argument(
        "--data", default="data/giantmidi-piano", metavar="DIR", help="corpus of the training, by symbolic.prepare"
    )
    flags = parser.parse_args(argv)
    from symbolic.notes.cleaning import read_midi

    corpus = Corpus.open(flags.data)
    music = [read_midi(path).performance for path in flags.pieces]
    training = TrainingMelodies(corpus)
    for path, performance, copy in zip(flags.pieces, music, training.longest_copies(music), strict=True):
        held_out = training.longest_runs(held_out_excerpts(corpus, len(performance)))
        write_result(f"{path}: {sentence(copy, held_out)}")
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
