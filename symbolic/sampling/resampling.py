"""A search for likelier values of a piece's least likely notes, what comes after them taken into account.

Onsets never move. A step takes one attribute of one note. Where some alternative is much likelier, given the notes
before and after, the value is drawn anew in two stages (after delayed acceptance, Christen & Fox 2005): a draw among
the value and its alternatives by the likelihood of a few notes around it, then a test on all whose window holds the
note, which makes up for what the first stage did not look at. For one note and one set of alternatives such a step
leaves the model's distribution over that set as it is, so a value is drawn and not the likeliest one taken. The whole
is a random search and no Markov chain with the model's distribution: which notes are visited, and which alternatives
they have, follows from the piece as it stands, so that the way back may be closed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

import numpy as np

from losscal.processes.progress import Progress, unwatched
from symbolic.models.configs import PolishConfig
from symbolic.models.phrases.model import PhraseGPT
from symbolic.notes.performance import Performance
from symbolic.scoring.alternatives import nats_by_step
from symbolic.scoring.likelihood import score

FIELDS = {"pitch": "pitch", "velocity": "velocity_bin", "duration": "duration_ticks"}
"""What can be resampled: an attribute's name to its field of the notes."""
_SPANS = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128])
STEPS = {
    "pitch": np.arange(-12, 13),
    "velocity": np.arange(-12, 13),
    "duration": np.concatenate([-_SPANS[::-1], [0], _SPANS]),
}
"""How far from a value its alternatives lie, [25]; the value itself in the middle."""
LIKELIEST = 8
"""Alternatives considered: as many as are likeliest by what came before."""
NEAR_BEFORE, NEAR_AFTER = 64, 32
"""Notes that the first stage looks at."""


@dataclass(frozen=True)
class Polished:
    """A polished piece.

    notes: [N] in the order of those given, some with other values; `performance` is the piece they make.
    nll_nats: of the piece under the model. doubtful: values that had a much likelier alternative, in all sweeps. drawn,
    accepted: how often another value was drawn, and how often taken. is_typical: it ended because the piece was so.
    """

    notes: np.ndarray
    nll_nats: float
    doubtful: int
    drawn: int
    accepted: int
    is_typical: bool

    @property
    def performance(self) -> Performance:
        """The piece."""
        return _piece(self.notes)


class Value(NamedTuple):
    """One attribute of the note at `index`, and what it may become: values int64 [V] of its field, its own first."""

    index: int
    attribute: str
    alternatives: np.ndarray


