"""Music made by counting alone: notes drawn from the marginals of training music, or from a first-order Markov chain.

Both draw each attribute of a note (time since the one before, pitch, velocity, duration) by itself: `order` 0 whatever
came before, 1 given the same attribute of the note before.
"""

from collections.abc import Sequence

import numpy as np

from symbolic.notes.performance import MIN_PITCH, NOTE_DTYPE, TICK_SECONDS, Performance, end_at_restrikes, places
from symbolic.tokens.events import ATTRIBUTES, REST_TICKS, VOCABULARY


class NoteSampler:
    """Draws pieces from counts over training music.

    A piece's last note counts as followed by its first, so that every value has successors and the chain's values are
    in the long run as frequent as in the music. Silences of 4 s and more count as 3.99 s.
    """

    def __init__(self, music: Sequence[Performance], order: int) -> None:
        if order not in (0, 1):
            raise ValueError(f"order {order}: need 0, independent notes, or 1, a Markov chain")
        self.order = order
        values = [attribute_values(performance) for performance in music]
        previous, following = (
            np.concatenate(rows) for rows in (values, [np.roll(piece, -1, axis=0) for piece in values])
        )
        self.marginals, self.cumulative = [], []
        for index, size in enumerate(VOCABULARY.values()):
            counts = np.bincount(following[:, index], minlength=size)[None].astype(np.float64)
            self.marginals.append(_rising(counts))
            if order == 1:
                counts = np.zeros((size, size))
                np.add.at(counts, (previous[:, index], following[:, index]), 1.0)
            self.cumulative.append(_rising(counts))

    def values(self, pieces: int, notes: int, rng: np.random.Generator) -> np.ndarray:
        """Attributes int64 [pieces, notes, 4] in the order of `events.ATTRIBUTES`."""
        uniform = rng.random((notes, len(ATTRIBUTES), pieces))
        drawn = np.zeros((notes, len(ATTRIBUTES), pieces), dtype=np.int64)
        for note in range(notes):
            for index in range(len(ATTRIBUTES)):
                is_chained = self.order == 1 and note > 0
                cumulative = self.cumulative[index][drawn[note - 1, index]] if is_chained else self.marginals[index]
                drawn[note, index] = (cumulative <= uniform[note, index][:, None]).sum(axis=1)
        return drawn.transpose(2, 0, 1)

    def pieces(self, count: int, seconds: float, seed: int) -> list[Performance]:
        """`count` pieces whose onsets fill `seconds`."""
        mean_ticks = float((np.arange(VOCABULARY["time"]) * np.diff(self.marginals[0][0], prepend=0.0)).sum())
        limit = round(seconds / TICK_SECONDS)
        values = self.values(count, round(4 * limit / max(mean_ticks, 1.0)) + 1, np.random.default_rng(seed))
        return [to_performance(piece, limit) for piece in values]


def attribute_values(performance: Performance) -> np.ndarray:
    """Time, pitch, velocity and duration of each note as `symbolic.tokens.events` numbers them, int64 [N, 4]."""
    notes = performance.notes
    shift = np.minimum(np.diff(notes["onset_ticks"], prepend=0), REST_TICKS - 1)
    columns = (shift, notes["pitch"] - MIN_PITCH, notes["velocity_bin"], notes["duration_ticks"] - 1)
    return np.stack([column.astype(np.int64) for column in columns], axis=1)


def to_performance(values: np.ndarray, last_tick: int) -> Performance:
    """Values int64 [N, 4] as music up to `last_tick`; of two notes of one onset and pitch the first stays."""
    onset = np.cumsum(values[:, 0])
    onset -= onset[0]
    values, onset = values[onset <= last_tick], onset[onset <= last_tick]
    notes = np.zeros(len(values), dtype=NOTE_DTYPE)
    notes["onset_ticks"], notes["pitch"] = onset, values[:, 1] + MIN_PITCH
    notes["velocity_bin"], notes["duration_ticks"] = values[:, 2], values[:, 3] + 1
    order = np.unique(places(notes), return_index=True)[1]
    return Performance(end_at_restrikes(notes[order]))


def _rising(counts: np.ndarray) -> np.ndarray:
    """Counts [..., V] as cumulative shares; rows without any count, which nothing leads to, stay zero."""
    cumulative = counts.cumsum(axis=-1)
    return cumulative / np.maximum(cumulative[..., -1:], 1.0)
