"""Music as runs of notes: the melodic intervals of many pieces, hashed so that equal runs are found by arithmetic.

A run is a number of notes that follow each other, told apart by the intervals between their pitches and by nothing
else: transposed, slower or louder it is the same run. Notes follow each other by onset; those of a chord, each struck
within 20 ms of the one before, by pitch, since which finger comes down first is chance.
"""

from collections.abc import Sequence

import numpy as np

from symbolic.notes.performance import Performance

CHORD_GAP_TICKS = 2
_WIDEST_INTERVAL = 127
_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2^64
_INVERSE_BASE = pow(_BASE, -1, 2**64)
_INTERVAL_CODES = np.random.default_rng(1).integers(2**64, size=2 * _WIDEST_INTERVAL + 1, dtype=np.uint64)


def melody(performance: Performance) -> np.ndarray:
    """The notes' indices in the order they follow each other, int64 [N]."""
    notes = performance.notes
    chord = np.cumsum(np.diff(notes["onset_ticks"], prepend=0) > CHORD_GAP_TICKS)
    return np.lexsort((notes["pitch"], chord))


class Melodies:
    """The melodies of several pieces, one behind the other.

    `piece` and `note` int64 [M] tell of each of the M notes which piece it is of and its index there.

    The hash of a run is that of Rabin and Karp (1987) modulo 2^64: the sum of code(interval i) base^i over the run,
    divided by the base to the power of the run's beginning, so that it comes from two prefix sums. Two different runs
    of a million each share a hash with a chance below 1e-7.
    """

    def __init__(self, music: Sequence[Performance]) -> None:
        orders = [melody(performance) for performance in music]
        lengths = np.array([len(order) for order in orders])
        self.piece = np.repeat(np.arange(len(music)), lengths)
        self.note = np.concatenate(orders)
        self.remaining = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(self.note))  # notes to the piece's end
        pitch = np.concatenate([p.notes["pitch"][order] for p, order in zip(music, orders, strict=True)]).astype(int)
        codes = _INTERVAL_CODES[np.diff(pitch) + _WIDEST_INTERVAL]
        self.prefix = np.append(np.uint64(0), np.cumsum(codes * _powers(_BASE, len(codes)), dtype=np.uint64))  # [M]
        self.inverse_power = _powers(_INVERSE_BASE, len(self.prefix))

    def runs(self, notes: int) -> tuple[np.ndarray, np.ndarray]:
        """All runs of so many notes, 2 or more: where they begin int64 [R] (of the M notes), hashes uint64 [R]."""
        intervals = notes - 1
        stops = self.prefix[intervals:]
        hashes = (stops - self.prefix[: len(stops)]) * self.inverse_power[: len(stops)]
        starts = np.flatnonzero(self.remaining[: len(stops)] >= notes)
        return starts, hashes[starts]

    def repeats(self, notes: int) -> np.ndarray:
        """Of each piece [repeated runs, runs] of so many notes, int64 [pieces, 2]: all but the first of their kind."""
        starts, hashes = self.runs(notes)
        piece = self.piece[starts]
        n_pieces = int(self.piece[-1]) + 1
        first = np.unique(hashes + piece.astype(np.uint64) * np.uint64(_BASE), return_index=True)[1]
        runs, kinds = (np.bincount(of, minlength=n_pieces) for of in (piece, piece[first]))
        return np.stack([runs - kinds, runs], axis=1)


def _powers(base: int, count: int) -> np.ndarray:
    """base^0, base^1, ... modulo 2^64: uint64 [count]."""
    factors = np.full(count, base, dtype=np.uint64)
    factors[:1] = 1
    return np.cumprod(factors, dtype=np.uint64)
