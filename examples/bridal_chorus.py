"""Richard Wagner (1813-1883), Bridal Chorus from Lohengrin (1850), the first sixteen bars, entered by hand as notes.

B flat major, 2/4. The melody is Wagner's; the accompaniment is our own setting of his harmony, two chords a bar. It is
played with a machine's idea of a pianist, always the same: phrases that swell and fade, the melody above its chords
and a little before them, a slower end, small errors of timing and touch, and the pedal changed with every chord.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np

from losscal.files import atomic_path

# One bar between bars: pitch:beats for the melody, bass and chord of the two beats for the accompaniment.
MELODY = """
    F4:1 Bb4:.75 Bb4:.25 | Bb4:2               | F4:1 C5:.75 A4:.25  | Bb4:2
    F4:1 Bb4:.75 Eb5:.25 | Eb5:1 D5:.75 C5:.25 | Bb4:1 A4:.75 Bb4:.25 | C5:2
    F4:1 Bb4:.75 Bb4:.25 | Bb4:2               | F4:1 C5:.75 A4:.25  | Bb4:2
    F4:1 Bb4:.75 D5:.25  | F5:1 D5:.75 Bb4:.25 | G4:1 C5:.75 D5:.25  | Bb4:2
"""
CHORDS = """
    Bb2 F3 D4    , Bb2 F3 D4     | Bb2 F3 D4 , D3 F3 F4    | F2 F3 Eb4     , F2 Eb3 C4 F4  | Bb2 F3 D4     , F2 F3 D4
    Bb2 F3 D4    , Ab2 F3 D4     | G2 Bb3 G4 , Bb2 Bb3 F4  | Eb3 Bb3 G4    , C3 Bb3 E4     | F2 F3 A3 F4   , F3 A3 Eb4
    Bb2 F3 D4    , Bb2 F3 D4     | Bb2 F3 D4 , D3 F3 F4    | F2 F3 Eb4     , F2 Eb3 C4 F4  | Bb2 F3 D4     , F2 F3 D4
    Bb2 F3 D4    , Ab2 F3 Bb3 F4 | G2 D4 G4 Bb4 , Bb2 D4 F4 | Eb2 Bb3 Eb4  , F2 A3 Eb4     | Bb1 Bb2 F3 D4 , Bb2 F3 D4
"""
BEATS_PER_BAR, BEATS_PER_MINUTE, PHRASE_BEATS = 2, 104.0, 8.0
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
TICKS_PER_SECOND = 960
"""480 ticks a beat at 120 BPM: the file's clock, not the music's tempo."""


@dataclass(frozen=True)
class WrittenNote:
    """A note of the score: pitch in MIDI numbers, time in beats, part "melody", "bass" or "inner"."""

    pitch: int
    onset_beats: float
    beats: float
    part: str


def pitch_of(name: str) -> int:
    """ "Bb4" to 70."""
    letter, flat, octave = re.fullmatch(r"([A-G])(b?)(\d)", name).groups()
    return 12 * (int(octave) + 1) + SEMITONES[letter] - len(flat)


def written_notes() -> Iterator[WrittenNote]:
    """The notes of MELODY and CHORDS, part after part."""
    now = 0.0
    for symbol in MELODY.replace("|", " ").split():
        name, beats = symbol.split(":")
        yield WrittenNote(pitch_of(name), now, float(beats), "melody")
        now += float(beats)
    chords = [chord for line in CHORDS.strip().splitlines() for bar in line.split("|") for chord in bar.split(",")]
    for beat, chord in enumerate(chords):
        for index, name in enumerate(chord.split()):
            yield WrittenNote(pitch_of(name), float(beat), 1.0, "inner" if index else "bass")


def seconds_at(beats: np.ndarray, last_beat: float) -> np.ndarray:
    """When beats [N] are played: even time that broadens over the last bar and a half."""
    broadening = 0.035 * np.maximum(beats - (last_beat - 3.0), 0.0) ** 2
    return (beats + broadening) * 60.0 / BEATS_PER_MINUTE


def played_messages(seed: int = 1850) -> list[tuple[float, mido.Message]]:
    """The performance: (seconds, message) of notes and pedal in order of time."""
    generator = np.random.default_rng(seed)
    notes = list(written_notes())
    onset_beats = np.array([note.onset_beats for note in notes])
    offset_beats = onset_beats + [note.beats for note in notes]
    last_beat = float(offset_beats.max())
    lead_seconds = np.array([{"melody": 0.015, "bass": 0.005, "inner": 0.0}[note.part] for note in notes])
    onset_seconds = 0.1 + seconds_at(onset_beats, last_beat) - lead_seconds + generator.normal(0.0, 0.006, len(notes))
    offset_seconds = 0.1 + seconds_at(offset_beats, last_beat) - 0.03
    swell = 16.0 * np.sin(np.pi * (onset_beats % PHRASE_BEATS) / PHRASE_BEATS)
    weight = np.array([{"melody": 16.0, "bass": 4.0, "inner": -6.0}[note.part] for note in notes])
    velocity = np.clip(54.0 + swell + weight + generator.normal(0.0, 3.0, len(notes)), 20, 110).astype(int)
    messages = []
    for note, on, off, loudness in zip(notes, onset_seconds, offset_seconds, velocity.tolist(), strict=True):
        messages.append((float(on), mido.Message("note_on", note=note.pitch, velocity=loudness)))
        messages.append((float(off), mido.Message("note_off", note=note.pitch)))
    for beat in 0.1 + seconds_at(np.arange(last_beat), last_beat):
        messages.append((float(beat) + 0.02, mido.Message("control_change", control=64, value=0)))
        messages.append((float(beat) + 0.12, mido.Message("control_change", control=64, value=127)))
    end = 0.1 + float(seconds_at(np.array([last_beat]), last_beat)[0]) + 0.2
    messages.append((end, mido.Message("control_change", control=64, value=0)))
    return sorted(messages, key=lambda timed: timed[0])


def write_bridal_chorus(path: str | Path) -> None:
    """Write the performance as a MIDI file."""
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=500_000)])
    now = 0
    for seconds, message in played_messages():
        tick = round(seconds * TICKS_PER_SECOND)
        track.append(message.copy(time=tick - now))
        now = tick
    file = mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_SECOND // 2)
    file.tracks.append(track)
    with atomic_path(path) as temporary:
        file.save(temporary)