class Polisher:
    """The search on one piece.

    Args:
        model: what says how likely notes are.
        given: the piece as it was.
        config: what may change.
        told: by the bound of `vqvae`, see `likelihood.score`.
        excerpt: the piece is cut out of a longer one, see `likelihood.score`.
    """

    def __init__(
        self, model: PhraseGPT, given: Performance, config: PolishConfig, *, told: bool = False, excerpt: bool = False
    ) -> None:
        self.model, self.given, self.config, self.told, self.excerpt = model, given.notes, config, told, excerpt
        self.notes = given.notes.copy()  # in the order given, whatever their values become
        self.rng = np.random.default_rng(config.seed)
        (self.nll_nats,) = self._scored([given], excerpt=excerpt)
        self.doubtful = self.drawn = self.accepted = 0

    def run(self, is_typical: Callable[[float], bool], progress: Progress = unwatched) -> Polished:
        """Sweep until the piece's nats a note are typical, or to the end of the last sweep.

        progress: wraps the values that are looked at, and those that are drawn anew.
        """
        for _ in range(self.config.sweeps):
            for value in progress(self._doubtful(progress), desc="drawing"):
                if is_typical(self.nll_nats / len(self.notes)):
                    return self._result(is_typical=True)
                self._resample(value)
        return self._result(is_typical=False)

    def _result(self, *, is_typical: bool) -> Polished:
        (nll_nats,) = self._scored([_piece(self.notes)], excerpt=self.excerpt)
        return Polished(self.notes.copy(), nll_nats, self.doubtful, self.drawn, self.accepted, is_typical)

    def _doubtful(self, progress: Progress) -> list[Value]:
        """What to draw anew: where an alternative is likelier by doubt_nats, the most doubtful first."""
        found = []
        for value in progress(self._least_likely(), desc="looking"):
            _, nats = self._near(value)
            doubt = nats[0] - nats.min()
            if doubt > self.config.doubt_nats:
                found.append((doubt, value))
        self.doubtful += len(found)
        return [value for _, value in sorted(found, key=lambda pair: -pair[0])]

    def _least_likely(self) -> list[Value]:
        """The values that by past alone are least likely beside their likeliest alternative, those first."""
        order = _order(self.notes)
        steps = {name: STEPS[name] for name in self.config.attributes}
        nats_of = nats_by_step(self.model, _piece(self.notes), steps, excerpt=self.excerpt)
        nats = np.stack([*nats_of.values()], axis=1)  # [N, attributes, 25]
        excess = nats[..., nats.shape[-1] // 2] - nats.min(axis=-1)
        n_listed = ceil(self.config.visit_share * len(order))
        listed = np.argsort(-excess, axis=None, kind="stable")[:n_listed]
        return [
            self._value(int(order[note]), self.config.attributes[column], nats[note, column])
            for note, column in zip(*np.unravel_index(listed, excess.shape), strict=True)
        ]

    def _value(self, index: int, attribute: str, nats: np.ndarray) -> Value:
        """A value with its likeliest alternatives by nats [25], infinite for those that there are not."""
        likeliest = np.argsort(nats, kind="stable")[: LIKELIEST + 1]
        steps = STEPS[attribute][likeliest[np.isfinite(nats[likeliest])]]
        own = int(self.notes[FIELDS[attribute]][index])
        return Value(index, attribute, own + np.concatenate([[0], steps[steps != 0][:LIKELIEST]]))

    def _near(self, value: Value) -> tuple[np.ndarray, np.ndarray]:
        """The values a note may take now, int64 [V], and the nats of the notes around it with each, float64 [V]."""
        values = self._playable(value)
        return values, self._nats_of(value, values, NEAR_BEFORE, NEAR_AFTER)

    def _resample(self, value: Value) -> None:
        """Draw a value anew by the notes around it, then accept or refuse by all that can see the note."""
        field = FIELDS[value.attribute]
        values, near_nats = self._near(value)
        own = int(np.flatnonzero(values == self.notes[field][value.index])[0])
        weight = np.exp(near_nats.min() - near_nats)
        drawn = self.rng.choice(len(values), p=weight / weight.sum())
        if drawn == own or not self._within_keep_share(value.index, field, values[drawn]):
            return
        self.drawn += 1
        reach = self.model.config.window_events
        own_nats, drawn_nats = self._nats_of(value, values[[own, drawn]], reach, reach)
        is_likelier_by = (own_nats - drawn_nats) - (near_nats[own] - near_nats[drawn])
        if np.log(self.rng.random()) < is_likelier_by:
            self.notes[field][value.index] = values[drawn]
            self.nll_nats += drawn_nats - own_nats
            self.accepted += 1

    def _playable(self, value: Value) -> np.ndarray:
        """Of a value's alternatives those with which no other note sounds on the note's key, int64 [V]."""
        index, attribute, values = value
        note, others = self.notes[index], np.delete(self.notes, index)
        start = others["onset_ticks"].astype(np.int64)  # [N - 1]
        stop = start + others["duration_ticks"]
        pitch, duration = (
            values if attribute == name else np.full(len(values), note[FIELDS[name]]) for name in ("pitch", "duration")
        )
        last = note["onset_ticks"] + duration  # [V]
        clashes = (others["pitch"] == pitch[:, None]) & (start < last[:, None]) & (stop > note["onset_ticks"])
        return values[~clashes.any(axis=1)]

    def _nats_of(self, value: Value, values: np.ndarray, before: int, after: int) -> np.ndarray:
        """Nats of the passage around a note with each of `values` [V] in its place, float64 [V]."""
        size = self.model.config.phrase_events
        first = max(0, value.index - before) // size * size  # so that phrases are cut as in the piece
        passages = []
        for other in values:
            passage = self.notes[first : value.index + after + 1].copy()
            passage[FIELDS[value.attribute]][value.index - first] = other
            passages.append(_piece(passage))
        return np.array(self._scored(passages, excerpt=self.excerpt or first > 0))

    def _scored(self, music: list[Performance], *, excerpt: bool) -> list[float]:
        """Nats of each piece."""
        return [result.nll_nats for result in score(self.model, music, told=self.told, excerpt=excerpt)]

    def _within_keep_share(self, index: int, field: str, value: int) -> bool:
        """Would enough notes still be those given?"""
        notes = self.notes.copy()
        notes[field][index] = value
        return (notes == self.given).sum() >= self.config.keep_share * len(notes)


def _order(notes: np.ndarray) -> np.ndarray:
    """Indices int64 [N] that put notes in a Performance's order."""
    return np.lexsort((notes["pitch"], notes["onset_ticks"]))


def _piece(notes: np.ndarray) -> Performance:
    """Notes [N], by onset but in any order within a chord, as a Performance."""
    notes = notes[_order(notes)]
    notes["onset_ticks"] -= notes["onset_ticks"][0]
    return Performance(notes)
