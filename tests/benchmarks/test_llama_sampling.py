"""Music drawn from the peer: tokens in any order become a performance, and windows slide as far as asked."""

from functools import partial

import numpy as np
import pytest
import torch
from music import random_performance

from benchmarks.llama import sampling as llama_sampling
from benchmarks.llama.peer import build
from benchmarks.llama.sampling import elapsed_ticks, to_performance
from benchmarks.peers.midilike import NOTE_OFF, NOTE_ON, TIME_SHIFT, VELOCITY, VOCABULARY_SIZE, encode
from symbolic.models.configs import SamplingConfig


@pytest.mark.parametrize("seed", range(3))
def test_whole_music_comes_back(seed):
    music = random_performance(seed)
    tokens = encode(music)
    assert np.array_equal(to_performance(tokens, 10**6).notes, music.notes)
    assert elapsed_ticks(tokens) == round(music.seconds * 100)


def test_only_what_is_struck_in_time_is_kept():
    music = random_performance(1)
    cut = to_performance(encode(music), 500)
    assert np.array_equal(cut.notes, music.notes[music.notes["onset_ticks"] <= 500])
    assert 0 < len(cut) < len(music)


def test_broken_grammar_is_played_as_far_as_it_goes():
    tokens = np.array(
        [
            *(NOTE_OFF + 5, VELOCITY + 3, NOTE_ON + 5),  # nothing sounds, no note, no velocity
            *(TIME_SHIFT + 9, NOTE_ON + 5, VELOCITY + 3, TIME_SHIFT + 4, NOTE_ON + 5, VELOCITY + 7),  # a restrike
            *(TIME_SHIFT + 1, NOTE_OFF + 5, NOTE_OFF + 5, NOTE_ON + 6, VELOCITY),  # a doubled end, a note never closed
        ]
    )
    assert to_performance(tokens, 100).notes.tolist() == [(0, 5, 26, 3), (5, 2, 26, 7), (7, 601, 27, 0)]
    with pytest.raises(ValueError, match="no note-on"):
        to_performance(np.array([NOTE_ON, TIME_SHIFT]), 100)


def test_pieces_fill_the_seconds_beyond_one_window_and_the_seed_decides(monkeypatch):
    monkeypatch.setattr(llama_sampling, "CONTEXT_TOKENS", 32)
    torch.manual_seed(3)
    shape = {"vocab_size": VOCABULARY_SIZE, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    model = build({**shape, "num_attention_heads": 2, "max_position_embeddings": 32}).eval()
    drawn = partial(llama_sampling.llama_pieces, model, 2, seconds=12, sampling=SamplingConfig(top_p=1.0))
    pieces, again, other = (drawn(seed=seed) for seed in (1, 1, 2))
    assert all(5 < piece.notes["onset_ticks"][-1] / 100 <= 12 for piece in pieces)  # 32 tokens pass 5 s
    assert all(np.array_equal(a.notes, b.notes) for a, b in zip(pieces, again, strict=True))
    assert not np.array_equal(pieces[0].notes, other[0].notes)
