"""From a MIDI file to the scored object: every note played on one piano, every repair counted by its kind.

Times go exactly, in integers, through the tempo map and are rounded once. All melodic programs count as piano, because
people export piano music with odd ones; channel 10, the drums, is left out. Which note-off belongs to which note-on is
decided in `_pair`, offsets and the grid in `_to_grid`.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from losscal.errors import InputError
from losscal.midi import read_midi_bytes
from symbolic.notes.performance import (
    MAX_DURATION_TICKS,
    MAX_PITCH,
    MIN_PITCH,
    NOTE_DTYPE,
    Performance,
    nearest_velocity_bin,
    next_strikes,
)
from symbolic.notes.smf import CONTROL_CHANGE, NOTE_ON, Event, RawMidi, parse_smf

REPAIRS = {
    "drum": "note on the drum channel, left out",
    "out_of_range": "note outside the piano's 21..108, left out",
    "duplicate_onset": "second note of one pitch on one onset, the louder stays",
    "doubled_note_on": "key struck while it was down, the earlier note ends at the restrike",
    "shared_key": "key struck while another track or channel held it, the earlier note ends at the restrike",
    "orphan_note_off": "note-off with nothing sounding, ignored",
    "unclosed_note": "note never closed, it ends at the restrike or with the file",
    "zero_length": "note-off on the tick of its note-on, the note lasts one step",
    "pedal_folded": "note lengthened by the sustain pedal",
    "over_long": "note above 6.01 s, cut there",
    "leading_silence": "file whose first note is not at its beginning, moved there",
}
REMOVING_REPAIRS = ("drum", "out_of_range", "duplicate_onset")
DRUM_CHANNEL = 9  # the tenth
PEDAL_DOWN_VALUE = 64
STEPS_PER_SECOND = 100


@dataclass(frozen=True)
class CleanedMidi:
    """A performance and what was repaired to get it: {kind of REPAIRS: count}, kinds that did not occur left out.

    Notes kept = note-ons of the file minus the counts of REMOVING_REPAIRS.
    """

    performance: Performance
    repairs: dict[str, int]


@dataclass(frozen=True)
class _Strokes:
    """All strokes of the piano's keys, int64 [N] each; a place is an index into the events, their number the end."""

    onset_tick: np.ndarray
    key_up_tick: np.ndarray
    key_up_place: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray
    part: np.ndarray  # 16 * track + channel


def read_midi(path: str | Path) -> CleanedMidi:
    """Read and clean a MIDI file.

    Raises InputError (one sentence) where it is missing, a folder, unreadable, no MIDI, truncated, damaged, or holds no
    note of a piano.
    """
    return clean_midi(read_midi_bytes(Path(path)), str(path))


def clean_midi(data: bytes, name: str) -> CleanedMidi:
    """Clean the bytes of a MIDI file; `name` stands in the messages. Raises InputError as `read_midi` does."""
    raw = parse_smf(data, name)
    repairs = dict.fromkeys(REPAIRS, 0)
    strokes = _find_strokes(raw, repairs)
    if strokes is None:
        left_out = [f"{repairs[kind]} x {REPAIRS[kind]}" for kind in REMOVING_REPAIRS if repairs[kind]]
        raise InputError(
            f"{name}: holds no note of a piano ({'; '.join(left_out) or 'it has no notes at all'}); give a piano part."
        )
    performance = Performance(_to_grid(raw, strokes, repairs))
    return CleanedMidi(performance, {kind: count for kind, count in repairs.items() if count})


