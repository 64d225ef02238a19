"""Decoding event by event is scoring: the same nats from a cache, on the model and on its fast copy."""

from functools import partial

import numpy as np
import pytest
import torch
from music import random_performance
from tiny_models import READINGS, TINY, tiny_model
from torch import nn

from symbolic.models.head import nats_of
from symbolic.models.phrases.model import PhraseGPT
from symbolic.sampling.decoding.fast_layers import RowLinear, for_sampling
from symbolic.sampling.decoding.incremental import IncrementalDecoder, PlannedPhrase
from symbolic.scoring.likelihood import score
from symbolic.scoring.phrases import read_rows
from symbolic.tokens.events import ATTRIBUTES, END, REST, encode

pytestmark = pytest.mark.processor
MUSIC = [encode(random_performance(seed, 120), end=False)[:56] for seed in (1, 2, 3)]
"""Fourteen phrases, three times as long as a window."""
GIVEN = 8


@pytest.fixture
def model():
    return tiny_model()


@pytest.fixture(params=READINGS)
def told(request):
    return READINGS[request.param]


@pytest.fixture(params=["its own layers", "float16 where FBGEMM is", "float32"])
def decoding(request, model, monkeypatch):
    """The model as it is decoded: as on a processor that FBGEMM does not know, too."""
    if request.param == "float32":
        monkeypatch.setattr("symbolic.sampling.decoding.row_product.has_half_precision", lambda: False)
    return model if request.param == "its own layers" else for_sampling(model)


