"""What the audio models hear: excerpts of a corpus, rendered as differently as recordings are, and made into frames.

Beside the frames stands which key was struck when, for the network that is to hear it. Everything drawn for an excerpt
comes from its own seed, and what is shuffled from another than what is rendered: so the background model hears the very
places, instruments and rooms of the foreground model, and only the order of the notes is another.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np

from audio.signal.waveform import Waveform
from audio.spectral.frames import FrameConfig, quantised_frames
from bridge.render import render_notes
from bridge.synthesis.synthesiser import default_soundfont
from losscal.errors import InputError
from losscal.settings import Count, PositiveShare, Range, Settings, Share, TrainingSeed, require
from symbolic.data.corpus import Corpus
from symbolic.data.excerpts import ExcerptSeconds, Length, in_turn
from symbolic.notes.corruption import CORRUPTIONS
from symbolic.notes.monotony import held_chords, scales
from symbolic.notes.performance import MAX_PITCH, MIN_PITCH, TICK_SECONDS, Performance
from train.frames.acoustics import AcousticsConfig, record

VALIDATION_SPLITS = ("validation_dry", "validation_varied")
"""The same excerpts: as the default SoundFont plays them, and varied."""
SPLITS = ("train", *VALIDATION_SPLITS)
PROGRAMS = (0, 1)
"""General MIDI programs: acoustic and bright acoustic grand piano."""
OTHER_PROGRAMS = (2, 3, 4, 5, 6, 11, 24, 46)
"""Electric and honky-tonk pianos, harpsichord, vibraphone, guitar, harp: what else is struck or plucked."""
RULES = CORRUPTIONS | {"scales": scales, "held_chords": held_chords, "as_played": lambda notes, rng, amount: notes}
"""What the background model's notes may undergo; `as_played`, nothing, is for weights that both models start from."""


@dataclass(frozen=True)
class ExcerptConfig(Settings):
    """Which excerpts are rendered, and how.

    Args:
        train_hours: sound rendered from the training pieces, spread evenly over them.
        validation_excerpts: number of excerpts of the validation pieces, each rendered dry and varied.
        excerpt_seconds: an excerpt holds the notes struck in so long a span; their sound rings on behind it.
        render_sample_rate: rate of the synthesis in Hz, before the frames' own resampling.
        dry_share: share of the training excerpts played as written on the default SoundFont, with no room.
        other_instruments_share: share of the others that are played on no piano, so that what hears them is told less
            by the sound and more by the strike.
        transpose_semitones: the others are moved by up to so much up or down, as far as the keyboard goes.
        seed: of the places the excerpts are taken from, and of their sound.
    """

    train_hours: Annotated[float, Range(0, 100_000, low_open=True)] = 5.0
    validation_excerpts: Count = 24
    excerpt_seconds: ExcerptSeconds = 30.0
    render_sample_rate: Annotated[int, Range(8000, 96_000)] = 16_000
    dry_share: Share = 0.15
    other_instruments_share: Share = 0.15
    transpose_semitones: Annotated[int, Range(0, 87)] = 3
    seed: TrainingSeed = 1

    def n_excerpts(self, split: str) -> int:
        """Excerpts of one of SPLITS."""
        return round(self.train_hours * 3600 / self.excerpt_seconds) if split == "train" else self.validation_excerpts


@dataclass(frozen=True)
class ShuffleConfig(Settings):
    """How the notes of the background model's excerpts are put out of order, or into one that is no music.

    Args:
        rules: names of RULES, one drawn for each excerpt; twice named, twice as likely.
        min_amount: the rule touches a share of the notes that is drawn between this and all of them.
    """

    rules: tuple[str, ...] = (
        *("wrong_notes", "semitone", "matched_marginals", "matched_marginals"),
        *("random_pitches", "jitter_onsets", "uniform_notes", "loop", "scales", "held_chords"),
    )
    min_amount: PositiveShare = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        unknown = sorted(set(self.rules) - set(RULES))
        require(not unknown, f"rules {','.join(unknown)}: unknown, choose from {', '.join(RULES)}")
        require(bool(self.rules), "rules (): none is given, name at least one")


@dataclass(frozen=True)
class SoundRecipe:
    """All that decides how an excerpt sounds; without `shuffle` its notes stay as they were played."""

    soundfonts: tuple[Path, ...]
    excerpts: ExcerptConfig = field(default_factory=ExcerptConfig)
    acoustics: AcousticsConfig = field(default_factory=AcousticsConfig)
    shuffle: ShuffleConfig | None = None


