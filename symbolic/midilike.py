"""A Performance as miditok's MIDILike tokens: the flat encoding of the Music Transformer, kept as the baseline's form.

miditok works in beats: the performance becomes a score at 120 BPM whose tick is the 10 ms grid, so that its time shifts
of 1..100 ticks, 32 velocities and 88 note-ons and note-offs say exactly what a Performance says.
"""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from symbolic.performance import MAX_PITCH, MIN_PITCH, NOTE_DTYPE, VELOCITY_OF_BIN, Performance, nearest_velocity_bin

if TYPE_CHECKING:
    import miditok
    from symusic import Score

TICKS_PER_BEAT = 50  # at 120 BPM a beat lasts 0.5 s
LONGEST_SHIFT_BEATS = 2


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


def encode(performance: Performance) -> list[int]:
    """Token numbers of `tokenizer()`."""
    return tokenizer().encode(to_score(performance))[0].ids


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
