"""The samplers that only count reproduce what they count."""

import numpy as np
import pytest
from music import random_performance

from benchmarks.peers.samplers import NoteSampler, attribute_values, to_performance
from symbolic.tokens.events import ATTRIBUTES, VOCABULARY

MUSIC = [random_performance(seed, 400) for seed in range(3)]
ROWS = [attribute_values(performance) for performance in MUSIC]


def shares(values, size):
    return np.bincount(values.ravel(), minlength=size) / values.size


@pytest.mark.parametrize("order", [0, 1])
def test_values_are_as_frequent_as_in_the_music(order):
    drawn = NoteSampler(MUSIC, order).values(200, 300, np.random.default_rng(1))
    together = np.concatenate(ROWS)
    for index, name in enumerate(ATTRIBUTES):
        size = VOCABULARY[name]
        assert np.abs(shares(drawn[..., index], size) - shares(together[:, index], size)).sum() < 0.1


def test_a_chain_draws_each_value_given_the_one_before():
    drawn = NoteSampler(MUSIC, 1).values(400, 300, np.random.default_rng(1))
    for index in (0, 2):  # times and velocities, of which there are enough
        seen = {(a, b) for rows in ROWS for a, b in zip(rows[:, index], np.roll(rows[:, index], -1), strict=True)}
        pairs = np.stack([drawn[:, :-1, index], drawn[:, 1:, index]], axis=-1).reshape(-1, 2)
        assert set(map(tuple, pairs.tolist())) <= seen
        after_first = pairs[pairs[:, 0] == pairs[0, 0], 1]
        expected = [np.roll(rows[:, index], -1)[rows[:, index] == pairs[0, 0]] for rows in ROWS]
        size = VOCABULARY[ATTRIBUTES[index]]
        assert np.abs(shares(after_first, size) - shares(np.concatenate(expected), size)).sum() < 0.1


def test_independent_notes_do_not_follow_each_other():
    alternating = random_performance(1, 300).notes.copy()
    alternating["velocity_bin"] = np.arange(len(alternating)) % 2
    music = [type(MUSIC[0])(alternating)]
    velocity = ATTRIBUTES.index("velocity")
    repeats = {}
    for order in (0, 1):
        drawn = NoteSampler(music, order).values(50, 200, np.random.default_rng(1))[..., velocity]
        repeats[order] = (drawn[:, 1:] == drawn[:, :-1]).mean()
    assert repeats[0] == pytest.approx(0.5, abs=0.03)
    assert repeats[1] < 0.02


@pytest.mark.parametrize("order", [0, 1])
def test_pieces_are_music_of_the_asked_length_and_the_seeds_own(order):
    sampler = NoteSampler(MUSIC, order)
    pieces, again, other = (sampler.pieces(3, 20.0, seed) for seed in (1, 1, 2))
    assert all(10 < piece.notes["onset_ticks"][-1] / 100 <= 20 for piece in pieces)
    assert all(np.array_equal(a.notes, b.notes) for a, b in zip(pieces, again, strict=True))
    assert not np.array_equal(pieces[0].notes, other[0].notes)


def test_values_are_the_music_they_came_from():
    music = random_performance(2, 100)
    calm = music.excerpt(0, int(np.argmax(np.diff(music.notes["onset_ticks"], append=10**6) >= 400)) + 1)
    assert len(calm) > 5
    assert np.array_equal(to_performance(attribute_values(calm), 10**6).notes, calm.notes)


def test_other_orders_are_refused():
    with pytest.raises(ValueError, match="order 2"):
        NoteSampler(MUSIC, 2)
