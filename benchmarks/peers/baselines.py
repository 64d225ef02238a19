"""What counting alone achieves: Markov models of notes and of MIDILike tokens under Kneser-Ney smoothing.

`NoteMarkov` predicts each attribute of a note from the same attribute of the notes before it (order 0: a unigram
model); `TokenMarkov` predicts each MIDILike token from the tokens before it. Both are exactly normalised.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.peers import midilike
from symbolic.notes.performance import Performance
from symbolic.tokens.events import ATTRIBUTES, REST, VOCABULARY, encode


class Level(NamedTuple):
    """The distributions p(word | context) of one context length, each short of the mass it leaves to shorter contexts.

    grams int64 [M]: context and word as one number, sorted; share [M]: their discounted frequencies;
    contexts int64 [C]: sorted; left [C]: the mass each leaves.
    """

    grams: np.ndarray
    share: np.ndarray
    contexts: np.ndarray
    left: np.ndarray


def discounted(grams: np.ndarray, counts: np.ndarray, base: int) -> Level:
    """Absolute discounting of sorted grams int64 [M] seen counts [M] times.

    The discount is n1 / (n1 + 2 n2), n1 and n2 the grams seen once and twice (Ney, Essen and Kneser 1994), with one
    added to both, so that every context leaves some mass whatever the data.
    """
    once, twice = np.count_nonzero(counts == 1) + 1, np.count_nonzero(counts == 2) + 1
    discount = once / (once + 2 * twice)
    contexts, first, words = np.unique(grams // base, return_index=True, return_counts=True)
    total = np.add.reduceat(counts, first)
    return Level(grams, (counts - discount) / np.repeat(total, words), contexts, discount * words / total)


class KneserNey:
    """Interpolated Kneser-Ney smoothing (Chen and Goodman 1999, section 2.7) over words 0..vocabulary-1.

    The longest contexts count occurrences, each shorter one in how many different longer ones a gram was seen; at the
    end stands the uniform distribution. Grams are numbers made by `grams_of`.
    """

    def __init__(self, grams: np.ndarray, order: int, vocabulary: int) -> None:
        self.vocabulary, self.base = vocabulary, vocabulary + 1
        kinds, counts = np.unique(grams, return_counts=True)
        self.levels = [discounted(kinds, counts, self.base)]  # shortest context first
        for length in range(order, 0, -1):
            kinds, counts = np.unique(kinds % self.base**length, return_counts=True)
            self.levels.insert(0, discounted(kinds, counts, self.base))

    def nats(self, grams: np.ndarray) -> np.ndarray:
        """-log p(word | context) of grams int64 [M], float64 [M]."""
        probability = np.full(len(grams), 1 / self.vocabulary)
        for length, level in enumerate(self.levels, start=1):
            suffix = grams % self.base**length
            left = look_up(level.contexts, level.left, suffix // self.base, default=1.0)
            probability = look_up(level.grams, level.share, suffix, default=0.0) + left * probability
        return -np.log(probability)


def look_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray, *, default: float) -> np.ndarray:
    """values [M] at the wanted [S] of the sorted keys [M], the default where there is no such key."""
    index = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[index] == wanted, values[index], default)


def grams_of(words: np.ndarray, order: int, vocabulary: int) -> np.ndarray:
    """Each of words int64 [S] with the `order` words before it as one number in base vocabulary + 1: int64 [S].

    Before the first word stands the word `vocabulary`, which is never predicted.
    """
    padded = np.concatenate([np.full(order, vocabulary), words])
    grams = np.zeros(len(words), dtype=np.int64)
    for start in range(order + 1):
        grams = grams * (vocabulary + 1) + padded[start : start + len(words)]
    return grams


class NoteMarkov:
    """Each attribute given the same attribute of the `order` events before, the attributes independent."""

    def __init__(self, music: Sequence[Performance], order: int) -> None:
        self.order = order
        self.models = {
            name: KneserNey(np.concatenate([self._grams(p, name) for p in music]), order, VOCABULARY[name])
            for name in ATTRIBUTES
        }

    def nats(self, performance: Performance) -> np.ndarray:
        """Nats of a performance by attribute, float64 [4], the end symbol left out."""
        return np.array([self.models[name].nats(self._grams(performance, name)).sum() for name in ATTRIBUTES])

    def _grams(self, performance: Performance, attribute: str) -> np.ndarray:
        """Of every event for time, of the notes (rests have nothing else) for the others."""
        events = encode(performance, end=False)
        rows = events if attribute == "time" else events[events[:, 0] < REST]
        return grams_of(rows[:, ATTRIBUTES.index(attribute)], self.order, VOCABULARY[attribute])


class TokenMarkov:
    """Each MIDILike token given the `order` tokens before."""

    vocabulary = midilike.VOCABULARY_SIZE - midilike.NOTE_ON  # without the special words

    def __init__(self, music: Sequence[Performance], order: int) -> None:
        self.order = order
        self.model = KneserNey(np.concatenate([self._grams(p) for p in music]), order, self.vocabulary)

    def nats(self, performance: Performance) -> np.ndarray:
        """Nats of a performance, float64 [1]."""
        return self.model.nats(self._grams(performance)).sum(keepdims=True)

    def _grams(self, performance: Performance) -> np.ndarray:
        return grams_of(midilike.encode(performance) - midilike.NOTE_ON, self.order, self.vocabulary)
