"""When does a note of a MIDI file begin and end? Note-ons paired with what ends them, the pedals taken into account."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

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
)


@dataclass(frozen=True)
class Strokes:
    """All strokes of some keys, int64 [N] each; a place is an index into the messages, their number the file's end.

    onset_place, key_up_place: of the messages that strike the key and let it go. released_place: of the one at which
    the damper falls, the pedals taken into account.
    """

    onset_place: np.ndarray
    key_up_place: np.ndarray
    released_place: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray
    part: np.ndarray  # 16 * track + channel


class _KeyEvent(NamedTuple):
    """What happens to one key; `velocity` is 0 where it is not struck, `ends_all` where all keys of a channel go up."""

    place: int
    tick: int
    velocity: int
    ends_all: bool


def find_strokes(file: MidiFile, is_wanted: np.ndarray) -> tuple[Strokes, Counter[str]]:
    """The strokes of the notes among the wanted messages (bool [N]), and how often what was repaired, by kind."""
    repairs: Counter[str] = Counter()
    strokes = [np.empty((0, 5), dtype=np.int64)]
    for pitch, part, events in _events_by_key(file, is_wanted):
        of_key = np.array(_pair(events, len(file.tick), repairs), dtype=np.int64).reshape(-1, 3)
        strokes.append(np.column_stack([of_key, np.full((len(of_key), 2), (pitch, part))]))
    onset_place, velocity, key_up_place, pitch, part = np.concatenate(strokes).T
    released_place = _released(file, part % 16, onset_place, key_up_place)
    return Strokes(onset_place, key_up_place, released_place, pitch, velocity, part), repairs


def _events_by_key(file: MidiFile, is_wanted: np.ndarray) -> Iterator[tuple[int, int, list[_KeyEvent]]]:
    """What happens to each key of each part, in playing order: pitch, part, events.

    Of the messages that end all notes of a channel the first behind each event of a key is told.
    """
    kind, velocity = file.kind, np.where(file.kind == NOTE_ON, file.data[:, 1], 0)
    place = np.flatnonzero(((kind == NOTE_ON) | (kind == NOTE_OFF)) & is_wanted)
    key = (16 * file.track[place] + file.channel[place]) * 128 + file.data[place, 0]
    ending = _next_ending(file, kind, place)
    place, key = np.concatenate([place, ending]), np.concatenate([key, key])
    kept = np.flatnonzero(place < len(file.tick))
    order = kept[np.lexsort((place[kept], key[kept]))]
    place, key = place[order], key[order]
    # the next ending is the same for all events before it, and counts for the last of them
    is_first = np.append(True, (np.diff(place) != 0) | (np.diff(key) != 0))[: len(place)]
    place, key = place[is_first], key[is_first]
    ends_all = kind[place] == CONTROL_CHANGE
    begins = np.flatnonzero(np.append(True, np.diff(key) != 0)[: len(key)])
    for begin, end in pairwise([*begins.tolist(), len(key)]):
        own = slice(begin, end)
        at = place[own]
        columns = (at, file.tick[at], np.where(ends_all[own], 0, velocity[at]), ends_all[own])
        part, pitch = divmod(int(key[begin]), 128)
        yield pitch, part, list(map(_KeyEvent._make, zip(*(column.tolist() for column in columns), strict=True)))


def _next_ending(file: MidiFile, kind: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Behind each of the messages at `place` [N] the place of the next that ends all notes of its channel: int64 [N].

    The number of messages where there is none.
    """
    ends_all = (kind == CONTROL_CHANGE) & np.isin(file.data[:, 0], (ALL_SOUND_OFF, ALL_NOTES_OFF))
    result = np.full(len(place), len(file.tick))
    for channel in np.unique(file.channel[ends_all]).tolist():
        endings = np.flatnonzero(ends_all & (file.channel == channel))
        ours = file.channel[place] == channel
        result[ours] = np.append(endings, len(file.tick))[np.searchsorted(endings, place[ours])]
    return result


def _pair(events: Sequence[_KeyEvent], end_place: int, repairs: Counter[str]) -> list[tuple[int, int, int]]:
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


def _released(file: MidiFile, channels: np.ndarray, onset_place: np.ndarray, key_up_place: np.ndarray) -> np.ndarray:
    """The place at which each stroke's damper falls, int64 [N]: its key-up, or later where the channel's pedals hold.

    The sostenuto pedal holds the keys that are down when it is pressed, the sustain pedal all. All sound off ends both.
    """
    result = key_up_place.copy()
    for channel in set(channels.tolist()):
        ours = channels == channel
        onset, released = onset_place[ours], key_up_place[ours]
        pressed, lifted = _pedal(file, channel, SOSTENUTO, released)
        released = np.where((onset < pressed) & (pressed < released), lifted, released)
        pressed, lifted = _pedal(file, channel, SUSTAIN, released)
        released = np.where(pressed >= 0, lifted, released)
        silenced = _places(file, channel, ALL_SOUND_OFF)
        next_silence = np.append(silenced, len(file.tick))[np.searchsorted(silenced, onset)]
        result[ours] = np.minimum(released, next_silence)
    return result


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
