"""How a version was played, told apart from which notes it has: its tempo, loudness and key against the reference.

They are estimated on aligned notes and taken out before the notes are judged, so that a version is not less likely for
being slower, louder or in another key. Notes that then lie within a step of the reference's are set to it: rounding to
the grid of 10 ms and of 32 velocities leaves as much.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from symbolic.notes.alignment import Alignment, TimeMap
    from symbolic.notes.performance import Performance

LOUDNESS, TEMPO, KEY = "loudness", "tempo", "key"
HEARING = "hearing"
"""What heard notes cost for being heard: loudness, tempo, and what is heard otherwise from sound to sound."""
OTHER_MUSIC = "other music"
LEAST_TEMPO = 0.02
"""A smaller change of tempo is within what a player's own varies by."""
SAME_NOTES_SHARE = 0.5
"""Where fewer of a version's notes are the reference's, it was not played in another way: it is other music."""
VELOCITY_OF_A_BIN = 4
OCTAVE = 12
"""Semitones; further away is another part of the keyboard, and no other key."""


@dataclass(frozen=True)
class Played:
    """How a version was played against the reference; text: in words, "as the reference" where no way is another.

    seconds_ratio: of the version's time to the reference's, 1.25 is a quarter slower. velocity: MIDI, by which it is
    louder. semitones: by which it is higher.
    """

    seconds_ratio: float
    velocity: int
    semitones: int
    text: str


@dataclass(frozen=True)
class Costs:
    """What a view says of a version whose tempo, loudness and key are taken out.

    value: the figure that the view ranks by. nats: what each of the three costs, in the order they are taken out in.
    """

    value: float
    nats: Mapping[str, float] = field(default_factory=dict)


def played(version: "Performance", reference: "Performance", alignment: "Alignment") -> Played:
    """How a version was played."""
    pairs = alignment.pairs
    if len(pairs) < SAME_NOTES_SHARE * min(len(version), len(reference)):
        return Played(1.0, 0, 0, OTHER_MUSIC)
    bins = (side.notes["velocity_bin"].astype(np.int64)[pairs[:, i]] for i, side in enumerate((version, reference)))
    louder = VELOCITY_OF_A_BIN * round(float(np.median(np.subtract(*bins))))
    ratio = 1.0 / alignment.time_map.slope
    ratio = ratio if abs(ratio - 1.0) >= LEAST_TEMPO else 1.0
    semitones = alignment.semitones
    words = []
    if ratio != 1.0:
        words.append(f"{100 * abs(ratio - 1.0):.0f} % {'slower' if ratio > 1.0 else 'faster'}")
    if louder:
        words.append(f"{abs(louder)} of velocity {'louder' if louder > 0 else 'softer'}")
    if semitones:
        kinds = "semitone" if abs(semitones) == 1 else "semitones"
        words.append(f"{abs(semitones)} {kinds} {'up' if semitones > 0 else 'down'}")
    return Played(ratio, louder, semitones, ", ".join(words) or "as the reference")


