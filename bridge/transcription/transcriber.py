"""What a transcriber is: it hears the notes and pedals of a recording; and how what it heard becomes a performance.

What is heard becomes a MIDI file with the pedals as controllers and is then read like any other MIDI file, so that
heard notes and those of the corpus are folded alike. What is struck as a chord begins at once in it: how far apart the
hammers of a chord reach their strings is a matter of the instrument.
"""

import io
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from losscal.errors import InputError
from losscal.files import atomic_path

if TYPE_CHECKING:
    import mido

    from audio.signal.waveform import Sound
    from symbolic.notes.cleaning import CleanedMidi

TICKS_PER_BEAT, TICKS_PER_SECOND = 500, 1000
"""At 120 beats a minute a tick is a millisecond, finer than any transcriber hears."""
CHORD_SECONDS = 0.05
"""Notes so near are a chord: nobody plays notes one after the other so fast."""
Progress = Callable[[Iterable[Any]], Iterable[Any]]
"""Wraps what is heard piece by piece, as tqdm does."""


@dataclass(frozen=True)
class HeardNote:
    """A note, or a pressed pedal. number: of the MIDI key, or of the controller where it is a pedal."""

    start_seconds: float
    end_seconds: float
    number: int
    velocity: int
    is_pedal: bool = False

    def __post_init__(self) -> None:
        if not 0.0 <= self.start_seconds <= self.end_seconds < math.inf:
            raise ValueError(f"heard from {self.start_seconds} to {self.end_seconds} s, no span of time")
        if not (0 <= self.number <= 127 and 1 <= self.velocity <= 127):
            raise ValueError(f"number {self.number} and velocity {self.velocity}, allowed are 0..127 and 1..127")


class Transcriber(Protocol):
    """Hears notes in sound of any rate, length and number of channels, in memory that does not grow with its length.

    name, version: of the package. fingerprint: a text that is another one where weights or settings are others, so that
    nothing heard with those is taken for this one's. core_seconds_per_second: about what a second of sound takes.
    """

    name: str
    version: str
    fingerprint: str
    core_seconds_per_second: float

    def transcribe(self, sound: "Sound") -> Sequence[HeardNote]:
        """The notes and pedals in order of their starts; raises InputError where the sound is refused."""
        ...


@dataclass(frozen=True)
class Heard:
    """What a transcriber, of a name and version, heard in `source`, in order of the starts."""

    notes: tuple[HeardNote, ...]
    transcriber: str
    version: str
    source: str

    @cached_property
    def cleaned(self) -> "CleanedMidi":
        """The performance, pedals folded, chords at once; raises InputError where no note of a piano was heard."""
        from symbolic.notes.cleaning import clean_midi

        content = io.BytesIO()
        self._midi(chords_at_once(self.notes)).save(file=content)
        return clean_midi(content.getvalue(), self.source)

    @property
    def first_onset_seconds(self) -> float:
        """Where in the recording the performance begins."""
        return min(note.start_seconds for note in self.notes if not note.is_pedal)

    @property
    def n_notes(self) -> int:
        """Notes, without the pedals."""
        return sum(not note.is_pedal for note in self.notes)

    def write(self, path: str | Path) -> None:
        """Write a type-0 MIDI file, pedals as controllers.

        Raises InputError where no note was heard, and as `atomic_path`.
        """
        file = self._midi(self.notes)
        with atomic_path(path) as temporary:
            file.save(temporary)

    def _midi(self, notes: Sequence[HeardNote]) -> "mido.MidiFile":
        import mido

        if not self.n_notes:
            raise InputError(f"{self.source}: no note of a piano is heard in it; give a recording of piano music.")
        messages, restrikes = [], {}
        for note in reversed(notes):
            first = round(note.start_seconds * TICKS_PER_SECOND)
            last = max(first + 1, round(note.end_seconds * TICKS_PER_SECOND))
            last = min(last, restrikes.get((note.is_pedal, note.number), last))
            if first == last:  # struck twice within a tick
                continue
            restrikes[note.is_pedal, note.number] = first
            if note.is_pedal:
                messages.append((first, 1, mido.Message("control_change", control=note.number, value=127)))
                messages.append((last, 0, mido.Message("control_change", control=note.number, value=0)))
            else:
                messages.append((first, 1, mido.Message("note_on", note=note.number, velocity=note.velocity)))
                messages.append((last, 0, mido.Message("note_off", note=note.number)))
        track, now = mido.MidiTrack(), 0
        for tick, _, message in sorted(messages, key=lambda timed: timed[:2]):  # what ends goes before what begins
            track.append(message.copy(time=tick - now))
            now = tick
        file = mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_BEAT)
        file.tracks.append(track)
        return file


def chords_at_once(notes: Sequence[HeardNote]) -> list[HeardNote]:
    """Notes in order of their starts: those that begin within CHORD_SECONDS of another's start begin with it."""
    together: list[HeardNote] = []
    start = -math.inf
    for note in notes:
        if note.is_pedal:
            together.append(note)
            continue
        if note.start_seconds - start > CHORD_SECONDS:
            start = note.start_seconds
        together.append(replace(note, start_seconds=start))
    return sorted(together, key=lambda note: note.start_seconds)
