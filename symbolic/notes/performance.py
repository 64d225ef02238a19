"""The scored object: a `Performance`, notes on a 10 ms grid in the one order every model agrees on.

Reading a MIDI file into one is `symbolic.notes.cleaning`; this module fixes what a Performance is, cuts excerpts out of
it and writes it back as MIDI.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from losscal.files import atomic_path

TICK_SECONDS = 0.01
MIN_PITCH, MAX_PITCH = 21, 108
MAX_DURATION_TICKS = 601
# miditok's 32 velocity bins: numpy.linspace(0, 127, 33) truncated, without the zero.
VELOCITY_OF_BIN = np.linspace(0, 127, 33, dtype=np.intp)[1:]
KEY_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
NOTE_DTYPE = np.dtype([("onset_ticks", "<i4"), ("duration_ticks", "<u2"), ("pitch", "u1"), ("velocity_bin", "u1")])


@dataclass(frozen=True)
class Performance:
    """Notes sorted by (onset, pitch), one per (onset, pitch), the first at tick 0.

    notes: NOTE_DTYPE array [N], N >= 1. onset_ticks counts 10 ms steps from the first onset; duration_ticks is 1..601;
    pitch is 21..108; velocity_bin is 0..31 (VELOCITY_OF_BIN gives the MIDI velocity).
    """

    notes: np.ndarray

    def __post_init__(self) -> None:
        notes = self.notes
        if notes.dtype != NOTE_DTYPE or notes.ndim != 1 or len(notes) == 0:
            raise ValueError(f"notes: need a non-empty NOTE_DTYPE array [N], got {notes.dtype} {notes.shape}")
        if notes["onset_ticks"][0] != 0:
            raise ValueError(f"notes: the first onset is tick {notes['onset_ticks'][0]}, it must be 0")
        if np.any(np.diff(places(notes)) <= 0):
            raise ValueError("notes: must be sorted by (onset, pitch) with one note for each such pair")
        for name, low, high in (
            ("pitch", MIN_PITCH, MAX_PITCH),
            ("duration_ticks", 1, MAX_DURATION_TICKS),
            ("velocity_bin", 0, len(VELOCITY_OF_BIN) - 1),
        ):
            values = notes[name]
            if values.min() < low or values.max() > high:
                raise ValueError(f"notes: {name} spans {values.min()}..{values.max()}, allowed is {low}..{high}")

    def __len__(self) -> int:
        return len(self.notes)

    @property
    def seconds(self) -> float:
        """The last offset, in seconds from the first onset."""
        offsets = self.notes["onset_ticks"].astype(np.int64) + self.notes["duration_ticks"]
        return float(offsets.max()) * TICK_SECONDS

    def excerpt(self, start: int, stop: int) -> "Performance":
        """Notes start..stop-1 as a Performance of their own, moved so that the first onset is tick 0."""
        notes = self.notes[start:stop].copy()
        notes["onset_ticks"] -= notes["onset_ticks"][0]
        return Performance(notes)


def name_of(pitch: int) -> str:
    """The name of a MIDI pitch, 60 being C4."""
    return f"{KEY_NAMES[pitch % 12]}{pitch // 12 - 1}"


def places(notes: np.ndarray) -> np.ndarray:
    """Onset and pitch of each note as one number, int64 [N], which rises from note to note of a Performance."""
    return notes["onset_ticks"].astype(np.int64) * 128 + notes["pitch"]


def stretched(notes: np.ndarray, factor: float) -> np.ndarray:
    """Notes [N] with onsets and offsets `factor` times as late, on the grid and with durations within its limits."""
    notes = notes.copy()
    onset = notes["onset_ticks"].astype(np.int64)
    offset = onset + notes["duration_ticks"]
    notes["onset_ticks"] = np.rint(onset * factor)
    notes["duration_ticks"] = np.clip(np.rint(offset * factor) - notes["onset_ticks"], 1, MAX_DURATION_TICKS)
    return notes


def nearest_velocity_bin(velocity: np.ndarray) -> np.ndarray:
    """MIDI velocities [N] in 1..127 to the nearest of the 32 bins, the lower one on a tie."""
    midpoints = (VELOCITY_OF_BIN[:-1] + VELOCITY_OF_BIN[1:]) / 2
    return np.searchsorted(midpoints, velocity).astype(np.uint8)


def next_strikes(onset: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Of notes [N] in any order, the index of the note that strikes the same key next, N where none does: int64 [N]."""
    order = np.lexsort((onset, pitch))
    earlier, later = order[:-1], order[1:]
    is_same_key = pitch[earlier] == pitch[later]
    result = np.full(len(onset), len(onset))
    result[earlier[is_same_key]] = later[is_same_key]
    return result


def end_at_restrikes(notes: np.ndarray) -> np.ndarray:
    """Notes [N] whose durations end, as on a piano, no later than the next onset of the same pitch: a copy."""
    onset = np.append(notes["onset_ticks"].astype(np.int64), np.iinfo(np.int64).max)
    result = notes.copy()
    until_restrike = onset[next_strikes(notes["onset_ticks"], notes["pitch"])] - onset[:-1]
    result["duration_ticks"] = np.minimum(notes["duration_ticks"], until_restrike)
    return result


def write_midi(performance: Performance, path: str | Path) -> None:
    """Write a type-0 MIDI file at 120 BPM whose tick is the 10 ms grid (50 ticks a beat); no pedal events.

    A note still sounding when its key is struck again ends at the restrike, as on a piano.
    """
    import mido  # imported here: scoring and training never need it

    notes = end_at_restrikes(performance.notes)
    onset = notes["onset_ticks"].astype(int)
    offset = onset + notes["duration_ticks"]
    velocity = VELOCITY_OF_BIN[notes["velocity_bin"]]
    events = [(int(t), 1, int(p), int(v)) for t, p, v in zip(onset, notes["pitch"], velocity, strict=True)]
    events += [(int(t), 0, int(p), 0) for t, p in zip(offset, notes["pitch"], strict=True)]
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=500_000, time=0)])
    now = 0
    for tick, is_on, pitch, velocity_value in sorted(events):
        kind = "note_on" if is_on else "note_off"
        track.append(mido.Message(kind, note=pitch, velocity=velocity_value, time=tick - now))
        now = tick
    file = mido.MidiFile(type=0, ticks_per_beat=50)
    file.tracks.append(track)
    with atomic_path(path) as temporary:
        file.save(temporary)
