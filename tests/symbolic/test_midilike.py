"""The flat baseline encoding: what miditok makes of a Performance says the same notes."""

import numpy as np
from music import random_performance

from symbolic.midilike import decode, encode, tokenizer
from symbolic.performance import VELOCITY_OF_BIN


def test_vocabulary_is_the_performance_encoding():
    words = [word for word in tokenizer().vocab if word.split("_")[0] not in ("PAD", "BOS", "EOS", "MASK")]
    kinds = [word.split("_")[0] for word in words]
    counts = {kind: kinds.count(kind) for kind in set(kinds)}
    assert counts == {"NoteOn": 88, "NoteOff": 88, "Velocity": 32, "TimeShift": 100}
    assert tokenizer().velocities.tolist() == VELOCITY_OF_BIN.tolist()


def test_tokens_give_the_notes_back():
    for seed in range(5):
        performance = random_performance(seed, 50)
        assert np.array_equal(decode(encode(performance)).notes, performance.notes)
