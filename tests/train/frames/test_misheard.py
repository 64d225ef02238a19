"""Music without sound is heard as it was played or nearly, repeatably, and is out of order where it is to be."""

from dataclasses import replace

import numpy as np
import pytest
from music import random_performance

from symbolic.notes.performance import MIN_PITCH
from train.frames.excerpts import strikes_of
from train.frames.misheard import MisheardConfig, misheard

CONFIG = MisheardConfig(most_missed=0.0, most_ghosts=0.0, most_repeated=0.0)


def steps_with_strikes(performance) -> int:
    return len(np.unique(strikes_of(performance) // (2, 1), axis=0))


def test_without_errors_every_strike_is_heard_within_a_step_of_its_time():
    performance = random_performance(1, 60)
    for seed in range(5):
        heard = misheard(performance, CONFIG, np.random.default_rng(seed))
        assert heard.dtype == np.uint8 and heard.shape[1] == 88 and set(np.unique(heard)) == {0, 1}
        assert set(np.flatnonzero(heard.any(axis=0))) <= set(performance.notes["pitch"] - MIN_PITCH)
        assert abs(int(heard.sum()) - steps_with_strikes(performance)) <= 3  # two may fall into one step
        assert abs(len(heard) - (performance.notes["onset_ticks"][-1] * 0.15625 + 1)) < 0.06 * len(heard) + 3
        np.testing.assert_array_equal(heard, misheard(performance, CONFIG, np.random.default_rng(seed)))


@pytest.mark.parametrize(("part", "sign"), [("most_missed", -1), ("most_ghosts", 1), ("most_repeated", 1)])
def test_each_kind_of_error_takes_or_adds_strikes(part, sign):
    performance, config = random_performance(1, 200), replace(CONFIG, **{part: 0.5})
    more = [
        int(misheard(performance, config, np.random.default_rng(seed)).sum()) - steps_with_strikes(performance)
        for seed in range(8)
    ]
    assert sign * np.mean(more) > 5


def test_soft_strikes_are_missed_first():
    performance = random_performance(1, 400)
    notes = performance.notes.copy()
    is_loud = np.arange(len(notes)) % 2
    notes["onset_ticks"], notes["pitch"] = 20 * np.arange(len(notes)), 40 + is_loud
    notes["velocity_bin"] = np.where(is_loud, 28, 8)
    config = replace(CONFIG, most_missed=0.35)
    soft, loud = np.mean(
        [
            misheard(replace(performance, notes=notes), config, np.random.default_rng(seed)).sum(axis=0)[19:21]
            for seed in range(8)
        ],
        axis=0,
    )
    assert soft < 0.9 * loud
