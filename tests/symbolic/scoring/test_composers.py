"""log p(piece | composer): the score under that composer's style, for all composers at once."""

import numpy as np
import pytest
import torch
from tiny_models import READINGS, TINY, tiny_model

from symbolic.scoring.composers import composer_nats, nats_per_note_by_composer
from symbolic.scoring.likelihood import OpenModel, SymbolicScorer, score


@pytest.mark.parametrize("told", READINGS.values(), ids=READINGS)
@pytest.mark.parametrize("excerpt", [False, True])
def test_each_column_is_the_score_in_one_style(told, excerpt, performances):
    model = tiny_model()
    nats = composer_nats(model, performances, told=told, excerpt=excerpt)
    assert nats.shape == (len(performances), len(TINY.composers))
    for index, composer in enumerate(TINY.composers):
        style = torch.zeros(len(TINY.styles))
        style[TINY.styles.index(composer)] = 1.0
        expected = [of.nll_nats for of in score(model, performances, told=told, excerpt=excerpt, style=style)]
        assert nats[:, index] == pytest.approx(expected)
    assert (np.abs(nats[:, 0] - nats[:, 1]) > 1e-3).any()


def test_no_piece_has_no_rows():
    assert composer_nats(tiny_model(), []).shape == (0, len(TINY.composers))


@pytest.mark.parametrize("name", READINGS)
def test_nats_per_note_are_told_by_name(name, performances):
    model = tiny_model()
    nats = composer_nats(model, performances, told=READINGS[name])
    by_composer = nats_per_note_by_composer(SymbolicScorer(name, OpenModel(model, "")), performances)
    for performance, row, by_name in zip(performances, nats, by_composer, strict=True):
        assert list(by_name) == list(TINY.composers)
        assert list(by_name.values()) == pytest.approx(row / len(performance))