@dataclass(frozen=True)
class SoundExcerpt:
    """Notes to be rendered, and which excerpt of which split they are: the seed of all that is drawn for them."""

    performance: Performance
    split: str
    number: int

    def generator(self, seed: int, purpose: int) -> np.random.Generator:
        """A generator of this excerpt's own for one purpose; both validation sets have the same."""
        return np.random.default_rng((seed, self.split == "train", self.number, purpose))


def excerpts_of(corpus: Corpus, split: str, config: ExcerptConfig) -> Iterator[SoundExcerpt]:
    """The excerpts of one of SPLITS, the same for the same config: the pieces in turn, each time at a new place."""
    split_of_corpus = split.split("_")[0]
    pieces = corpus.of_split(split_of_corpus)
    if not pieces:
        raise InputError(f"{corpus.folder}: its {split_of_corpus} split is empty; prepare a larger corpus.")
    rng = np.random.default_rng(config.seed)
    length = Length(config.excerpt_seconds, "seconds")
    for number, piece in enumerate(in_turn(pieces, config.n_excerpts(split), rng)):
        performance = corpus.performance(piece)
        onset = performance.notes["onset_ticks"]
        first_tick = rng.integers(max(1, onset[-1] - length.ticks + 1))  # of time, not of notes: all is heard alike
        yield SoundExcerpt(length.cut(performance, int(np.searchsorted(onset, first_tick))), split, number)


@dataclass(frozen=True)
class RenderedExcerpt:
    """levels: uint8 [T, n_bands], the release tail included; strikes: int32 [N, 2], the frame and key of each note."""

    levels: np.ndarray
    strikes: np.ndarray


def frames_of_excerpt(excerpt: SoundExcerpt, recipe: SoundRecipe) -> RenderedExcerpt:
    """Shuffle, render, record and quantise."""
    config, performance, rate = recipe.excerpts, excerpt.performance, recipe.excerpts.render_sample_rate
    soundfont, program = default_soundfont(), PROGRAMS[0]
    rng = excerpt.generator(config.seed, 0)
    is_dry = rng.random() < config.dry_share if excerpt.split == "train" else excerpt.split == "validation_dry"
    if not is_dry:
        performance = transposed(performance, config.transpose_semitones, rng)
        soundfont = recipe.soundfonts[rng.integers(len(recipe.soundfonts))]
        programs = OTHER_PROGRAMS if rng.random() < config.other_instruments_share else PROGRAMS
        program = programs[rng.integers(len(programs))]
    if recipe.shuffle is not None:
        performance = shuffled(performance, recipe.shuffle, excerpt.generator(config.seed, 1))
    samples = rendered(performance, soundfont, program, rate)
    played_rate = rate
    if not is_dry:
        samples, played_rate = record(samples, rate, recipe.acoustics, rng)
    levels = quantised_frames(Waveform(samples[None], played_rate, "excerpt"))
    return RenderedExcerpt(levels, strikes_of(performance, seconds_factor=rate / played_rate))


def strikes_of(performance: Performance, seconds_factor: float = 1.0) -> np.ndarray:
    """(frame, key) of each note, int32 [N, 2], where its seconds are `seconds_factor` as long."""
    frames = performance.notes["onset_ticks"] * (TICK_SECONDS * seconds_factor * FrameConfig().frames_per_second)
    return np.stack([np.rint(frames), performance.notes["pitch"].astype(int) - MIN_PITCH], axis=1).astype(np.int32)


def shuffled(performance: Performance, config: ShuffleConfig, rng: np.random.Generator) -> Performance:
    """The notes after one of the rules, drawn with its amount."""
    rule = RULES[config.rules[rng.integers(len(config.rules))]]
    return rule(performance, rng, rng.uniform(config.min_amount, 1.0))


def transposed(performance: Performance, most_semitones: int, rng: np.random.Generator) -> Performance:
    """All notes moved by as many semitones, up to `most_semitones` either way and never off the keyboard."""
    notes = performance.notes.copy()
    pitch = notes["pitch"].astype(int)
    down = min(most_semitones, pitch.min() - MIN_PITCH)
    up = min(most_semitones, MAX_PITCH - pitch.max())
    notes["pitch"] = pitch + rng.integers(-down, up, endpoint=True)
    return Performance(notes)


def rendered(performance: Performance, soundfont: Path, program: int, sample_rate: int) -> np.ndarray:
    """Mono float32 [N] of the notes on a General MIDI program of a SoundFont."""
    return render_notes(performance, sample_rate=sample_rate, soundfont=soundfont, program=program).mean(axis=0)
