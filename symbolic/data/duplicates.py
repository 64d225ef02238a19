"""Near-duplicates found in the notes: which pieces share music, in memory that grows with what they share alone.

The pitches' 8-grams of all pieces lie in a temporary file and are compared a bucket of hashes at a time; only those
that occur in several pieces are kept.
"""

from collections.abc import Iterable, Iterator, Sequence
from tempfile import TemporaryFile
from typing import IO

import numpy as np

from symbolic.notes.performance import Performance

GRAM_PITCHES = 8
CHORD_GAP_TICKS = 4  # notes this close after one another count as one chord: players and transcribers spread chords
MIN_CONTAINMENT = 0.05
MIN_SHARED_GRAMS = 16  # below it a figure in common would glue two short pieces
MIN_GRAM_PITCHES = 4  # an 8-gram of fewer distinct pitches (a trill, a repeated chord) is no evidence
GRAMS_AT_ONCE = 1 << 21
PIECES_AT_ONCE = 512
_MIXER = np.uint64(0x9E3779B97F4A7C15)
"""Knuth's multiplier of 64 bits, whose products' upper bits are a hash."""


def near_duplicates(performances: Iterable[Performance]) -> list[tuple[int, int, float]]:
    """Pairs (i, j, containment) of performances that share music, i < j.

    Containment = distinct pitch 8-grams in common over the smaller piece's number of them.
    """
    import scipy.sparse  # imported here: half a second, and only preparing needs it

    with TemporaryFile() as file:
        counts = np.array([_append(file, _distinct_grams(performance.notes)) for performance in performances])
        piece, gram = _shared(file, counts)
    if len(gram) == 0:
        return []
    ones = np.ones(len(gram), dtype=np.int32)
    incidence = scipy.sparse.csr_array((ones, (piece, gram)), shape=(len(counts), int(gram.max()) + 1))
    of_gram = incidence.T.tocsr()
    found = []
    for first in range(0, len(counts), PIECES_AT_ONCE):
        shared = scipy.sparse.triu(incidence[first : first + PIECES_AT_ONCE] @ of_gram, k=first + 1).tocoo()
        row = first + shared.row
        containment = shared.data / np.minimum(counts[row], counts[shared.col])
        close = (containment > MIN_CONTAINMENT) & (shared.data >= MIN_SHARED_GRAMS)
        found += zip(row[close].tolist(), shared.col[close].tolist(), containment[close].tolist(), strict=True)
    return found


def _append(file: IO[bytes], grams: np.ndarray) -> int:
    file.write(grams.tobytes())
    return len(grams)


def _shared(file: IO[bytes], counts: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Of the grams in a file, uint64, so many a piece, those of several pieces: places of pieces, numbers of grams."""
    ends = np.cumsum(counts)
    buckets = np.uint64(1 + int(sum(counts)) // GRAMS_AT_ONCE)
    pieces, numbers, n_numbers = [], [], 0
    for bucket in range(int(buckets)):
        of_bucket = [
            (block[own], first + own) for first, block in _blocks(file) if len(own := _in(bucket, buckets, block))
        ]
        if not of_bucket:
            continue
        grams, places = map(np.concatenate, zip(*of_bucket, strict=True))
        _, number, pieces_of_gram = np.unique(grams, return_inverse=True, return_counts=True)
        kept = pieces_of_gram[number] > 1
        distinct, number = np.unique(number[kept], return_inverse=True)
        pieces.append(np.searchsorted(ends, places[kept], side="right"))
        numbers.append(n_numbers + number)
        n_numbers += len(distinct)
    none = [np.empty(0, dtype=np.int64)]
    return np.concatenate(pieces or none), np.concatenate(numbers or none)


def _blocks(file: IO[bytes]) -> Iterator[tuple[int, np.ndarray]]:
    """All of a file's numbers, uint64, GRAMS_AT_ONCE at a time, with the place of the first."""
    size, first = GRAMS_AT_ONCE * np.dtype(np.uint64).itemsize, 0
    file.seek(0)
    while data := file.read(size):
        yield first, (block := np.frombuffer(data, np.uint64))
        first += len(block)


def _in(bucket: int, buckets: np.uint64, grams: np.ndarray) -> np.ndarray:
    """The places of those whose hash falls into a bucket."""
    return np.flatnonzero((grams * _MIXER >> np.uint64(32)) % buckets == bucket)


def _distinct_grams(notes: np.ndarray) -> np.ndarray:
    """The distinct pitch 8-grams of notes [N], each packed into one uint64: uint64 [distinct].

    Chords are read from the bass up, in whatever order their notes were struck.
    """
    if len(notes) < GRAM_PITCHES:
        return np.empty(0, dtype=np.uint64)
    chord = np.cumsum(np.diff(notes["onset_ticks"], prepend=0) > CHORD_GAP_TICKS)
    pitch = notes["pitch"][np.lexsort((notes["pitch"], chord))]
    grams = np.lib.stride_tricks.sliding_window_view(pitch, GRAM_PITCHES)
    pitch_changes = (np.diff(np.sort(grams, axis=1), axis=1) != 0).sum(axis=1)
    grams = grams[pitch_changes >= MIN_GRAM_PITCHES - 1]
    return np.unique(np.ascontiguousarray(grams).view(np.uint64)[:, 0])
