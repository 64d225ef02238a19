"""The model laid out for drawing is the model: the same states and nats, whatever is drawn beside it."""

import numpy as np
import pytest
import torch
from music import random_performance
from tiny_models import MODELS

from symbolic.models.transformer import rms_norm
from symbolic.sampling.incremental import Stepper, Trunk, unit
from symbolic.scoring.likelihood import bound_nats, score
from symbolic.tokens.events import ATTRIBUTES, END, REST, encode

pytestmark = pytest.mark.processor
EVENTS = torch.stack([torch.from_numpy(encode(random_performance(seed, 60), end=False))[:14] for seed in (1, 2, 3)])
GIVEN = 4


@pytest.fixture(params=MODELS)
def model(request):
    return MODELS[request.param]()


@pytest.fixture(params=["float16 where FBGEMM is", "float32"], autouse=True)
def precision(request, monkeypatch):
    """Every test runs as on a processor that FBGEMM does not know, too."""
    if request.param == "float32":
        monkeypatch.setattr("symbolic.sampling.row_product.has_half_precision", lambda: False)


@torch.inference_mode()
def walk(model, events, *, batch_alike=False):
    """The bound's nats of events [B, S, 4] from GIVEN on, and those of END in each place: [B, S, 4], [B, S]."""
    stepper = Stepper(model, len(events))
    stepper.open(events[:, :GIVEN], False, None, alike=batch_alike)
    nats, end_nats = [], []
    for event in events[:, GIVEN:].unbind(1):
        for index in range(len(ATTRIBUTES)):
            logits, code_scores = stepper.scores(index)
            head, value = stepper.heads[index], event[:, index, None]
            if index == 0:
                end_nats.append(head.end_nats(logits, code_scores))
            cost = 0.0
            if code_scores is not None:
                code = head.codes[value]
                cost = -head.code_logits(logits, code_scores).log_softmax(-1).gather(-1, code)
                logits = logits + head.decoder[code[:, 0]]
            nats.append((cost - logits.log_softmax(-1).gather(-1, value))[:, 0])
            stepper.tell(index, event[:, index])
        stepper.append(event)
    return torch.stack(nats, dim=1).view(len(events), -1, len(ATTRIBUTES)), torch.stack(end_nats, dim=1)


def test_unit_is_rms_norm_but_for_the_factor():
    x = torch.randn(3, 2, 64, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(unit(x) * 8, rms_norm(x), atol=1e-6)


def test_cached_steps_equal_one_pass(model):
    events = EVENTS[:1]
    with torch.inference_mode():
        embedded = model.embed(events)
        at_once = model.history(embedded, torch.tensor([False]))
        trunk = Trunk(model, 1)
        model.history(embedded[:, :3], torch.tensor([False]), cache=trunk.cache)
        states = [trunk.step(embedded[:, t : t + 1]) for t in range(3, events.shape[1])]
    assert torch.allclose(torch.cat(states, dim=1), at_once[:, 4:], atol=1e-5)


def test_steps_give_the_nats_that_score(model):
    valid = torch.ones(EVENTS.shape[:2], dtype=torch.bool)
    with torch.inference_mode():
        scored = bound_nats(model.event_nats(EVENTS, valid, torch.zeros(3, dtype=torch.bool)), model.terms)
    is_note = EVENTS[:, GIVEN:, 0] < REST
    assert torch.allclose(walk(model, EVENTS)[0][is_note], scored[:, GIVEN:][is_note].float(), atol=1e-4)


def test_the_end_costs_in_each_place_what_the_score_says(model):
    music = random_performance(1, 60).excerpt(0, 10)
    rows = encode(music)
    assert rows[-1, 0] == END
    end_nats = walk(model, torch.from_numpy(rows)[None])[1][0]
    assert float(end_nats[-1]) == pytest.approx(score(model, [music])[0].end_nll_nats, abs=1e-4)


def test_a_row_is_the_same_in_every_batch(model):
    together, _ = walk(model, EVENTS)
    for row in range(len(EVENTS)):
        assert torch.allclose(walk(model, EVENTS[row : row + 1])[0][0], together[row], atol=1e-5)


def test_one_opening_stands_for_rows_that_are_alike(model):
    alike = EVENTS[:1].expand(3, -1, -1)
    assert torch.allclose(walk(model, alike, batch_alike=True)[0], walk(model, alike)[0], atol=1e-5)


def test_a_full_cache_takes_no_more(model):
    trunk = Trunk(model, 1)
    trunk.cache.length = model.context_events
    with pytest.raises(ValueError, match="capacity of 16"):
        trunk.cache.append(0, torch.zeros(1, 2, 8), torch.zeros(1, 2, 8))
    with pytest.raises(ValueError, match="beyond the window of 16"):
        model.history(torch.zeros(1, 16, 16), torch.tensor([False]))


def test_the_opening_fills_one_row_of_the_cache_only(model):
    trunk = Trunk(model, 2)
    with torch.inference_mode():
        model.history(model.embed(EVENTS[:1, :3]), torch.tensor([False]), cache=trunk.cache.row(1))
    assert np.count_nonzero(trunk.cache.keys[:, 1, :, :4]) > 0
    assert np.count_nonzero(trunk.cache.keys[:, 0]) == 0