def taken_out(
    version: "Performance", reference: "Performance", alignment: "Alignment", way: Played, *, are_heard: bool = False
) -> Iterator[tuple[str, "Performance", "TimeMap"]]:
    """The version without its loudness, then also without its tempo, then also in the reference's key.

    Of heard notes loudness and tempo are taken out at once, with all that their being heard may have changed. Only what
    differs; each with its name and the clock of the notes that are left.
    """
    notes, time_map = version.notes.copy(), alignment.time_map
    here, there = alignment.pairs.T
    of_reference = reference.notes[there]
    if are_heard and way.text != OTHER_MUSIC:
        notes = _as_the_reference_is_heard(notes, reference.notes, alignment, way.velocity // VELOCITY_OF_A_BIN)
        time_map = type(time_map)()
        performance, shift_seconds = _performance(notes)
        yield HEARING, performance, _shifted(time_map, shift_seconds)
    if way.velocity and not are_heard:
        _set_loudness(notes, here, of_reference, way.velocity // VELOCITY_OF_A_BIN)
        performance, shift_seconds = _performance(notes)
        yield LOUDNESS, performance, _shifted(time_map, shift_seconds)
    if way.seconds_ratio != 1.0 and not are_heard:
        _set_clock(notes, here, of_reference, time_map)
        time_map = type(time_map)()
        performance, shift_seconds = _performance(notes)
        yield TEMPO, performance, _shifted(time_map, shift_seconds)
    if 0 < abs(way.semitones) <= OCTAVE:
        from symbolic.notes.performance import MAX_PITCH, MIN_PITCH

        pitch = notes["pitch"].astype(np.int64) - way.semitones
        has_key = (pitch >= MIN_PITCH) & (pitch <= MAX_PITCH)
        notes["pitch"] = np.where(has_key, pitch, notes["pitch"])
        performance, shift_seconds = _performance(notes[has_key])
        yield KEY, performance, _shifted(time_map, shift_seconds)


def _as_the_reference_is_heard(
    notes: np.ndarray, reference: np.ndarray, alignment: "Alignment", louder_bins: int
) -> np.ndarray:
    """Notes by the reference's clock and in its loudness; those that it has too as long and as loud as there.

    Those are also set to its time but where they are moved.
    """
    from symbolic.notes.alignment import AS_HEARD
    from symbolic.notes.performance import TICK_SECONDS

    notes = notes.copy()
    _set_loudness(notes, alignment.pairs[:, 0], reference[alignment.pairs[:, 1]], louder_bins)
    _set_clock(notes, alignment.pairs[:, 0], reference[alignment.pairs[:, 1]], alignment.time_map)
    here, there = np.concatenate([alignment.pairs, alignment.repitched]).T
    later = np.abs(notes["onset_ticks"][here] - reference["onset_ticks"][there]) * TICK_SECONDS
    notes["onset_ticks"][here] = np.where(
        later > AS_HEARD.moved_seconds, notes["onset_ticks"][here], reference["onset_ticks"][there]
    )
    for name in ("duration_ticks", "velocity_bin"):
        notes[name][here] = reference[name][there]
    return notes


def _set_loudness(notes: np.ndarray, here: np.ndarray, of_reference: np.ndarray, louder_bins: int) -> None:
    """Bring notes to the reference's loudness; what was cut off at the softest or the loudest takes the reference's."""
    from symbolic.notes.performance import VELOCITY_OF_BIN

    top = len(VELOCITY_OF_BIN) - 1
    was_cut = np.isin(notes["velocity_bin"][here], (0, top))
    bins = np.clip(notes["velocity_bin"].astype(np.int64) - louder_bins, 0, top)
    target = of_reference["velocity_bin"].astype(np.int64)
    bins[here] = np.where(was_cut | (np.abs(bins[here] - target) <= 1), target, bins[here])
    notes["velocity_bin"] = bins


def _set_clock(notes: np.ndarray, here: np.ndarray, of_reference: np.ndarray, time_map: "TimeMap") -> None:
    """Bring onsets and durations to the reference's clock."""
    from symbolic.notes.performance import MAX_DURATION_TICKS, TICK_SECONDS

    onsets = np.rint(time_map.to_reference(notes["onset_ticks"] * TICK_SECONDS) / TICK_SECONDS).astype(np.int64)
    durations = np.clip(np.rint(notes["duration_ticks"] * time_map.slope).astype(np.int64), 1, MAX_DURATION_TICKS)
    was_longest = notes["duration_ticks"][here] == MAX_DURATION_TICKS
    for values, name, is_free in ((onsets, "onset_ticks", False), (durations, "duration_ticks", was_longest)):
        target = of_reference[name].astype(np.int64)
        values[here] = np.where(is_free | (np.abs(values[here] - target) <= 1), target, values[here])
        notes[name] = values


def _performance(notes: np.ndarray) -> tuple["Performance", float]:
    """Notes in any order as a Performance, and the seconds by which it was moved to begin at 0."""
    from symbolic.notes.corruption import playable
    from symbolic.notes.performance import TICK_SECONDS

    ordered = np.sort(notes, order=("onset_ticks", "pitch"))
    is_first = np.ones(len(ordered), dtype=bool)
    is_first[1:] = ordered[["onset_ticks", "pitch"]][1:] != ordered[["onset_ticks", "pitch"]][:-1]
    return playable(ordered[is_first]), int(ordered["onset_ticks"][0]) * TICK_SECONDS


def _shifted(time_map: "TimeMap", seconds: float) -> "TimeMap":
    """The clock of notes that begin `seconds` later than those it was made for."""
    return type(time_map)(time_map.slope, time_map.offset_seconds + time_map.slope * seconds)
