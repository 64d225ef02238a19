"""A Performance as the models see it: one event per note, its four attributes in the order they are predicted.

An event is a row (time, pitch, velocity, duration) of non-negative integers:

- time: ticks since the previous onset, 0..REST_TICKS-1; or REST, "REST_TICKS pass and no note begins", which makes any
  silence expressible; or END, the end of the piece;
- pitch: MIDI pitch minus 21; velocity: the 32-bin index; duration: ticks minus one. REST and END rows hold zeros there,
  which are neither predicted nor scored.

The first note's time is 0. The encoding is a bijection between Performances and event arrays that end with END.
"""

import hashlib
import json

import numpy as np

from symbolic.notes.performance import (
    MAX_DURATION_TICKS,
    MAX_PITCH,
    MIN_PITCH,
    NOTE_DTYPE,
    VELOCITY_OF_BIN,
    Performance,
)

REST_TICKS = 400
REST = REST_TICKS
END = REST_TICKS + 1
ATTRIBUTES = ("time", "pitch", "velocity", "duration")
VOCABULARY = {
    "time": REST_TICKS + 2,
    "pitch": MAX_PITCH - MIN_PITCH + 1,
    "velocity": len(VELOCITY_OF_BIN),
    "duration": MAX_DURATION_TICKS,
}


def encode(performance: Performance, *, end: bool = True) -> np.ndarray:
    """Performance of N notes to events int64 [S, 4], S = N + rests (+ 1 for END where `end`)."""
    notes = performance.notes
    shift = np.diff(notes["onset_ticks"], prepend=0)
    rests = shift // REST_TICKS  # [N] REST rows before each note
    note_rows = np.arange(len(notes)) + np.cumsum(rests)
    events = np.zeros((len(notes) + int(rests.sum()) + end, len(ATTRIBUTES)), dtype=np.int64)
    events[:, 0] = REST
    events[note_rows, 0] = shift % REST_TICKS
    events[note_rows, 1] = notes["pitch"].astype(np.int64) - MIN_PITCH
    events[note_rows, 2] = notes["velocity_bin"]
    events[note_rows, 3] = notes["duration_ticks"].astype(np.int64) - 1
    if end:
        events[-1, 0] = END
    return events


def decode(events: np.ndarray) -> Performance:
    """Events [S, 4] to the Performance they spell; what follows END is ignored.

    Raises ValueError where no note is left or where the notes are out of (onset, pitch) order.
    """
    ends = np.flatnonzero(events[:, 0] == END)
    if len(ends):
        events = events[: ends[0]]
    is_note = events[:, 0] < REST
    ticks = np.cumsum(np.where(is_note, events[:, 0], REST_TICKS))[is_note]
    rows = events[is_note]
    notes = np.zeros(len(rows), dtype=NOTE_DTYPE)
    notes["onset_ticks"] = ticks - (ticks[0] if len(ticks) else 0)
    notes["pitch"] = rows[:, 1] + MIN_PITCH
    notes["velocity_bin"] = rows[:, 2]
    notes["duration_ticks"] = rows[:, 3] + 1
    return Performance(notes)


def vocabulary_hash() -> str:
    """SHA-256 of everything that gives event numbers their meaning; weights carry it and refuse another."""
    meaning = {"vocabulary": VOCABULARY, "rest_ticks": REST_TICKS, "velocities": VELOCITY_OF_BIN.tolist()}
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()
