"""Who hears what, in which order: decided by a study's seed and a listener's number, and by nothing else.

Ratings follow Williams' design (Australian Journal of Scientific Research 1949, A 2): over as many listeners as there
are stimuli (twice as many where their number is odd) each stands equally often in every place and behind every other.
Of pairs, listeners take turns at the whole list, which comes round with the sides changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Annotated, Literal

import numpy as np

from losscal.settings import Range, Seed, Settings, require

Mode = Literal["ratings", "pairs"]
TESTED, ORIGINAL, RANDOM = "tested", "copy of the original", "random"
"""What a stimulus is in the test; the last two are anchors, whose order a listener who listens can tell."""


@dataclass(frozen=True)
class Stimulus:
    """What is heard, by its name. kind: TESTED, or which anchor."""

    name: str
    kind: str = TESTED


@dataclass(frozen=True)
class StudyConfig(Settings):
    """What is asked of each listener.

    Args:
        mode: ratings of one sound after the other, 1 to 5, or pairs of which one is preferred.
        trials: of pairs, so many a listener; of ratings each sound comes once.
        anchor_repeats: how often each anchor is heard.
        seed: decides every order.
    """

    mode: Mode = "ratings"
    trials: Annotated[int, Range(1, 1000)] = 20
    anchor_repeats: Annotated[int, Range(1, 10)] = 3
    seed: Seed = 1


@dataclass(frozen=True)
class Trial:
    """One question. stimuli: places in the study's list, one or, of a pair, A and B. is_training: not counted."""

    stimuli: tuple[int, ...]
    is_training: bool = False


@dataclass(frozen=True)
class Study:
    """A listening test: its stimuli, anchors among them, and what is asked."""

    stimuli: tuple[Stimulus, ...]
    config: StudyConfig

    def __post_init__(self) -> None:
        kinds = [stimulus.kind for stimulus in self.stimuli]
        require(kinds.count(TESTED) >= 2, f"stimuli {kinds.count(TESTED)}: at least 2 are needed")
        require(kinds.count(ORIGINAL) == kinds.count(RANDOM) <= 1, f"anchors {kinds}: both or none")

    @property
    def tested(self) -> list[int]:
        """The places of what is tested."""
        return [place for place, stimulus in enumerate(self.stimuli) if stimulus.kind == TESTED]

    @property
    def anchors(self) -> tuple[int, int] | None:
        """The places of the copy of the original and of the random one; None without anchors."""
        kinds = {stimulus.kind: place for place, stimulus in enumerate(self.stimuli)}
        return (kinds[ORIGINAL], kinds[RANDOM]) if ORIGINAL in kinds else None

    def trials(self, listener: int) -> list[Trial]:
        """All questions to a listener, numbered from 0 in the order they came; the first is for training."""
        rng = np.random.default_rng([self.config.seed, listener])
        asked = self._ratings(listener) if self.config.mode == "ratings" else self._pairs(listener)
        asked = _mixed(asked, self._anchor_trials(rng), rng)
        return [Trial(asked[-1].stimuli, is_training=True), *asked]

    def _ratings(self, listener: int) -> list[Trial]:
        names = np.random.default_rng(self.config.seed).permutation(self.tested)
        square = williams(len(names))
        return [Trial((int(names[place]),)) for place in square[listener % len(square)]]

    def _pairs(self, listener: int) -> list[Trial]:
        pairs = np.random.default_rng(self.config.seed).permutation(list(combinations(self.tested, 2)))
        first = listener * self.config.trials
        numbers = range(first, first + self.config.trials)
        return [
            Trial(tuple(map(int, pairs[number % len(pairs)][:: 1 if _is_straight(number, len(pairs)) else -1])))
            for number in numbers
        ]

    def _anchor_trials(self, rng: np.random.Generator) -> list[Trial]:
        if self.anchors is None:
            return []
        copy, random = self.anchors
        repeats = self.config.anchor_repeats
        if self.config.mode == "ratings":
            return [Trial((anchor,)) for anchor in (copy, random) for _ in range(repeats)]
        flips = rng.permutation(2 * repeats) % 2
        return [Trial((random, copy) if flip else (copy, random)) for flip in flips]


def williams(size: int) -> np.ndarray:
    """Orders of `size` things, balanced for place and for what comes before: int64 [size or 2 size, size]."""
    first = np.zeros(size, dtype=np.int64)
    first[1::2], first[2::2] = np.arange(1, size // 2 + 1), np.arange(size - 1, size // 2, -1)
    square = (first + np.arange(size)[:, None]) % size
    return square if size % 2 == 0 else np.concatenate([square, square[:, ::-1]])


def _is_straight(number: int, n_pairs: int) -> bool:
    """Whether a pair stands as it is listed: each second one, and each the other way in the next round."""
    return (number % n_pairs + number // n_pairs) % 2 == 0


def _mixed(asked: Sequence[Trial], anchors: Sequence[Trial], rng: np.random.Generator) -> list[Trial]:
    """Anchors strewn among the others, whose order stays."""
    total = len(asked) + len(anchors)
    places = set(map(int, rng.choice(total, len(anchors), replace=False)))
    shuffled = iter([anchors[place] for place in rng.permutation(len(anchors))])
    others = iter(asked)
    return [next(shuffled if place in places else others) for place in range(total)]
