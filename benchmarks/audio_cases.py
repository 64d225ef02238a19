"""What the audio ranking compares: excerpts of test pieces as they sound, and what is made of them.

Corruptions of the notes are played again, corruptions of the sound are not. Controls leave the music as it is and so
must not matter; adversaries are easy to predict and no music.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from audio import corruption as of_sound
from audio.waveform import Waveform
from bridge.references import render_window, second_windows
from symbolic.corpus import Corpus
from symbolic.corruption import CORRUPTIONS, playable
from symbolic.performance import MAX_PITCH, MIN_PITCH, NOTE_DTYPE, TICK_SECONDS, Performance

SEED = 1
WRONG_NOTE_SHARES = (0.01, 0.05, 0.1, 0.25, 0.5)
NOTE_CORRUPTIONS = (
    *(("wrong_notes", share) for share in WRONG_NOTE_SHARES),
    ("semitone", 0.1),
    ("random_pitches", 0.1),
    ("jitter_onsets", 0.25),
    ("permute_durations", 1.0),
    ("random_velocities", 1.0),
    ("flat_velocities", 1.0),
    ("matched_marginals", 1.0),
    ("uniform_notes", 1.0),
    ("shuffle_seconds", 1.0),
    ("shuffle_bars", 1.0),
    ("reverse", 1.0),
    ("loop", 0.5),
)
"""Names of symbolic.corruption and the shares of notes touched."""
SOUND_CORRUPTIONS = {
    "noise in 2 % of the time": ("noise_bursts", 0.02),
    "noise in 10 % of the time": ("noise_bursts", 0.1),
    "low-pass at 4 kHz": ("low_pass", 4000.0),
    "low-pass at 1 kHz": ("low_pass", 1000.0),
    "2 % of the samples clipped": ("clip", 0.02),
    "20 % of the samples clipped": ("clip", 0.2),
    "20 cents flat": ("detune", 20.0),
    "50 cents flat": ("detune", 50.0),
}
SOUND_CONTROLS = {
    "gain +12 dB": ("gain", 12.0),
    "gain -12 dB": ("gain", -12.0),
    "1 s of silence at either end": ("pad_silence", 1.0),
}
"""Line of the table to a name of audio.corruption and its amount."""
TRANSPOSITIONS = {"a semitone higher": 1, "a semitone lower": -1}
OTHER_SOUNDFONT = "another SoundFont"
CHORD_PITCHES = (48, 55, 60, 64, 67)
CHORD_TICKS, SCALE_TICKS = 600, 12
SCALE_PITCHES = (60, 62, 64, 65, 67, 69, 71, 72, 71, 69, 67, 65, 64, 62)


class Take(NamedTuple):
    """A sound, and how many notes are struck in it."""

    sound: Waveform
    n_struck: int


@dataclass(frozen=True)
class Studio:
    """How excerpts are played: for so long, at a sample rate in Hz, and by which SoundFont the second time."""

    seconds: float
    sample_rate: int
    other_soundfont: Path

    def play(self, performance: Performance, soundfont: Path | None = None) -> Take:
        """Notes from the first on, on a SoundFont (the default one); what comes after `seconds` is cut."""
        n_struck = int((performance.notes["onset_ticks"] * TICK_SECONDS < self.seconds).sum())
        return Take(render_window(performance, self.seconds, self.sample_rate, soundfont), n_struck)


def excerpts_of_seconds(corpus: Corpus, *, pieces: int, per_piece: int, seconds: float) -> list[Performance]:
    """`per_piece` excerpts from each of up to `pieces` test pieces that are long enough, piece by piece, seeded."""
    rng = np.random.default_rng(SEED)
    long_enough = [piece for piece in corpus.of_split("test") if piece.seconds >= seconds]
    chosen = tuple(long_enough[i] for i in sorted(rng.permutation(len(long_enough))[:pieces]))
    windows = second_windows(replace(corpus, pieces=chosen), seconds, per_piece * len(chosen), rng)
    # They come a round at a time, every piece once in each.
    return [window for first in range(len(chosen)) for window in windows[first :: len(chosen)]]


def note_case(name: str, share: float) -> str:
    """The line of the table for a corruption of the notes; what has one severity, all of it, goes by its name."""
    return name if share == 1 else f"{name} {100 * share:g} %"


NOTE_CASES = {note_case(name, share): (name, share) for name, share in NOTE_CORRUPTIONS}
CORRUPTED = (*NOTE_CASES, *SOUND_CORRUPTIONS)
CONTROLS = (*SOUND_CONTROLS, *TRANSPOSITIONS, OTHER_SOUNDFONT)
CASES = (*CORRUPTED, *CONTROLS)


def takes_of(performance: Performance, studio: Studio, number: int) -> Iterator[Take]:
    """The excerpt itself, then what becomes of it in each of CASES; `number` is the seed of its own."""

    def rng() -> np.random.Generator:
        return np.random.default_rng((SEED, number))

    original = studio.play(performance)
    yield original
    for name, share in NOTE_CASES.values():
        yield studio.play(CORRUPTIONS[name](performance, rng(), share))
    changes = of_sound.CORRUPTIONS | of_sound.CONTROLS
    for name, amount in (*SOUND_CORRUPTIONS.values(), *SOUND_CONTROLS.values()):
        yield original._replace(sound=changes[name](original.sound, rng(), amount))
    for semitones in TRANSPOSITIONS.values():
        yield studio.play(transposed(performance, semitones))
    yield studio.play(performance, studio.other_soundfont)


def transposed(performance: Performance, semitones: int) -> Performance:
    """All notes moved, those left out that the keyboard has no key for; one must remain."""
    pitch = performance.notes["pitch"].astype(int) + semitones
    has_key = (pitch >= MIN_PITCH) & (pitch <= MAX_PITCH)
    notes = performance.notes[has_key].copy()
    notes["pitch"] = pitch[has_key]
    return playable(notes)


def adversaries(studio: Studio) -> dict[str, Take]:
    """What no score may prefer to music, by name; a performance's notes end, so the held chord is struck every 6 s."""
    n_samples, n_ticks = round(studio.seconds * studio.sample_rate), round(studio.seconds / TICK_SECONDS)
    strikes, steps = np.arange(0, n_ticks, CHORD_TICKS), np.arange(0, n_ticks, SCALE_TICKS)
    chord = _notes(np.repeat(strikes, len(CHORD_PITCHES)), np.tile(CHORD_PITCHES, len(strikes)), CHORD_TICKS)
    scale = _notes(steps, np.resize(SCALE_PITCHES, len(steps)), SCALE_TICKS)
    hertz = 440.0 * 2.0 ** ((np.array(CHORD_PITCHES)[:, None] - 69) / 12)
    tones = 0.1 * np.sin(2 * np.pi * hertz * np.arange(n_samples) / studio.sample_rate).mean(axis=0)  # [N]
    silence, steady = (
        Waveform(samples[None].astype(np.float32), studio.sample_rate, name)
        for name, samples in (("silence", np.zeros(n_samples)), ("steady tones", tones))
    )
    return {
        "silence": Take(silence, 0),
        "held chord": studio.play(chord),
        "steady tones": Take(steady, len(CHORD_PITCHES)),
        "scale": studio.play(scale),
    }


def _notes(onset_ticks: np.ndarray, pitch: np.ndarray, duration_ticks: int) -> Performance:
    """Equally loud and long notes [N]."""
    notes = np.zeros(len(pitch), dtype=NOTE_DTYPE)
    notes["onset_ticks"], notes["pitch"], notes["duration_ticks"] = onset_ticks, pitch, duration_ticks
    notes["velocity_bin"] = 16
    return playable(notes)
