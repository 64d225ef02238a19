"""What a transcriber is: it hears the notes and pedals of a recording; and how what it heard becomes a MIDI file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from losscal.errors import InputError
from losscal.files import atomic_path

if TYPE_CHECKING:
    from audio.signal.waveform import Sound

TICKS_PER_BEAT, TICKS_PER_SECOND = 500, 1000
"""At 120 beats a minute a tick is a millisecond, finer than any transcriber hears."""


@dataclass(frozen=True)
class HeardNote:
    """A note, or a pressed pedal. number: of the MIDI key, or of the controller where it is a pedal."""

    start_seconds: float
    end_seconds: float
    number: int
    velocity: int
    is_pedal: bool = False


class Transcriber(Protocol):
    """Hears notes in sound of any rate, length and number of channels, in memory that does not grow with its length."""

    name: str
    version: str

    def transcribe(self, sound: "Sound") -> Sequence[HeardNote]:
        """The notes and pedals in order of their starts; raises InputError where the sound is refused."""
        ...


def write_heard(notes: Sequence[HeardNote], path: str | Path, source: str) -> None:
    """Write what was heard as a type-0 MIDI file, pedals as controllers.

    source: the recording, for the message. Raises InputError where no note was heard, and as `atomic_path`.
    """
    import mido

    if all(note.is_pedal for note in notes):
        raise InputError(f"{source}: no note of a piano is heard in it; give a recording of piano music.")
    messages = []
    for note in notes:
        first = round(note.start_seconds * TICKS_PER_SECOND)
        last = max(first + 1, round(note.end_seconds * TICKS_PER_SECOND))
        if note.is_pedal:
            messages.append((first, 1, mido.Message("control_change", control=note.number, value=127)))
            messages.append((last, 0, mido.Message("control_change", control=note.number, value=0)))
        else:
            velocity = min(max(note.velocity, 1), 127)
            messages.append((first, 1, mido.Message("note_on", note=note.number, velocity=velocity)))
            messages.append((last, 0, mido.Message("note_off", note=note.number)))
    track, now = mido.MidiTrack(), 0
    for tick, _, message in sorted(messages, key=lambda timed: timed[:2]):  # what ends goes before what begins
        track.append(message.copy(time=tick - now))
        now = tick
    file = mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_BEAT)
    file.tracks.append(track)
    with atomic_path(path) as temporary:
        file.save(temporary)
