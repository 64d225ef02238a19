"""A Performance as MIDILike tokens: the flat encoding of the Music Transformer (Huang et al. 2018), for the baselines.

The tokens are miditok's; a test holds `encode` to miditok's own result. miditok works in beats: the performance becomes
a score at 120 BPM whose tick is the 10 ms grid, so that its time shifts of 1..100 ticks, 32 velocities and 88 note-ons
and note-offs say exactly what a Performance says. NumPy encodes some hundred times as fast.
"""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from symbolic.notes.performance import (
    MAX_PITCH,
    MIN_PITCH,
    NOTE_DTYPE,
    VELOCITY_OF_BIN,
    Performance,
    nearest_velocity_bin,
)

if TYPE_CHECKING:
    import miditok
    from symusic import Score

TICKS_PER_BEAT = 50  # at 120 BPM a beat lasts 0.5 s
LONGEST_SHIFT_BEATS = 2
LONGEST_SHIFT = LONGEST_SHIFT_BEATS * TICKS_PER_BEAT  # in ticks

# Token numbers as `tokenizer()` deals them out: four special words, then the kinds one after the other.
PAD, BOS, EOS = 0, 1, 2
NOTE_ON = 4  # of MIN_PITCH
NOTE_OFF = NOTE_ON + MAX_PITCH - MIN_PITCH + 1
VELOCITY = NOTE_OFF + MAX_PITCH - MIN_PITCH + 1  # of bin 0
TIME_SHIFT = VELOCITY + len(VELOCITY_OF_BIN)  # of one tick
VOCABULARY_SIZE = TIME_SHIFT + LONGEST_SHIFT


@cache
def tokenizer() -> "miditok.MIDILike":
    """miditok's MIDILike over the grid of a Performance; notes beyond a second are spelt by several shifts."""
    import miditok

    return miditok.MIDILike(
        miditok.TokenizerConfig(
            pitch_range=(MIN_PITCH, MAX_PITCH),
            beat_res={(0, LONGEST_SHIFT_BEATS): TICKS_PER_BEAT},
            num_velocities=len(VELOCITY_OF_BIN),
            use_pitchdrum_tokens=False,
            use_rests=False,
            use_tempos=False,
            use_time_signatures=False,
        )
    )


def to_score(performance: Performance) -> "Score":
    """The notes as a symusic Score of one piano track at 120 BPM, one tick = 10 ms."""
    from symusic import Note, Score, Tempo, TimeSignature, Track

    score = Score(TICKS_PER_BEAT)
    score.tempos.append(Tempo(0, 120.0))
    score.time_signatures.append(TimeSignature(0, 4, 4))
    track = Track(program=0)
    for note in performance.notes:
        velocity = int(VELOCITY_OF_BIN[note["velocity_bin"]])
        track.notes.append(Note(int(note["onset_ticks"]), int(note["duration_ticks"]), int(note["pitch"]), velocity))
    score.tracks.append(track)
    return score


def encode(performance: Performance) -> np.ndarray:
    """Token numbers int64 [S] of a Performance of N notes: the tokens that `tokenizer()` makes of `to_score` of it.

    Note-offs come before the note-ons of the same tick, both in the order of their notes. A shift beyond LONGEST_SHIFT
    is spelt by as many of the longest as fit and the rest.
    """
    notes = performance.notes
    onset = notes["onset_ticks"].astype(np.int64)
    pitch = notes["pitch"].astype(np.int64) - MIN_PITCH
    tick = np.concatenate([onset + notes["duration_ticks"], onset])  # [2 N] note-offs, then note-ons
    token = np.concatenate([NOTE_OFF + pitch, NOTE_ON + pitch])
    order = np.argsort(tick, kind="stable")
    shift = np.diff(tick[order], prepend=0)
    is_on = order >= len(notes)
    whole, rest = np.divmod(shift, LONGEST_SHIFT)
    length = whole + (rest > 0) + 1 + is_on  # [2 N] tokens of each event and the shift to it
    stop = np.cumsum(length)
    at = stop - 1 - is_on  # [2 N] where each event's own token stands
    tokens = np.full(stop[-1], TIME_SHIFT + LONGEST_SHIFT - 1, dtype=np.int64)
    tokens[at] = token[order]
    tokens[at[is_on] + 1] = VELOCITY + notes["velocity_bin"][order[is_on] - len(notes)]
    tokens[at[rest > 0] - 1] = TIME_SHIFT + rest[rest > 0] - 1
    return tokens


def is_note_on(tokens: np.ndarray) -> np.ndarray:
    """Which of tokens int64 [S] begin a note, bool [S]."""
    return (tokens >= NOTE_ON) & (tokens < NOTE_OFF)


def sum_by_note(tokens: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values [S] of a Performance's tokens [S] summed by note [N].

    A token belongs to the note that it belongs to or leads to; those after the last note-on belong to the last note.
    """
    velocities = np.flatnonzero((tokens >= VELOCITY) & (tokens < TIME_SHIFT))
    return np.add.reduceat(values, np.concatenate([[0], velocities[:-1] + 1]))


def decode(ids: list[int]) -> Performance:
    """The Performance that token numbers spell; raises ValueError where they hold no note."""
    score = tokenizer().decode([ids]).resample(TICKS_PER_BEAT)
    notes = score.tracks[0].notes.numpy()
    array = np.zeros(len(notes["time"]), dtype=NOTE_DTYPE)
    array["onset_ticks"] = notes["time"] - notes["time"].min()
    array["duration_ticks"] = notes["duration"]
    array["pitch"] = notes["pitch"]
    array["velocity_bin"] = nearest_velocity_bin(notes["velocity"])
    return Performance(np.sort(array, order=("onset_ticks", "pitch")))
