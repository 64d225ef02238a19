"""Standard MIDI Files as raw events: every note, pedal and tempo event in playing order, and the exact clock.

mido decodes the bytes (`losscal.midi`), for it hides nothing that counting repairs needs: note-offs with nothing
sounding, notes never closed, the order of events on one tick.
"""

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import numpy as np

from losscal.errors import InputError
from losscal.midi import open_midi

NOTE_OFF, NOTE_ON, CONTROL_CHANGE = 0x80, 0x90, 0xB0
SUSTAIN_CONTROLLER = 64
MAX_HOURS = 24

_DEFAULT_TEMPO = 500_000  # microseconds a beat, until the file says otherwise


class Event(NamedTuple):
    """A note-on, note-off or sustain event; `number` is the pitch or the controller, `value` the velocity or position.

    A note-on of velocity 0 is a note-off, and arrives as one.
    """

    tick: int
    track: int
    channel: int  # 0..15
    kind: int  # NOTE_ON, NOTE_OFF or CONTROL_CHANGE
    number: int
    value: int


@dataclass(frozen=True)
class Clock:
    """The tempo map in exact integers: seconds = units / units_per_second.

    From `start_ticks[i]` on, a tick lasts `units_per_tick[i]` units, and `start_units[i]` have passed. All int64 [S].
    """

    start_ticks: np.ndarray
    start_units: np.ndarray
    units_per_tick: np.ndarray
    units_per_second: int

    def units(self, ticks: np.ndarray) -> np.ndarray:
        """The times of `ticks` (int64 [N]) in units: int64 [N]."""
        segment = np.searchsorted(self.start_ticks, ticks, side="right") - 1
        return self.start_units[segment] + (ticks - self.start_ticks[segment]) * self.units_per_tick[segment]


@dataclass(frozen=True)
class RawMidi:
    """A parsed file: events of all tracks in playing order (by tick, then track, then place in the track).

    end_tick is where the longest track ends.
    """

    events: list[Event]
    end_tick: int
    clock: Clock


def parse_smf(data: bytes, name: str) -> RawMidi:
    """Parse the bytes of a MIDI file; `name` is for the messages.

    Raises InputError where the file is empty, no MIDI, truncated, damaged, or of more than MAX_HOURS.
    """
    file = open_midi(data, name)
    events: list[Event] = []
    tempos: list[tuple[int, int]] = []
    end_tick = 0
    for number, track in enumerate(file.tracks):
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "end_of_track":
                break
            if message.type == "set_tempo":
                tempos.append((tick, message.tempo))
            elif event := _event(message, tick, number):
                events.append(event)
        end_tick = max(end_tick, tick)
    events.sort(key=lambda event: event.tick)  # stable, so the order within a tick is kept
    tempos.sort(key=lambda tempo: tempo[0])
    return RawMidi(events, end_tick, _clock(file.ticks_per_beat, tempos, end_tick, name))


def _event(message: Any, tick: int, track: int) -> Event | None:
    """The event of a mido message; None where it is neither a note nor the sustain pedal."""
    match message.type:
        case "note_on" if message.velocity > 0:
            return Event(tick, track, message.channel, NOTE_ON, message.note, message.velocity)
        case "note_on" | "note_off":
            return Event(tick, track, message.channel, NOTE_OFF, message.note, message.velocity)
        case "control_change" if message.control == SUSTAIN_CONTROLLER:
            return Event(tick, track, message.channel, CONTROL_CHANGE, message.control, message.value)
    return None


def _clock(division: int, tempos: list[tuple[int, int]], end_tick: int, name: str) -> Clock:
    """The clock of a header's division field and the tempo events (tick, microseconds a beat), sorted by tick.

    Raises InputError for an unknown division, a tempo of 0 and a file of more than MAX_HOURS.
    """
    if division < 0:  # SMPTE: ticks are fractions of a video frame, tempo events have no say
        frames_per_second, ticks_per_frame = -(division >> 8), division & 0xFF
        if frames_per_second not in (24, 25, 29, 30) or ticks_per_frame == 0:
            raise InputError(f"{name}: unknown time division {division}; export the file again.")
        is_drop_frame = frames_per_second == 29  # stands for 30000 / 1001 frames a second
        units_per_second = (30_000 if is_drop_frame else frames_per_second) * ticks_per_frame
        changes = [(0, 1001 if is_drop_frame else 1)]
    else:
        if division == 0:
            raise InputError(f"{name}: the header gives 0 ticks a beat; export the file again.")
        if any(tempo == 0 for _, tempo in tempos):
            raise InputError(f"{name}: damaged, a tempo event without a tempo; export the file again.")
        units_per_second = division * 1_000_000
        changes = [(0, _DEFAULT_TEMPO), *tempos]
    spans = pairwise([*changes, (end_tick, 0)])
    *start_units, end_units = accumulate(((end - start) * units for (start, units), (end, _) in spans), initial=0)
    if end_units > MAX_HOURS * 3600 * units_per_second:
        raise InputError(f"{name}: lasts more than {MAX_HOURS} hours, the limit; export it again or cut it.")
    start_ticks, units_per_tick = zip(*changes, strict=True)
    columns = (np.array(column, dtype=np.int64) for column in (start_ticks, start_units, units_per_tick))
    return Clock(*columns, units_per_second)
