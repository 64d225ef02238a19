"""From a MIDI file to the scored object: every note played on one piano, every repair counted by its kind.

Times go exactly, in integers, through the tempo map and are rounded once. All melodic programs count as piano, because
people export piano music with odd ones; channel 10, the drums, is left out. Which note-off belongs to which note-on is
decided in `symbolic.notes.strokes`, offsets and the grid in `_to_grid`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from losscal.errors import InputError
from losscal.midi import NOTE_ON, MidiFile, parse_midi, read_midi_file
from symbolic.notes.performance import (
    MAX_DURATION_TICKS,
    MAX_PITCH,
    MIN_PITCH,
    NOTE_DTYPE,
    Performance,
    nearest_velocity_bin,
    next_strikes,
)
from symbolic.notes.strokes import Strokes, find_strokes

REPAIRS = {
    "drum": "note on the drum channel, left out",
    "out_of_range": "note outside the piano's 21..108, left out",
    "duplicate_onset": "second note of one pitch on one onset, the louder stays",
    "doubled_note_on": "key struck while it was down, the earlier note ends at the restrike",
    "shared_key": "key struck while another track or channel held it, the earlier note ends at the restrike",
    "orphan_note_off": "note-off with nothing sounding, ignored",
    "unclosed_note": "note never closed, it ends at the restrike or with the file",
    "zero_length": "note-off on the tick of its note-on, the note lasts one step",
    "pedal_folded": "note lengthened by the sustain or the sostenuto pedal",
    "data_above_127": "data byte above 127, read as 127",
    "over_long": "note above 6.01 s, cut there",
    "leading_silence": "file whose first note is not at its beginning, moved there",
}
REMOVING_REPAIRS = ("drum", "out_of_range", "duplicate_onset")
DRUM_CHANNEL = 9  # the tenth
STEPS_PER_SECOND = 100
MAX_HOURS = 24
_SECONDS_BEYOND_CAP = 10  # a note that lasts longer is cut wherever it ends


@dataclass(frozen=True)
class CleanedMidi:
    """A performance and what was repaired to get it: {kind of REPAIRS: count}, kinds that did not occur left out.

    Notes kept = note-ons of the file minus the counts of REMOVING_REPAIRS.
    """

    performance: Performance
    repairs: dict[str, int]


def read_midi(path: str | Path) -> CleanedMidi:
    """Read and clean a MIDI file.

    Raises InputError (one sentence) where it is missing, a folder, unreadable, no MIDI, truncated, damaged, or holds no
    note of a piano.
    """
    return clean_midi_file(read_midi_file(Path(path)), str(path))


def clean_midi(data: bytes, name: str) -> CleanedMidi:
    """Clean the bytes of a MIDI file; `name` stands in the messages. Raises InputError as `read_midi` does."""
    return clean_midi_file(parse_midi(data, name), name)


def clean_midi_file(file: MidiFile, name: str) -> CleanedMidi:
    """Clean a parsed MIDI file; raises InputError where it holds no note of a piano, or is too long."""
    is_drum = file.channel == DRUM_CHANNEL
    has_key = (file.data[:, 0] >= MIN_PITCH) & (file.data[:, 0] <= MAX_PITCH)
    is_on = file.kind == NOTE_ON
    strokes, paired = find_strokes(file, ~is_drum & has_key)
    repairs = dict.fromkeys(REPAIRS, 0) | paired
    repairs["drum"] = int((is_on & is_drum).sum())
    repairs["out_of_range"] = int((is_on & ~is_drum & ~has_key).sum())
    repairs["data_above_127"] = file.data_above_127
    if not len(strokes.pitch):
        left_out = [f"{repairs[kind]} x {REPAIRS[kind]}" for kind in REMOVING_REPAIRS if repairs[kind]]
        raise InputError(
            f"{name}: holds no note of a piano ({'; '.join(left_out) or 'it has no notes at all'}); give a piano part."
        )
    _check_length(file, strokes, name)
    performance = Performance(_to_grid(file, strokes, repairs))
    return CleanedMidi(performance, {kind: count for kind, count in repairs.items() if count})


def _check_length(file: MidiFile, strokes: Strokes, name: str) -> None:
    """Raise InputError where the last note begins more than MAX_HOURS after the first."""
    onset_units = file.clock.units(file.tick[strokes.onset_place])
    hours = (int(onset_units.max()) - int(onset_units.min())) / (3600 * file.clock.units_per_second)
    if hours > MAX_HOURS:
        raise InputError(f"{name}: lasts {hours:.2f} hours, the limit is {MAX_HOURS}; export it again or cut it.")


def _to_grid(file: MidiFile, strokes: Strokes, repairs: dict[str, int]) -> np.ndarray:
    """Strokes to sorted NOTE_DTYPE notes [N], times rounded half up to 10 ms from the first onset."""
    clock, place_ticks = file.clock, np.append(file.tick, file.end_tick)
    onset_units = clock.units(place_ticks[strokes.onset_place])
    first_units = int(onset_units.min())
    latest_units = onset_units + _SECONDS_BEYOND_CAP * clock.units_per_second

    def steps(place: np.ndarray) -> np.ndarray:
        units = np.minimum(clock.units(place_ticks[place]), latest_units) - first_units
        return (2 * STEPS_PER_SECOND * units + clock.units_per_second) // (2 * clock.units_per_second)

    onset, key_up, released = steps(strokes.onset_place), steps(strokes.key_up_place), steps(strokes.released_place)
    # of one onset and pitch the louder stands first, then the longer
    order = np.lexsort((-released, -strokes.velocity, strokes.pitch, onset))
    is_repeated = (np.diff(onset[order]) == 0) & (np.diff(strokes.pitch[order]) == 0)
    order = np.delete(order, 1 + np.flatnonzero(is_repeated))
    onset, key_up, released = onset[order], key_up[order], released[order]
    part, following = strokes.part[order], next_strikes(onset, strokes.pitch[order])
    restrike = np.append(onset, np.iinfo(np.int64).max)[following]
    is_other_part = np.append(part, -1)[following] != part
    offset = np.minimum(released, restrike)

    repairs["leading_silence"] += first_units > 0
    is_at_once = place_ticks[strokes.key_up_place] == place_ticks[strokes.onset_place]
    repairs["zero_length"] += int(is_at_once.sum())
    repairs["duplicate_onset"] += int(is_repeated.sum())
    repairs["shared_key"] += int((is_other_part & (key_up > restrike)).sum())
    repairs["pedal_folded"] += int((offset > key_up).sum())
    repairs["over_long"] += int((offset - onset > MAX_DURATION_TICKS).sum())

    notes = np.empty(len(onset), dtype=NOTE_DTYPE)
    notes["onset_ticks"], notes["pitch"] = onset, strokes.pitch[order]
    notes["duration_ticks"] = np.clip(offset - onset, 1, MAX_DURATION_TICKS)
    notes["velocity_bin"] = nearest_velocity_bin(strokes.velocity[order])
    return notes
