"""The constraints: what cleaned music does is allowed, what no piano or file can hold is not."""

import numpy as np
import torch
from music import random_performance

from symbolic.sampling.constraints import Constraints
from symbolic.tokens.events import ATTRIBUTES, END, REST, VOCABULARY, encode

NOTHING = np.empty((1, 0, 4), dtype=np.int64)


def allowed(constraints, attribute, time=None):
    """The values allowed to the only piece."""
    logits = torch.zeros(1, VOCABULARY[attribute])
    constraints.forbid(attribute, logits, None if time is None else torch.tensor([time]))
    return set(np.flatnonzero(logits[0] == 0).tolist())


def after(*rows, **options):
    return Constraints(np.array([rows], dtype=np.int64), **options)


def test_all_that_cleaned_music_does_is_allowed():
    for seed in range(5):
        constraints = Constraints(NOTHING)
        for row in encode(random_performance(seed), end=False):
            for attribute, value in zip(ATTRIBUTES, row.tolist(), strict=True):
                time = None if attribute == "time" else int(row[0])
                if row[0] < REST or attribute == "time":
                    assert value in allowed(constraints, attribute, time)
            constraints.advance(row[None])


def test_music_begins_at_once_and_never_ends():
    assert allowed(Constraints(NOTHING), "time") == {0}
    assert allowed(after((0, 40, 0, 0)), "time") == set(range(END))


def test_pitches_rise_within_a_chord():
    chord = after((0, 40, 0, 99))
    assert allowed(chord, "pitch", 0) == set(range(41, 88))
    assert allowed(chord, "pitch", 100) == set(range(88))
    assert 0 not in allowed(after((0, 87, 0, 0)), "time")


def test_a_key_that_is_down_is_not_struck_again():
    held = after((0, 40, 0, 99))
    assert 40 not in allowed(held, "pitch", 99)
    assert 40 in allowed(held, "pitch", 100)
    assert 40 not in allowed(after((0, 40, 0, 599), (REST, 0, 0, 0)), "pitch", 50)


def test_a_chord_ends_where_no_higher_key_is_up():
    assert 0 not in allowed(after((0, 86, 0, 9), (3, 87, 0, 9)), "time") | allowed(after((0, 87, 0, 9)), "time")
    assert 0 not in allowed(after((0, 87, 0, 99), (5, 86, 0, 9)), "time")


def test_with_all_keys_down_time_waits_for_the_first_to_come_up():
    keys = [(0, pitch, 0, 19 if pitch == 7 else 99) for pitch in range(88)]
    assert min(allowed(after(*keys), "time")) == 20
    held_long = [(0, pitch, 0, 599) for pitch in range(88)]
    assert allowed(after(*held_long), "time") == {REST}


def test_a_rest_has_no_pitch_to_forbid():
    assert allowed(after((0, 40, 0, 99)), "pitch", REST) == set(range(88))


def test_no_run_of_pitches_grows_into_a_longer_repeat():
    melody = [(10, pitch, 0, 0) for pitch in (1, 2, 3, 4, 1, 2, 3)]
    assert 4 in allowed(after(*melody), "pitch", 10)
    assert 4 not in allowed(after(*melody, longest_repeat=3), "pitch", 10)
    assert 4 in allowed(after(*melody, longest_repeat=4), "pitch", 10)


def test_taste_gives_way_where_it_leaves_no_key():
    melody = [(10, 87, 0, 0), (10, 86, 0, 0), (0, 87, 0, 0), (10, 87, 0, 0), (10, 86, 0, 0)]
    assert allowed(after(*melody, longest_repeat=1), "pitch", 0) == {87}


def test_each_piece_has_rules_of_its_own():
    constraints = Constraints(np.array([[(0, 40, 0, 99)], [(0, 60, 0, 99)]]))
    logits = torch.zeros(2, 88)
    constraints.forbid("pitch", logits, torch.tensor([0, 50]))
    assert np.flatnonzero(logits[0] == 0).tolist() == list(range(41, 88))
    assert np.flatnonzero(logits[1] < 0).tolist() == [60]
