"""Scripted listeners of known taste: the known order comes back, and who answers at random is flagged."""

import numpy as np
import pytest

from bridge.listen.answers import Answer
from bridge.listen.results import ordinal_alpha, results_of, strengths, text_of
from bridge.listen.trials import ORIGINAL, RANDOM, Stimulus, Study, StudyConfig
from losscal.errors import InputError

LISTENERS = 20
TASTE = np.array([2.0, 4.4, 3.2, 2.6, 3.8])
"""How much each is liked, of 1 to 5; the copy of the original is liked as the best, the random one not at all."""
LIKED = np.array([*TASTE, 4.6, 1.0])
RANKED = ["1.wav", "4.wav", "2.wav", "3.wav", "0.wav"]


def study(mode):
    stimuli = [
        *(Stimulus(f"{number}.wav") for number in range(len(TASTE))),
        Stimulus("o", ORIGINAL),
        Stimulus("r", RANDOM),
    ]
    return Study(tuple(stimuli), StudyConfig(mode=mode, trials=20))


def scripted(asked, listener, rng):
    """The answers of a listener of that taste, noise in each."""
    for number, trial in enumerate(asked.trials(listener)):
        liked = LIKED[list(trial.stimuli)] + 0.5 * rng.standard_normal(len(trial.stimuli))
        if asked.config.mode == "ratings":
            yield Answer(listener, number, int(np.clip(np.rint(liked[0]), 1, 5)))
        else:
            yield Answer(listener, number, 0 if abs(liked[0] - liked[1]) < 0.2 else int(np.sign(liked[0] - liked[1])))


def at_random(asked, listener, rng):
    low, high = (1, 5) if asked.config.mode == "ratings" else (-1, 1)
    for number in range(len(asked.trials(listener))):
        yield Answer(listener, number, int(rng.integers(low, high + 1)))


@pytest.mark.parametrize("mode", ["ratings", "pairs"])
def test_the_known_order_comes_back_and_the_random_listener_is_flagged(mode):
    asked, rng = study(mode), np.random.default_rng(4)
    answers = [answer for listener in range(LISTENERS) for answer in scripted(asked, listener, rng)]
    believed = results_of(asked, answers)
    assert [one.name for one in believed.standings] == RANKED and believed.flagged == ()
    for better, worse in zip(believed.standings, believed.standings[2:], strict=False):
        assert better.estimate.low > worse.estimate.high
    assert 0.5 < believed.alpha < 1.0
    with_random = results_of(asked, [*answers, *at_random(asked, LISTENERS, rng)])
    assert with_random.flagged == (LISTENERS,) and with_random.listeners == LISTENERS + 1
    assert with_random.standings == believed.standings and with_random.alpha == believed.alpha
    assert f"left out: {LISTENERS}" in text_of(with_random)


def test_random_listeners_are_flagged_nearly_always():
    for mode in ("ratings", "pairs"):
        asked, rng = study(mode), np.random.default_rng(0)
        answers = [answer for listener in range(60) for answer in at_random(asked, listener, rng)]
        answers += scripted(asked, 60, rng)
        assert 54 <= len(results_of(asked, answers).flagged) <= 60


def test_strengths_are_those_that_made_the_preferences():
    true = np.array([-1.0, 0.0, 0.25, 0.75])
    chances = 1 / (1 + np.exp(true - true[:, None]))
    wins = 100_000 * (chances - 0.5 * np.eye(4))
    assert strengths(wins[None]) == pytest.approx(true, abs=0.01)


def test_alpha_is_that_of_krippendorffs_example():
    """Computing Krippendorff's Alpha-Reliability (2011), example C: four observers, twelve units, gaps."""
    table = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, np.nan, np.nan, np.nan],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, np.nan, 3],
        [np.nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, np.nan],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, np.nan],
    ]
    assert ordinal_alpha(np.array(table)) == pytest.approx(0.815, abs=5e-4)
    assert ordinal_alpha(np.array([[1.0, 2.0], [1.0, 2.0]])) == 1.0
    assert ordinal_alpha(np.array([[1.0, np.nan], [np.nan, 2.0]])) is None
    assert ordinal_alpha(np.array([[3.0, 3.0], [3.0, 3.0]])) is None


def test_nobody_to_believe_is_told():
    asked, rng = study("pairs"), np.random.default_rng(1)
    with pytest.raises(InputError, match="0 listeners answered"):
        results_of(asked, [])
    with pytest.raises(InputError, match="none who can be believed"):
        results_of(asked, list(at_random(asked, 0, rng)))


def test_a_paused_listener_counts_with_what_she_has_answered():
    asked, rng = study("ratings"), np.random.default_rng(2)
    whole, paused = list(scripted(asked, 0, rng)), list(scripted(asked, 1, rng))[:4]
    standings = {one.name: one.answers for one in results_of(asked, whole + paused).standings}
    heard = [asked.trials(1)[answer.trial].stimuli[0] for answer in paused if answer.trial > 0]
    assert standings == {f"{place}.wav": 1 + heard.count(place) for place in range(len(TASTE))}
