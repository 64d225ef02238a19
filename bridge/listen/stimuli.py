"""What is heard in a test: a folder's pieces as sounds of one loudness, under names that tell nothing, and two anchors.

The anchors are made of the original: a copy of it, and, of notes, the same with every pitch drawn anew; of a recording,
its quarter seconds in another order.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audio.signal.waveform import Sound, Waveform, normalise, open_audio, read_audio
from bridge.items.finding import Item, find_items
from bridge.listen.trials import ORIGINAL, RANDOM, Stimulus
from bridge.render import render, render_notes, write_audio
from losscal.errors import InputError
from losscal.processes.progress import bar

LOUDNESS_LUFS = -23.0
"""EBU R 128's; quieter, all of them, where a peak would clip."""
HIGHEST_PEAK = 0.98
PIECE_SECONDS = 0.25
SAMPLE_RATE = 44_100


@dataclass(frozen=True)
class Heard:
    """A stimulus and the file that is played."""

    stimulus: Stimulus
    sound: Path


def prepare(folder: Path, original: Path | None, sounds: Path, seed: int) -> list[Heard]:
    """Make the sounds of a test into the folder `sounds`; original: one of the files, or another, to make anchors of.

    Raises InputError where a file cannot be used.
    """
    made = dict(_tested(folder, original))
    if original is not None:
        of_original = _item(original)
        made[Stimulus("copy of the original", ORIGINAL)] = _sound(of_original)
        made[Stimulus("random", RANDOM)] = _random(of_original, np.random.default_rng(seed))
    lufs = _common_loudness(made)
    heard = []
    for stimulus, sound in bar(desc="writing", unit="sound")(made.items()):
        path = sounds / f"{secrets.token_urlsafe(9)}.wav"
        write_audio(path, normalise(sound, lufs))
        heard.append(Heard(stimulus, path))
    return heard


def _tested(folder: Path, original: Path | None) -> list[tuple[Stimulus, Sound]]:
    items = find_items([folder])
    problems = [item.problem for item in items if item.problem is not None]
    if problems:
        raise InputError(" ".join(problems))
    tested = [item for item in items if original is None or original not in (item.midi, item.wav)]
    if len(tested) < 2:
        raise InputError(f"{folder}: a test needs two pieces beside the original; put more into the folder.")
    names = [str(Path(item.id).relative_to(folder)) for item in tested]
    playing = bar(desc="playing", unit="piece")(tested)
    return [(Stimulus(name), _sound(item)) for name, item in zip(names, playing, strict=True)]


def _item(path: Path) -> Item:
    (item,) = find_items([path])
    if item.problem is not None:
        raise InputError(item.problem)
    return item


def _sound(item: Item) -> Sound:
    """The recording where there is one, else the notes as they are played."""
    if item.wav is not None:
        return open_audio(item.wav)
    return Waveform(render(item.midi, sample_rate=SAMPLE_RATE), SAMPLE_RATE, str(item.midi))


def _random(item: Item, rng: np.random.Generator) -> Sound:
    if item.midi is not None:
        from symbolic.notes.cleaning import read_midi
        from symbolic.notes.corruption import random_pitches

        notes = random_pitches(read_midi(item.midi).performance, rng, 1.0)
        return Waveform(render_notes(notes, sample_rate=SAMPLE_RATE), SAMPLE_RATE, f"{item.midi}, random")
    whole = read_audio(item.wav)
    length = round(PIECE_SECONDS * whole.sample_rate)
    pieces = [whole.samples[:, first : first + length] for first in range(0, whole.n_samples, length)]
    samples = np.concatenate([pieces[place] for place in rng.permutation(len(pieces))], axis=1)
    return Waveform(samples, whole.sample_rate, f"{item.wav}, random")


def _common_loudness(made: Mapping[Stimulus, Sound]) -> float:
    """The loudness at which none of them clips."""
    peaks = [_peak(normalise(sound, LOUDNESS_LUFS)) for sound in bar(desc="measuring", unit="sound")(made.values())]
    return LOUDNESS_LUFS + min(0.0, 20 * float(np.log10(HIGHEST_PEAK / max(peaks))))


def _peak(sound: Sound) -> float:
    return max(float(np.abs(block).max()) for block in sound.blocks())


def playable(heard: Sequence[Heard]) -> dict[int, str]:
    """The file of each place of a study's stimuli."""
    return {place: str(one.sound) for place, one in enumerate(heard)}