def _find_strokes(raw: RawMidi, repairs: dict[str, int]) -> _Strokes | None:
    """Pair the note events key by key; None where no key of the piano is struck."""
    events_of_key: dict[tuple[int, int], list[tuple[int, Event]]] = defaultdict(list)
    for place, event in enumerate(raw.events):
        if event.channel == DRUM_CHANNEL:
            repairs["drum"] += event.kind == NOTE_ON
        elif event.kind == CONTROL_CHANGE:
            continue
        elif MIN_PITCH <= event.number <= MAX_PITCH:
            events_of_key[event.number, 16 * event.track + event.channel].append((place, event))
        else:
            repairs["out_of_range"] += event.kind == NOTE_ON
    place_ticks = [*(event.tick for event in raw.events), raw.end_tick]
    rows = [
        (onset_tick, place_ticks[key_up_place], key_up_place, pitch, velocity, part)
        for (pitch, part), events in events_of_key.items()
        for onset_tick, velocity, key_up_place in _pair(events, len(raw.events), repairs)
    ]
    return _Strokes(*np.array(rows, dtype=np.int64).T) if rows else None


def _pair(events: Sequence[tuple[int, Event]], end_place: int, repairs: dict[str, int]) -> list[tuple[int, int, int]]:
    """The strokes of one key, in order: (onset tick, velocity, place of the key-up).

    events: (place, event) of one key in playing order. Two note-ons on one tick are one stroke. Matched like brackets,
    the events show which note-ons are never closed and which note-offs close nothing; both are set aside. Of the rest
    the first off belongs to the first on, because a file that strikes a sounding key writes the earlier note's off
    later. Without the first step one lost off would shift every later pair of its key.
    """
    ons: list[tuple[int, int, int]] = []  # tick, velocity, place
    open_ons: list[int] = []
    key_up_places: list[int] = []
    for place, event in events:
        if event.kind == NOTE_ON:
            if open_ons and ons[open_ons[-1]][0] == event.tick:
                repairs["duplicate_onset"] += 1
                ons[open_ons[-1]] = max(ons[open_ons[-1]], (event.tick, event.value, place))
            else:
                open_ons.append(len(ons))
                ons.append((event.tick, event.value, place))
        elif open_ons:
            open_ons.pop()
            key_up_places.append(place)
        else:
            repairs["orphan_note_off"] += 1
    never_closed = set(open_ons)
    next_key_up = iter(key_up_places)
    strokes = [
        (tick, velocity, end_place if index in never_closed else next(next_key_up))
        for index, (tick, velocity, _) in enumerate(ons)
    ]
    repairs["unclosed_note"] += len(never_closed)
    repairs["doubled_note_on"] += sum(
        key_up_place > place for (_, _, key_up_place), (_, _, place) in zip(strokes, ons[1:], strict=False)
    )
    return strokes


def _to_grid(raw: RawMidi, strokes: _Strokes, repairs: dict[str, int]) -> np.ndarray:
    """Strokes to sorted NOTE_DTYPE notes [N], times rounded half up to 10 ms from the first onset."""
    first_units = int(raw.clock.units(strokes.onset_tick).min())

    def steps(ticks: np.ndarray) -> np.ndarray:
        units = raw.clock.units(ticks) - first_units
        return (2 * STEPS_PER_SECOND * units + raw.clock.units_per_second) // (2 * raw.clock.units_per_second)

    onset, key_up, released = steps(strokes.onset_tick), steps(strokes.key_up_tick), steps(_release_ticks(raw, strokes))
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


def _release_ticks(raw: RawMidi, strokes: _Strokes) -> np.ndarray:
    """When each stroke's damper falls, int64 [N]: at the key-up, or with the channel's pedal where that is down."""
    pedal = [(place, event) for place, event in enumerate(raw.events) if event.kind == CONTROL_CHANGE]
    result = strokes.key_up_tick.copy()
    for channel in {event.channel for _, event in pedal}:
        own = [(place, event.tick, event.value) for place, event in pedal if event.channel == channel]
        place, tick, value = np.array(own, dtype=np.int64).T
        is_lift = value < PEDAL_DOWN_VALUE
        ours = strokes.part % 16 == channel
        key_up_place = strokes.key_up_place[ours]
        is_held = np.append(False, ~is_lift)[np.searchsorted(place, key_up_place)]
        next_lift_tick = np.append(tick[is_lift], raw.end_tick)[np.searchsorted(place[is_lift], key_up_place)]
        result[ours] = np.where(is_held, next_lift_tick, result[ours])
    return result
