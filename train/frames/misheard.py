"""Music without sound: the keys of a performance as they are heard in a poor recording, step by step.

A model of what is heard learns music from far more pieces than can be rendered in the same time. What hears misses
strikes, the soft ones first, hears partials as keys, a strike twice, and all of it up to a frame early or late; how
much, is drawn for each excerpt, from next to nothing on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from audio.spectral.frames import in_steps
from losscal.settings import Range, Settings, Share, TrainingSeed
from symbolic.data.corpus import Corpus
from symbolic.notes.performance import MAX_PITCH, MIN_PITCH, Performance
from train.frames.excerpts import (
    ExcerptConfig,
    ShuffleConfig,
    SoundExcerpt,
    excerpts_of,
    shuffled,
    strikes_of,
    transposed,
)

N_KEYS = MAX_PITCH - MIN_PITCH + 1
HARD_SHARE, EASY = 0.6, 0.02
"""So many excerpts are heard badly; in the others every share is EASY of its most."""
SOFT_BINS = 8.0
"""A strike so many velocity bins below MIDDLE_BIN is missed 2.7 times as often."""
MIDDLE_BIN = 18
JITTER_FRAMES = 0.5
GHOSTS = (12, 12, -12, 19, 24, 7, 1, -1)
"""In semitones from a key: where one is heard that was not struck."""


@dataclass(frozen=True)
class MisheardConfig(Settings):
    """How much music without sound is added to what is rendered.

    Args:
        hours: of it, from the training pieces; 0 is none.
        excerpt_seconds: length of an excerpt.
        transpose_semitones: it is moved by up to so much up or down.
        most_missed: highest share of strikes that are missed.
        most_ghosts: highest share of strikes that are heard on another key, too.
        most_repeated: highest share of strikes that are heard twice.
        seed: of the excerpts and of how they are heard.
    """

    hours: Annotated[float, Range(0, 10_000)] = 20.0
    excerpt_seconds: Annotated[float, Range(1, 600)] = 60.0
    transpose_semitones: Annotated[int, Range(0, 87)] = 5
    most_missed: Share = 0.35
    most_ghosts: Share = 0.08
    most_repeated: Share = 0.05
    seed: TrainingSeed = 2


def misheard(performance: Performance, config: MisheardConfig, rng: np.random.Generator) -> np.ndarray:
    """What is heard of it in a recording that rng draws: uint8 [T, N_KEYS], 0 or 1."""
    strikes = strikes_of(performance, seconds_factor=float(np.exp(rng.uniform(-0.05, 0.05))))
    is_hard = rng.random() < HARD_SHARE
    missed, ghosts, repeated = (
        rng.uniform(0.0, most) if is_hard else EASY * most
        for most in (config.most_missed, config.most_ghosts, config.most_repeated)
    )
    softness = (MIDDLE_BIN - performance.notes["velocity_bin"].astype(float)) / SOFT_BINS
    strikes = strikes[rng.random(len(strikes)) >= missed * np.exp(softness)]
    strikes = strikes + np.stack([np.rint(rng.normal(0.0, JITTER_FRAMES, len(strikes))), np.zeros(len(strikes))], 1)
    also = strikes[rng.random(len(strikes)) < ghosts]
    also = also + np.stack([rng.integers(0, 3, len(also)), rng.choice(GHOSTS, len(also))], axis=1)
    again = strikes[rng.random(len(strikes)) < repeated]
    again = again + np.stack([rng.integers(2, 8, len(again)), np.zeros(len(again))], axis=1)
    frame, key = np.concatenate([strikes, also, again]).astype(int).T
    is_heard = (frame >= 0) & (key >= 0) & (key < N_KEYS)
    of_frames = np.zeros((frame[is_heard].max(initial=0) + 1, N_KEYS), dtype=bool)
    of_frames[frame[is_heard], key[is_heard]] = True
    return in_steps(of_frames)


def misheard_excerpts(corpus: Corpus, config: MisheardConfig, shuffle: ShuffleConfig | None) -> Iterator[np.ndarray]:
    """The excerpts of training pieces, as played or shuffled, as `misheard` has them."""
    of_corpus = ExcerptConfig(train_hours=config.hours, excerpt_seconds=config.excerpt_seconds, seed=config.seed)
    for excerpt in excerpts_of(corpus, "train", of_corpus):
        yield misheard(_notes_of(excerpt, config, shuffle), config, excerpt.generator(config.seed, 2))


def _notes_of(excerpt: SoundExcerpt, config: MisheardConfig, shuffle: ShuffleConfig | None) -> Performance:
    notes = transposed(excerpt.performance, config.transpose_semitones, excerpt.generator(config.seed, 0))
    return notes if shuffle is None else shuffled(notes, shuffle, excerpt.generator(config.seed, 1))
