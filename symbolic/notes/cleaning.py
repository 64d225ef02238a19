"""From a MIDI file to the scored object: every note played on one piano, every repair counted by its kind.

Times go exactly, in integers, through the tempo map and are rounded once. All melodic programs count as piano, because
people export piano music with odd ones; channel 10, the drums, is left out. Which note-off belongs to which note-on is
decided in `_pair`, offsets and the grid in `_to_grid`.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from losscal.errors import InputError
from losscal.midi import (
    ALL_NOTES_OFF,
    ALL_SOUND_OFF,
    CONTROL_CHANGE,
    NOTE_OFF,
    NOTE_ON,
    PEDAL_DOWN_VALUE,
    SOSTENUTO,
    SUSTAIN,
    MidiFile,
    parse_midi,
    read_midi_bytes,
)
from symbolic.notes.performance import (
    MAX_DURATION_TICKS,
    MAX_PITCH,
    MIN_PITCH,
    NOTE_DTYPE,
    Performance,
    nearest_velocity_bin,
    next_strikes,
)

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


@dataclass(frozen=True)
class _Strokes:
    """All strokes of the piano's keys, int64 [N] each; a place is an index into the messages, their number the end."""

    onset_tick: np.ndarray
    onset_place: np.ndarray
    key_up_tick: np.ndarray
    key_up_place: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray
    part: np.ndarray  # 16 * track + channel


class _KeyEvent(NamedTuple):
    """What happens to one key; `velocity` is 0 where it is not struck, `ends_all` where all keys of a channel go up."""

    place: int
    tick: int
    velocity: int
    ends_all: bool


def read_midi(path: str | Path) -> CleanedMidi:
    """Read and clean a MIDI file.

    Raises InputError (one sentence) where it is missing, a folder, unreadable, no MIDI, truncated, damaged, or holds no
    note of a piano.
    """
    return clean_midi(read_midi_bytes(Path(path)), str(path))


def clean_midi(data: bytes, name: str) -> CleanedMidi:
    """Clean the bytes of a MIDI file; `name` stands in the messages. Raises InputError as `read_midi` does."""
    file = parse_midi(data, name)
    repairs = dict.fromkeys(REPAIRS, 0) | {"data_above_127": file.data_above_127}
    strokes = _find_strokes(file, repairs)
    if strokes is None:
        left_out = [f"{repairs[kind]} x {REPAIRS[kind]}" for kind in REMOVING_REPAIRS if repairs[kind]]
        raise InputError(
            f"{name}: holds no note of a piano ({'; '.join(left_out) or 'it has no notes at all'}); give a piano part."
        )
    _check_length(file, strokes, name)
    performance = Performance(_to_grid(file, strokes, repairs))
    return CleanedMidi(performance, {kind: count for kind, count in repairs.items() if count})


def _find_strokes(file: MidiFile, repairs: dict[str, int]) -> _Strokes | None:
    """Pair the note events key by key; None where no key of the piano is struck."""
    events_of_key = _events_by_key(file, repairs)
    place_ticks = np.append(file.tick, file.end_tick)
    rows = [
        (place_ticks[onset_place], onset_place, place_ticks[key_up_place], key_up_place, pitch, velocity, part)
        for (pitch, part), events in events_of_key.items()
        for onset_place, velocity, key_up_place in _pair(events, len(file.tick), repairs)
    ]
    return _Strokes(*np.array(rows, dtype=np.int64).T) if rows else None


def _events_by_key(file: MidiFile, repairs: dict[str, int]) -> dict[tuple[int, int], list[_KeyEvent]]:
    """What happens to each key of each part, in playing order: {(pitch, part): events}."""
    kind, channel, number = file.kind, file.channel, file.data[:, 0]
    is_drum, has_key = channel == DRUM_CHANNEL, (number >= MIN_PITCH) & (number <= MAX_PITCH)
    is_on, is_note = kind == NOTE_ON, (kind == NOTE_ON) | (kind == NOTE_OFF)
    ends_all = (kind == CONTROL_CHANGE) & np.isin(number, (ALL_SOUND_OFF, ALL_NOTES_OFF))
    repairs["drum"] += int((is_on & is_drum).sum())
    repairs["out_of_range"] += int((is_on & ~is_drum & ~has_key).sum())
    places = np.flatnonzero(~is_drum & (is_note & has_key | ends_all))
    columns = (file.tick, np.where(is_on, file.data[:, 1], 0), ends_all, number, 16 * file.track + channel)
    events_of_key: dict[tuple[int, int], list[_KeyEvent]] = defaultdict(list)
    for *event, pitch, part in zip(places.tolist(), *(column[places].tolist() for column in columns), strict=True):
        key_event = _KeyEvent(*event)
        if not key_event.ends_all:
            events_of_key[pitch, part].append(key_event)
            continue
        for (_, other), events in events_of_key.items():
            if other % 16 == part % 16 and not events[-1].ends_all:
                events.append(key_event)
    return events_of_key


