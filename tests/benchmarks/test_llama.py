"""The peer: as large as our event model, every token scored once from the past alone, learning as it is trained."""

from itertools import count, islice
from math import log
from pathlib import Path

import numpy as np
import pytest
import torch
from music import random_performance
from tiny_models import TINY

from benchmarks.llama import peer as llama
from benchmarks.peers.midilike import BOS, EOS, NOTE_ON, VOCABULARY_SIZE, encode
from losscal.errors import WeightsError
from symbolic.data.corpus import Corpus, Piece
from symbolic.models.phrases.config import PhraseConfig
from symbolic.models.phrases.model import PhraseGPT


def parameters(model):
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    model = llama.build(llama.peer_shape(TINY, 30_000)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3)  # far from uniform, so that every path tells
    return model


@pytest.fixture(scope="module")
def corpus():
    """One training piece of 400 notes."""
    music = random_performance(0, 400)
    piece = Piece("0", "0.mid", "Bach", "baroque", "0", "train", 0, len(music), music.seconds, (), {})
    return Corpus(Path(), (piece,), music.notes, {})


def test_the_peer_is_as_large_as_our_model():
    ours = PhraseConfig(composers=tuple(f"composer {i}" for i in range(16)), eras=("baroque", "classical", "romantic"))
    wanted = llama.transformer_parameters(PhraseGPT(ours))
    assert abs(parameters(llama.build(llama.peer_shape(ours, wanted))) / wanted - 1) < 0.05


def test_windows_change_nothing_where_one_covers_all(model):
    performance = random_performance(1, 40)
    one_pass = llama.token_nats(model, performance)
    document = torch.tensor([[BOS, *encode(performance)]])
    log_p = model(document).logits[0, :-1].log_softmax(-1)
    expected = -log_p.gather(1, document[0, 1:, None])[:, 0].detach().numpy()
    assert one_pass == pytest.approx(expected, rel=1e-4)


def test_each_token_is_scored_once_with_half_a_window_before_it(model):
    performance, context = random_performance(2, 40), 32
    document = np.concatenate([[BOS], encode(performance)])
    nats = llama.token_nats(model, performance, context=context)
    assert nats == pytest.approx(llama.token_nats(model, performance, context=context, batch_windows=1), rel=1e-4)
    for position in (1, 31, 32, 47, 48, 100):
        start = max(0, position // 16 - 1) * 16 if position >= context else 0
        own = torch.from_numpy(document[None, start : position + 1])
        assert nats[position - 1] == pytest.approx(llama.next_token_nats(model, own)[0, -1].item(), rel=1e-4)


def test_padding_costs_nothing(model):
    rows = [np.array([BOS, NOTE_ON, NOTE_ON + 1]), np.array([BOS, NOTE_ON])]
    nats = llama.next_token_nats(model, llama.pad(rows))
    assert nats[1, 1] == 0
    assert nats[:, 0].unique().numel() == 1


def test_the_learning_rate_follows_the_clock():
    config = llama.PeerConfig(seconds=100, lr=1e-3)
    assert [config.rate(second) for second in (0, 1, 2, 40, 70, 100, 101)] == pytest.approx(
        [0, 5e-4, 1e-3, 1e-3, 5e-4, 0, 0]
    )


def test_excerpts_are_cuts_of_documents(corpus):
    rows = list(islice(llama.excerpts(corpus, seed=1), 40))
    assert all(row[0] == BOS or NOTE_ON <= row[0] < NOTE_ON + 88 for row in rows)
    assert max(map(len, rows)) == llama.CONTEXT_TOKENS
    assert 0 < sum(row[0] == BOS for row in rows) < 20  # one in ten begins with the piece
    assert any(row[-1] == EOS for row in rows)
    assert all(row[-1] == EOS or len(row) == llama.CONTEXT_TOKENS for row in rows)
    assert all(map(np.array_equal, rows, islice(llama.excerpts(corpus, seed=1), 40)))


def test_training_learns(corpus, monkeypatch):
    monkeypatch.setattr(llama, "CONTEXT_TOKENS", 64)
    shape = llama.peer_shape(TINY, 30_000)
    config = llama.PeerConfig(seconds=60, lr=1e-2, seed=1)
    one_second_a_step = count().__next__
    model, steps = llama.train(corpus, shape, config, clock=one_second_a_step)
    assert steps == 59  # the first reading of the clock is the start
    assert llama.token_nats(model, random_performance(0, 400)).mean() < 0.9 * log(VOCABULARY_SIZE)


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(WeightsError, match=r"llama\.safetensors: no such weights"):
        llama.load(tmp_path)