@torch.inference_mode()
def decoded_nats(model, rows, *, told=False, given=GIVEN):
    """The nats of events [S, 4] that all begin alike from `given` on, and those of END there: [B, S, 4], [B, S].

    told: under the codes that the encoder gives their phrases.
    """
    events = torch.from_numpy(np.stack(rows))
    codes = model.encode(model.phrases(events, torch.ones(events.shape[:2], dtype=torch.bool))).numbers
    first = -(-given // TINY.phrase_events)
    replayed_codes = iter(codes[:, first:].flatten(1).T)  # [B] stage by stage, phrase by phrase
    decoder = IncrementalDecoder(
        model, events[0, :given], batch=len(rows), choose_code=(lambda _: next(replayed_codes)) if told else None
    )
    nats, end_nats = [], []

    def replay(event, attribute, hidden, copy_logits):
        value = event[:, None, ATTRIBUTES.index(attribute)]
        nats.append(nats_of(model.chain.logits(attribute, hidden, copy_logits), value))
        return value

    for event in events[:, given:].unbind(1):
        end_nats.append(decoder.end_nats())
        assert torch.equal(decoder.next_event(partial(replay, event)), event)
        decoder.append(event)
    end_nats.append(decoder.end_nats())
    return torch.cat(nats, dim=1).view(len(rows), -1, len(ATTRIBUTES)).numpy(), torch.stack(end_nats, dim=1).numpy()


def with_one_opening(rows, given=GIVEN):
    return [np.concatenate([rows[0][:given], row[given:]]) for row in rows]


def test_decoding_gives_the_nats_that_score(model, decoding, told):
    rows = with_one_opening(MUSIC)
    decoded, _ = decoded_nats(decoding, rows, told=told)
    for row, nats, reading in zip(rows, decoded, read_rows(model, rows, mid_piece=False), strict=True):
        scored = reading.told_nats if told else reading.event_nats
        is_note = row[GIVEN:, 0] < REST
        assert np.allclose(nats[is_note], scored[GIVEN:][is_note], atol=1e-4)


def test_a_phrase_that_is_given_in_part_is_finished_without_a_code(model, decoding):
    row, given = MUSIC[0], 10
    decoded, _ = decoded_nats(decoding, [row], told=True, given=given)
    reading = read_rows(model, [row], mid_piece=False)[0]
    expected = np.concatenate([reading.event_nats[given:12], reading.told_nats[12:]])
    is_note = row[given:, 0] < REST
    assert np.allclose(decoded[0][is_note], expected[is_note], atol=1e-4)


@pytest.mark.parametrize("given", [8, 10])
@torch.inference_mode()
def test_a_planned_phrase_is_told_its_code_even_where_it_is_given_in_part(model, decoding, given):
    row = MUSIC[0]
    events = torch.from_numpy(row)[None]
    codes = model.encode(model.phrases(events, torch.ones(events.shape[:2], dtype=torch.bool)), torch.full((1, 14), 2))
    plan = {n: PlannedPhrase(codes.map(lambda part, n=n: part[:, n : n + 1]), 2) for n in (2, 4)}
    decoder = IncrementalDecoder(decoding, events[0, :given], batch=2, plan=plan)
    nats = []

    def replay(event, attribute, hidden, copy_logits):
        value = event[ATTRIBUTES.index(attribute)].expand(2, 1)
        nats.append(nats_of(model.chain.logits(attribute, hidden, copy_logits), value)[1])
        return value

    for event in events[0, given:]:
        decoder.next_event(partial(replay, event))
        decoder.append(event.expand(2, -1))
    reading = read_rows(model, [row], mid_piece=False, rate=2)[0]
    is_planned = np.isin(np.arange(len(row)) // TINY.phrase_events, list(plan))[:, None]
    expected = np.where(is_planned, reading.told_nats, reading.event_nats)[given:]
    is_note = row[given:, 0] < REST
    assert np.allclose(torch.cat(nats).view(-1, len(ATTRIBUTES)).numpy()[is_note], expected[is_note], atol=1e-4)


@pytest.mark.parametrize("where", [20, 21])
def test_what_is_drawn_hangs_on_the_past_alone(decoding, where):
    changed = MUSIC[0].copy()
    changed[where, 1] = (changed[where, 1] + 7) % 30
    before, after = (decoded_nats(decoding, [row])[0][0] for row in (MUSIC[0], changed))
    assert np.array_equal(before[: where - GIVEN], after[: where - GIVEN])
    assert not np.allclose(before[where + 1 - GIVEN :], after[where + 1 - GIVEN :], atol=1e-3)


def test_the_end_costs_in_each_place_what_the_score_says_without_a_code(model, decoding, told):
    music = random_performance(1, 60).excerpt(0, 20)
    rows = encode(music)
    assert rows[-1, 0] == END
    _, end_nats = decoded_nats(decoding, [rows[:-1]], told=told)
    assert float(end_nats[0, -1]) == pytest.approx(score(model, [music])[0].end_nll_nats, abs=1e-4)


def test_a_row_is_the_same_in_every_batch(decoding, told):
    rows = with_one_opening(MUSIC)
    together, _ = decoded_nats(decoding, rows, told=told)
    for row, of_batch in zip(rows, together, strict=True):
        assert np.allclose(decoded_nats(decoding, [row], told=told)[0][0], of_batch, atol=1e-5)


def test_a_style_is_told_at_every_event(model):
    style = torch.tensor([0.0, 1.0, 0.0])
    events = torch.from_numpy(MUSIC[0])
    expected = read_rows(model, [MUSIC[0]], mid_piece=False, style=style)[0].event_nats[GIVEN:, 1]
    nats = []

    def replay(event, attribute, hidden, copy_logits):
        value = event[None, None, ATTRIBUTES.index(attribute)]
        if attribute == "pitch":
            nats.append(float(nats_of(model.chain.logits(attribute, hidden, copy_logits), value)))
        return value

    with torch.inference_mode():
        decoder = IncrementalDecoder(model, events[:GIVEN], batch=1, styles=style[None])
        for event in events[GIVEN:]:
            decoder.append(decoder.next_event(partial(replay, event)))
    is_note = MUSIC[0][GIVEN:, 0] < REST
    assert np.allclose(np.array(nats)[is_note], expected[is_note], atol=1e-4)


def test_an_untrained_model_whose_hints_are_zero_is_decoded_too(told):
    rows = with_one_opening(MUSIC)
    untrained = PhraseGPT(TINY).eval()
    nats, _ = decoded_nats(for_sampling(untrained), rows, told=told)
    assert np.isfinite(nats).all()


def test_every_product_of_the_fast_copy_goes_row_by_row_and_the_model_stays(model):
    before = [type(module) for module in model.modules()]
    fast = for_sampling(model)
    assert [type(module) for module in model.modules()] == before
    slow = [name for name, module in fast.named_modules() if type(module) is nn.Linear]
    assert all(name.startswith("codebooks.") for name in slow)  # those are exact as they are, in float64
    assert sum(isinstance(module, RowLinear) for module in fast.modules()) >= 4 * model.config.layers