def _pair(events: Sequence[_KeyEvent], end_place: int, repairs: dict[str, int]) -> list[tuple[int, int, int]]:
    """The strokes of one key, in order: (place of the onset, velocity, place of the key-up).

    Two note-ons on one tick are one stroke. Matched like brackets, the events show which note-ons are never closed and
    which note-offs close nothing; both are set aside. Of the rest the first off belongs to the first on, because a file
    that strikes a sounding key writes the earlier note's off later. Without the first step one lost off would shift
    every later pair of its key.
    """
    ons: list[_KeyEvent] = []
    open_ons: list[int] = []
    key_up_places: list[int] = []
    for event in events:
        if event.ends_all:
            key_up_places += [event.place] * len(open_ons)
            open_ons.clear()
        elif event.velocity:
            if open_ons and ons[open_ons[-1]].tick == event.tick:
                repairs["duplicate_onset"] += 1
                ons[open_ons[-1]] = max(ons[open_ons[-1]], event, key=lambda on: (on.velocity, on.place))
            else:
                open_ons.append(len(ons))
                ons.append(event)
        elif open_ons:
            open_ons.pop()
            key_up_places.append(event.place)
        else:
            repairs["orphan_note_off"] += 1
    never_closed = set(open_ons)
    next_key_up = iter(key_up_places)
    strokes = [
        (on.place, on.velocity, end_place if index in never_closed else next(next_key_up))
        for index, on in enumerate(ons)
    ]
    repairs["unclosed_note"] += len(never_closed)
    repairs["doubled_note_on"] += sum(
        key_up_place > on.place for (_, _, key_up_place), on in zip(strokes, ons[1:], strict=False)
    )
    return strokes


def _check_length(file: MidiFile, strokes: _Strokes, name: str) -> None:
    """Raise InputError where the last note begins more than MAX_HOURS after the first."""
    onset_units = file.clock.units(strokes.onset_tick)
    if int(onset_units.max()) - int(onset_units.min()) > MAX_HOURS * 3600 * file.clock.units_per_second:
        raise InputError(f"{name}: lasts more than {MAX_HOURS} hours, the limit; export it again or cut it.")


def _to_grid(file: MidiFile, strokes: _Strokes, repairs: dict[str, int]) -> np.ndarray:
    """Strokes to sorted NOTE_DTYPE notes [N], times rounded half up to 10 ms from the first onset."""
    clock = file.clock
    onset_units = clock.units(strokes.onset_tick)
    first_units = int(onset_units.min())
    latest_units = onset_units + _SECONDS_BEYOND_CAP * clock.units_per_second

    def steps(units: np.ndarray) -> np.ndarray:
        units = np.minimum(units, latest_units) - first_units
        return (2 * STEPS_PER_SECOND * units + clock.units_per_second) // (2 * clock.units_per_second)

    onset, key_up = steps(onset_units), steps(clock.units(strokes.key_up_tick))
    released = steps(clock.units(_release_ticks(file, strokes)))
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
    repairs["zero_length"] += int((strokes.key_up_tick == strokes.onset_tick).sum())
    repairs["duplicate_onset"] += int(is_repeated.sum())
    repairs["shared_key"] += int((is_other_part & (key_up > restrike)).sum())
    repairs["pedal_folded"] += int((offset > key_up).sum())
    repairs["over_long"] += int((offset - onset > MAX_DURATION_TICKS).sum())

    notes = np.empty(len(onset), dtype=NOTE_DTYPE)
    notes["onset_ticks"], notes["pitch"] = onset, strokes.pitch[order]
    notes["duration_ticks"] = np.clip(offset - onset, 1, MAX_DURATION_TICKS)
    notes["velocity_bin"] = nearest_velocity_bin(strokes.velocity[order])
    return notes


def _release_ticks(file: MidiFile, strokes: _Strokes) -> np.ndarray:
    """When each stroke's damper falls, int64 [N]: at the key-up, or with the channel's pedals where they hold it.

    The sostenuto pedal holds the keys that are down when it is pressed, the sustain pedal all. All sound off ends both.
    """
    place_ticks = np.append(file.tick, file.end_tick)
    released_place = strokes.key_up_place.copy()
    for channel in set((strokes.part % 16).tolist()):
        ours = strokes.part % 16 == channel
        onset_place, released = strokes.onset_place[ours], released_place[ours]
        pressed_place, lifted_place = _pedal(file, channel, SOSTENUTO, released)
        released = np.where((onset_place < pressed_place) & (pressed_place < released), lifted_place, released)
        pressed_place, lifted_place = _pedal(file, channel, SUSTAIN, released)
        released = np.where(pressed_place >= 0, lifted_place, released)
        silenced = _places(file, channel, ALL_SOUND_OFF)
        next_silence = np.append(silenced, len(file.tick))[np.searchsorted(silenced, onset_place)]
        released_place[ours] = np.minimum(released, next_silence)
    return place_ticks[released_place]


def _places(file: MidiFile, channel: int, controller: int) -> np.ndarray:
    """The places of a channel's messages to one controller, int64 [M], rising."""
    is_ours = (file.status == CONTROL_CHANGE + channel) & (file.data[:, 0] == controller)
    return np.flatnonzero(is_ours)


def _pedal(file: MidiFile, channel: int, controller: int, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of a pedal at each of `places` [N]: since which place it is down, -1 where it is up, and where it lifts next."""
    own = _places(file, channel, controller)
    is_down = file.data[own, 1] >= PEDAL_DOWN_VALUE
    is_press = is_down & ~np.append(False, is_down[:-1])
    index = np.searchsorted(own, places) - 1  # of the last message before each place
    is_held = np.append(is_down, False)[index]
    last_press = np.append(own[is_press], -1)[np.searchsorted(own[is_press], places) - 1]
    lifts = own[~is_down]
    next_lift = np.append(lifts, len(file.tick))[np.searchsorted(lifts, places)]
    return np.where(is_held, last_press, -1), next_lift
