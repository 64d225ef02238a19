"""What of a MIDI file is played: its messages from the first note, or from time zero, to where the last note ends.

Rests before the music and stray messages behind it say nothing of it, yet silence counts in a likelihood of sound.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from losscal.errors import InputError
from losscal.midi import NOTE_OFF, NOTE_ON, MidiFile, read_midi_file
from symbolic.notes.cleaning import DRUM_CHANNEL
from symbolic.notes.strokes import Strokes, find_strokes

HELD_SECONDS = 10.0
"""What a pedal, or a key that is never let go, still holds so long after the last key has moved has died away."""
MIN_SOUNDING_FRACTION = 0.1
"""Of a music that sounds for a smaller share of its time no likelihood is told: silence would decide it."""


@dataclass(frozen=True)
class Played:
    """The messages that a synthesiser is sent, in playing order.

    Args:
        seconds: float64 [N], rising, 0 or later.
        status: int64 [N], the kind of message and the channel in its low four bits.
        data: int64 [N, 2], both 0..127.
    """

    seconds: np.ndarray
    status: np.ndarray
    data: np.ndarray

    def messages(self) -> Iterator[tuple[float, int, list[int]]]:
        """(seconds, status, data) of each message."""
        return zip(self.seconds.tolist(), self.status.tolist(), self.data.tolist(), strict=True)

    @classmethod
    def of(cls, file: MidiFile, name: str, *, from_first_note: bool = False) -> "Played":
        """Of a parsed file, from time zero or from the first note that is no drum: where a Performance begins.

        name: of the file, for messages. Controllers and programs from before are sent at the beginning, notes from
        before are not. Raises InputError where the file holds no note.
        """
        strokes, seconds = _all_strokes(file, name), file.seconds
        key_places = np.append(strokes.onset_place, strokes.key_up_place)
        last_key_seconds = seconds[key_places[key_places < len(seconds)].max()]
        until = min(
            int(strokes.released_place.max()) + 1,
            int(np.searchsorted(seconds, last_key_seconds + HELD_SECONDS, side="right")),
        )
        begin = 0.0
        is_played = np.arange(len(seconds)) < until
        if from_first_note:
            begin = seconds[_first_note(file, strokes)]
            is_played &= (seconds >= begin) | ~np.isin(file.kind, (NOTE_ON, NOTE_OFF))
        return cls(np.maximum(seconds - begin, 0.0)[is_played], file.status[is_played], file.data[is_played])


def check_rests(file: MidiFile, name: str) -> None:
    """Raise InputError where all but MIN_SOUNDING_FRACTION of the music is rests, which would take long to play.

    A note is taken to sound for HELD_SECONDS longer than it is held, so what is refused here is all but silent.
    """
    strokes, seconds = _all_strokes(file, name), np.append(file.seconds, file.seconds[-1])
    order = np.argsort(strokes.onset_place)
    onset = seconds[strokes.onset_place[order]]
    silent_from = np.maximum.accumulate(seconds[strokes.released_place[order]] + HELD_SECONDS)
    rests = np.maximum(onset[1:] - silent_from[:-1], 0.0)
    fraction = 1.0 - rests.sum() / (silent_from[-1] - onset[0])
    if fraction < MIN_SOUNDING_FRACTION:
        longest = int(rests.argmax())
        raise InputError(
            f"{name}: notes sound for only {fraction:.1%} of its time, the limit is {MIN_SOUNDING_FRACTION:.0%}, and a "
            f"likelihood of silence means nothing; cut its rests, the longest of {rests[longest]:.0f} s begins at "
            f"{silent_from[longest]:.0f} s."
        )


def first_note_seconds(path: Path) -> float:
    """When the first note of a MIDI file is struck that is no drum; raises InputError where there is none."""
    file = read_midi_file(path)
    return float(file.seconds[_first_note(file, _all_strokes(file, str(path)))])


def _all_strokes(file: MidiFile, name: str) -> Strokes:
    strokes, _ = find_strokes(file, np.ones(len(file.tick), dtype=bool))
    if not len(strokes.pitch):
        raise InputError(f"{name}: holds no note to play; give a MIDI file with notes.")
    return strokes


def _first_note(file: MidiFile, strokes: Strokes) -> int:
    """The place of the first note-on that is no drum, of the first of all where all are drums."""
    places = strokes.onset_place
    of_piano = places[file.channel[places] != DRUM_CHANNEL]
    return int((of_piano if len(of_piano) else places).min())
