"""The flat baseline encoding: NumPy makes of a Performance what miditok makes of it, and it says the same notes."""

import numpy as np
import pytest
from music import random_performance

from benchmarks.peers.midilike import (
    BOS,
    EOS,
    NOTE_OFF,
    NOTE_ON,
    PAD,
    TIME_SHIFT,
    VELOCITY,
    VOCABULARY_SIZE,
    decode,
    encode,
    is_note_on,
    sum_by_note,
    to_score,
    tokenizer,
)
from symbolic.notes.performance import NOTE_DTYPE, VELOCITY_OF_BIN, Performance


def crowded_performance(seed):
    """Six keys struck while they are still down, on few ticks, with shifts about the longest one and its multiples."""
    rng = np.random.default_rng(seed)
    notes = np.zeros(60, dtype=NOTE_DTYPE)
    notes["onset_ticks"] = np.cumsum(rng.choice([0, 0, 0, 1, 2, 99, 100, 101, 200, 350], 60))
    notes["onset_ticks"] -= notes["onset_ticks"][0]
    notes["pitch"] = rng.integers(60, 66, 60)
    notes["velocity_bin"] = rng.integers(0, 32, 60)
    notes["duration_ticks"] = rng.choice([1, 2, 99, 100, 200, 601], 60)
    return Performance(notes[np.unique(notes["onset_ticks"].astype(int) * 128 + notes["pitch"], return_index=True)[1]])


def test_vocabulary_is_the_performance_encoding():
    words = [word for word in tokenizer().vocab if word.split("_")[0] not in ("PAD", "BOS", "EOS", "MASK")]
    kinds = [word.split("_")[0] for word in words]
    counts = {kind: kinds.count(kind) for kind in set(kinds)}
    assert counts == {"NoteOn": 88, "NoteOff": 88, "Velocity": 32, "TimeShift": 100}
    assert tokenizer().velocities.tolist() == VELOCITY_OF_BIN.tolist()


def test_token_numbers_are_those_of_miditok():
    first = {"PAD_None": PAD, "BOS_None": BOS, "EOS_None": EOS, "NoteOn_21": NOTE_ON, "NoteOff_21": NOTE_OFF}
    first |= {f"Velocity_{VELOCITY_OF_BIN[0]}": VELOCITY, "TimeShift_0.1.50": TIME_SHIFT}
    assert {word: tokenizer().vocab[word] for word in first} == first
    assert len(tokenizer()) == VOCABULARY_SIZE


@pytest.mark.parametrize("make", [random_performance, crowded_performance])
def test_numpy_encodes_what_miditok_encodes(make):
    for seed in range(20):
        performance = make(seed)
        assert encode(performance).tolist() == tokenizer().encode(to_score(performance))[0].ids


def test_tokens_give_the_notes_back():
    for seed in range(5):
        performance = random_performance(seed, 50)
        assert np.array_equal(decode(encode(performance)).notes, performance.notes)


def test_tokens_are_summed_by_the_note_they_lead_to():
    notes = np.zeros(2, dtype=NOTE_DTYPE)
    notes["onset_ticks"], notes["pitch"], notes["duration_ticks"] = (0, 150), (60, 62), (10, 20)
    tokens = encode(Performance(notes))  # on, velocity | shift, off, 2 shifts, on, velocity, shift, off
    assert sum_by_note(tokens, np.ones(len(tokens))).tolist() == [2, 8]
    assert sum_by_note(tokens, is_note_on(tokens).astype(int)).tolist() == [1, 1]
