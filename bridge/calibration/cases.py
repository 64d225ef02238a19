"""What a calibration compares: an excerpt as it is, and what is made of it.

Corruptions of the notes are seen by views of notes and played again for those of sound; corruptions of the sound are
heard alone. Controls leave the music as it is and so must not matter; adversaries are easy to predict and no music.
"""

from collections import ChainMap
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from audio.signal import corruption as of_sound
from audio.signal.waveform import Waveform
from bridge.references import render_window
from bridge.synthesis.rendering import SampleRate
from losscal.errors import InputError
from losscal.settings import Seed, Settings
from symbolic.data.excerpts import Excerpt
from symbolic.notes import corruption as of_notes
from symbolic.notes.performance import MAX_PITCH, MIN_PITCH, NOTE_DTYPE, TICK_SECONDS, Performance

SEVERITIES = ChainMap(of_sound.CORRUPTIONS.severities, of_notes.CORRUPTIONS.severities)
"""Of all corruptions by name, those of notes first: a ChainMap goes through its last map first."""

SOUND_CONTROLS = {
    "gain +12 dB": ("gain", 12.0),
    "gain -12 dB": ("gain", -12.0),
    "1 s of silence at either end": ("pad_silence", 1.0),
    "a room": ("room", 0.8),
    "another microphone": ("microphone", 6.0),
    "MP3 of 64 kbit/s": ("mp3", 64.0),
}
TRANSPOSITIONS = {"a semitone higher": 1, "a semitone lower": -1}
OTHER_SOUNDFONT = "another SoundFont"
CONTROLS = (*SOUND_CONTROLS, *TRANSPOSITIONS, OTHER_SOUNDFONT)
"""By the names that the tables have for them."""
ADVERSARIES = ("silence", "held chord", "steady tones", "scale")
CHORD_PITCHES = (48, 55, 60, 64, 67)
CHORD_TICKS, SCALE_TICKS = 600, 12
SCALE_PITCHES = (60, 62, 64, 65, 67, 69, 71, 72, 71, 69, 67, 65, 64, 62)


@dataclass(frozen=True)
class Case:
    """A version of an excerpt: a corruption at a severity, or with None the original, a control or an adversary."""

    name: str
    severity: float | None = None

    def __str__(self) -> str:
        if self.severity is None:
            return self.name
        unit = of_sound.CORRUPTIONS.units.get(self.name)
        return f"{self.name} {self.severity:g} {unit}" if unit else f"{self.name} {100 * self.severity:g} %"


ORIGINAL = Case("original")
YARDSTICK = Case("wrong_notes", 0.1)
"""What the effect of a control is measured by."""


class Version(NamedTuple):
    """What is to be scored: the notes, None where none has changed or there are none, and a way to the sound.

    sound: None where the excerpt has no such version, which everything then refuses.
    """

    case: Case
    notes: Performance | None
    sound: Callable[[], Waveform] | None


