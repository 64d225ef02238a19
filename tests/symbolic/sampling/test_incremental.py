"""Decoding event by event is scoring: the same states and nats from a cache, on the model and on its fast copy."""

from functools import partial

import numpy as np
import pytest
import torch
from music import random_performance
from tiny_models import MODELS
from torch import nn

from symbolic.models.transformer import KVCache
from symbolic.sampling.fast_layers import RowLinear, for_sampling
from symbolic.sampling.incremental import IncrementalDecoder
from symbolic.scoring.likelihood import bound_nats, score
from symbolic.tokens.events import ATTRIBUTES, END, REST, encode

pytestmark = pytest.mark.processor
EVENTS = torch.stack([torch.from_numpy(encode(random_performance(seed, 60), end=False))[:14] for seed in (1, 2, 3)])
GIVEN = 4


@pytest.fixture(params=MODELS)
def model(request):
    return MODELS[request.param]()


@pytest.fixture(params=["its own layers", "float16 where FBGEMM is", "float32"])
def decoding(request, model, monkeypatch):
    """The model as it is decoded: as on a processor that FBGEMM does not know, too."""
    if request.param == "float32":
        monkeypatch.setattr("symbolic.sampling.row_product.has_half_precision", lambda: False)
    return model if request.param == "its own layers" else for_sampling(model)


@torch.inference_mode()
def decoded_nats(model, events, *, alike=False):
    """The bound's nats of events [B, S, 4] from GIVEN on, and those of END in each place: [B, S, 4], [B, S]."""
    decoder = IncrementalDecoder(model, len(events))
    decoder.open(events[:, :GIVEN], False, None, alike=alike)
    nats, end_nats = [], []

    def replay(event, attribute, hidden, copy_logits):
        value = event[:, None, ATTRIBUTES.index(attribute)]
        if attribute == "time":
            end_nats.append(model.attribute_bound_nats(attribute, hidden, copy_logits, torch.full_like(value, END)))
        nats.append(model.attribute_bound_nats(attribute, hidden, copy_logits, value))
        return value

    for event in events[:, GIVEN:].unbind(1):
        assert torch.equal(decoder.next_event(partial(replay, event)), event)
        decoder.append(event)
    return torch.cat(nats, dim=1).view(len(events), -1, len(ATTRIBUTES)), torch.cat(end_nats, dim=1)


def test_cached_positions_equal_one_pass(model, decoding):
    events = EVENTS[:1]
    with torch.inference_mode():
        at_once = model.history(model.embed(events), torch.tensor([False]))
        embedded, cache = decoding.embed(events), KVCache(model.config, batch=1)
        opened = decoding.history(embedded[:, :3], torch.tensor([False]), cache=cache)
        states = [decoding.history.transformer(embedded[:, t : t + 1], cache) for t in range(3, events.shape[1])]
    assert torch.allclose(torch.cat([opened, *states], dim=1), at_once, atol=1e-5)


def test_decoding_gives_the_nats_that_score(model, decoding):
    valid = torch.ones(EVENTS.shape[:2], dtype=torch.bool)
    with torch.inference_mode():
        scored = bound_nats(model.event_nats(EVENTS, valid, torch.zeros(3, dtype=torch.bool)), model.terms)
    is_note = EVENTS[:, GIVEN:, 0] < REST
    assert torch.allclose(decoded_nats(decoding, EVENTS)[0][is_note], scored[:, GIVEN:][is_note].float(), atol=1e-4)


def test_the_end_costs_in_each_place_what_the_score_says(model, decoding):
    music = random_performance(1, 60).excerpt(0, 10)
    rows = encode(music)
    assert rows[-1, 0] == END
    end_nats = decoded_nats(decoding, torch.from_numpy(rows)[None])[1][0]
    assert float(end_nats[-1]) == pytest.approx(score(model, [music])[0].end_nll_nats, abs=1e-4)


def test_a_row_is_the_same_in_every_batch(decoding):
    together, _ = decoded_nats(decoding, EVENTS)
    for row in range(len(EVENTS)):
        assert torch.allclose(decoded_nats(decoding, EVENTS[row : row + 1])[0][0], together[row], atol=1e-5)


def test_one_opening_stands_for_rows_that_are_alike(decoding):
    alike = EVENTS[:1].expand(3, -1, -1)
    assert torch.allclose(decoded_nats(decoding, alike, alike=True)[0], decoded_nats(decoding, alike)[0], atol=1e-5)


def test_every_product_of_the_fast_copy_goes_row_by_row_and_the_model_stays(model):
    before = [type(module) for module in model.modules()]
    fast = for_sampling(model)
    assert [type(module) for module in model.modules()] == before
    assert not any(type(module) is nn.Linear for module in fast.modules())
    assert sum(isinstance(module, RowLinear) for module in fast.modules()) >= 4 * model.config.layers


def test_a_full_window_takes_no_more_and_a_cache_takes_one_at_a_time(model):
    cache = KVCache(model.config, batch=1)
    with torch.inference_mode():
        model.history(torch.zeros(1, 2, 16), torch.tensor([False]), cache=cache)
        with pytest.raises(ValueError, match="2 positions at once behind 3"):
            model.history.transformer(torch.zeros(1, 2, 16), cache)
        cache.length = model.context_events
        with pytest.raises(ValueError, match="position 17 is beyond the window of 16"):
            model.history.transformer(torch.zeros(1, 1, 16), cache)
        with pytest.raises(ValueError, match="beyond the window of 16"):
            model.history(torch.zeros(1, 16, 16), torch.tensor([False]))


def test_a_row_of_the_cache_is_filled_alone_and_spread(model):
    cache = KVCache(model.config, batch=2)
    with torch.inference_mode():
        model.history(model.embed(EVENTS[:1, :3]), torch.tensor([False]), cache=cache.first_row())
    assert np.count_nonzero(cache.keys[:, 0, :, :4]) > 0
    assert np.count_nonzero(cache.keys[:, 1]) == 0
    cache.spread_first_row(4)
    assert torch.equal(cache.keys[:, 1], cache.keys[:, 0])
    assert cache.length == 4
