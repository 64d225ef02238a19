"""Orders of a listening test: seeded, and balanced over listeners."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from bridge.listen.trials import ORIGINAL, RANDOM, Stimulus, Study, StudyConfig, williams


def study(mode, tested=6, anchors=True, **config):
    stimuli = [Stimulus(f"{number}.wav") for number in range(tested)]
    if anchors:
        stimuli += [Stimulus("original.wav", ORIGINAL), Stimulus("random.wav", RANDOM)]
    return Study(tuple(stimuli), StudyConfig(mode=mode, **config))


@pytest.mark.parametrize("size", [2, 5, 6, 9])
def test_orders_are_balanced_for_place_and_for_what_comes_before(size):
    orders = williams(size)
    assert orders.shape == (size * (1 + size % 2), size)
    assert all(Counter(column) == Counter(orders[:, 0]) for column in orders.T)
    follows = Counter(pair for row in orders for pair in pairwise(row.tolist()))
    assert len(follows) == size * (size - 1) and len(set(follows.values())) == 1


def test_each_listener_rates_each_sound_once_and_each_anchor_as_often_as_asked():
    asked = study("ratings", anchor_repeats=3)
    first_places = Counter()
    for listener in range(6):
        training, *trials = asked.trials(listener)
        assert training.is_training and not any(trial.is_training for trial in trials)
        heard = Counter(trial.stimuli for trial in trials)
        assert heard == Counter({(place,): 1 for place in range(6)} | {(6,): 3, (7,): 3})
        first_places[next(trial.stimuli for trial in trials if trial.stimuli[0] < 6)] += 1
    assert set(first_places.values()) == {1}


def test_pairs_are_asked_equally_often_and_with_either_on_either_side():
    asked = study("pairs", trials=5, anchor_repeats=2)
    trials = [trial for listener in range(12) for trial in asked.trials(listener)[1:]]
    tested = Counter(trial.stimuli for trial in trials if max(trial.stimuli) < 6)
    assert len(tested) == 30 and set(tested.values()) == {2}
    anchors = Counter(trial.stimuli for trial in trials if max(trial.stimuli) >= 6)
    assert anchors == {(6, 7): 24, (7, 6): 24}


def test_the_seed_and_the_listener_decide_and_nothing_else():
    for mode in ("ratings", "pairs"):
        assert study(mode).trials(3) == study(mode).trials(3)
        assert study(mode).trials(3) != study(mode).trials(4) and study(mode).trials(3) != study(mode, seed=2).trials(3)


def test_one_sound_is_no_test_and_anchors_come_in_twos():
    with pytest.raises(ValueError, match="at least 2"):
        study("ratings", tested=1)
    with pytest.raises(ValueError, match="both or none"):
        Study((Stimulus("a"), Stimulus("b"), Stimulus("c", RANDOM)), StudyConfig())
    assert np.all([len(trial.stimuli) == 2 for trial in study("pairs", anchors=False).trials(0)])