@dataclass(frozen=True)
class Studio(Settings):
    """How notes are played: at a sample rate in Hz, and on which SoundFont the second time, None where there is none.

    corruptions: names of SEVERITIES to make, or single cases as the tables write them ("clip 5 %"); YARDSTICK is always
    among them. controls: names of CONTROLS to make. seed: of all of them.
    """

    sample_rate: SampleRate
    other_soundfont: Path | None
    corruptions: Collection[str] = tuple(SEVERITIES)
    seed: Seed = 1
    controls: Collection[str] = CONTROLS

    def __post_init__(self) -> None:
        super().__post_init__()
        corruptions = {name: [str(Case(name, amount)) for amount in amounts] for name, amounts in SEVERITIES.items()}
        unknown = (
            set(self.corruptions) - corruptions.keys() - {case for cases in corruptions.values() for case in cases}
        )
        for name in sorted(unknown):
            severities = [cases for corruption, cases in corruptions.items() if name.startswith(f"{corruption} ")]
            known = ",".join(*severities or [corruptions])
            raise InputError(f"--corruptions {name}: no such corruption; choose of {known}.")
        if unknown := sorted(set(self.controls) - set(CONTROLS)):
            raise InputError(f"--controls {','.join(unknown)}: no such control; choose of {','.join(CONTROLS)}.")

    @property
    def cases(self) -> list[Case]:
        """The corruptions, in the order of the tables."""
        every = (Case(name, amount) for name, amounts in SEVERITIES.items() for amount in amounts)
        return [case for case in every if case == YARDSTICK or not {case.name, str(case)}.isdisjoint(self.corruptions)]

    def play(self, notes: Performance, seconds: float, soundfont: Path | None = None) -> Waveform:
        """Notes from the first on, on a SoundFont (the default one); what comes after `seconds` is cut."""
        return render_window(notes, seconds, self.sample_rate, soundfont)

    def versions(self, excerpt: Excerpt, number: int) -> Iterator[Version]:
        """The excerpt itself, its corruptions and controls; `number` is the seed of its own.

        One seed serves all of them, so that the notes touched at one severity are touched at the next.
        """
        notes = excerpt.performance
        original = cache(partial(self.play, notes, excerpt.seconds))

        def rng() -> np.random.Generator:
            return np.random.default_rng((self.seed, number))

        def played(case: Case, other: Performance | None) -> Version:
            if other is None:
                return Version(case, None, None)
            return Version(case, other, partial(self.play, other, excerpt.seconds))

        def changed(case: Case, change: of_sound.Corruption, amount: float) -> Version:
            return Version(case, None, lambda: change(original(), rng(), amount))

        yield Version(ORIGINAL, notes, original)
        for case in self.cases:
            if case.name in of_notes.CORRUPTIONS:
                yield played(case, of_notes.CORRUPTIONS[case.name](notes, rng(), case.severity))
            else:
                yield changed(case, of_sound.CORRUPTIONS[case.name], case.severity)
        for name in filter(self.controls.__contains__, CONTROLS):
            if name in SOUND_CONTROLS:
                change, amount = SOUND_CONTROLS[name]
                yield changed(Case(name), of_sound.CONTROLS[change], amount)
            elif name in TRANSPOSITIONS:
                yield played(Case(name), transposed(notes, TRANSPOSITIONS[name]))
            elif self.other_soundfont is not None:
                again = partial(self.play, notes, excerpt.seconds, self.other_soundfont)
                yield Version(Case(OTHER_SOUNDFONT), None, again)

    def adversaries(self, seconds: float) -> Iterator[Version]:
        """ADVERSARIES of a length; a performance's notes end, so the held chord is struck every 6 s."""
        n_samples, n_ticks = round(seconds * self.sample_rate), round(seconds / TICK_SECONDS)
        strikes, steps = np.arange(0, n_ticks, CHORD_TICKS), np.arange(0, n_ticks, SCALE_TICKS)
        chord = _equal_notes(np.repeat(strikes, len(CHORD_PITCHES)), np.tile(CHORD_PITCHES, len(strikes)), CHORD_TICKS)
        scale = _equal_notes(steps, np.resize(SCALE_PITCHES, len(steps)), SCALE_TICKS)
        hertz = 440.0 * 2.0 ** ((np.array(CHORD_PITCHES)[:, None] - 69) / 12)
        tones = 0.1 * np.sin(2 * np.pi * hertz * np.arange(n_samples) / self.sample_rate).mean(axis=0)  # [N]
        for name, samples in (("silence", np.zeros(n_samples)), ("steady tones", tones)):
            sound = Waveform(samples[None].astype(np.float32), self.sample_rate, name)
            yield Version(Case(name), None, lambda sound=sound: sound)
        for name, notes in (("held chord", chord), ("scale", scale)):
            yield Version(Case(name), notes, partial(self.play, notes, seconds))


def transposed(performance: Performance, semitones: int) -> Performance | None:
    """All notes moved, those left out that the keyboard has no key for; None where none remains."""
    pitch = performance.notes["pitch"].astype(int) + semitones
    has_key = (pitch >= MIN_PITCH) & (pitch <= MAX_PITCH)
    notes = performance.notes[has_key].copy()
    notes["pitch"] = pitch[has_key]
    return of_notes.playable(notes) if len(notes) else None


def _equal_notes(onset_ticks: np.ndarray, pitch: np.ndarray, duration_ticks: int) -> Performance:
    """Equally loud and long notes [N]."""
    notes = np.zeros(len(pitch), dtype=NOTE_DTYPE)
    notes["onset_ticks"], notes["pitch"], notes["duration_ticks"] = onset_ticks, pitch, duration_ticks
    notes["velocity_bin"] = 16
    return of_notes.playable(notes)
