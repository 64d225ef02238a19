"""Parts of the symbolic model, what it knows untrained and can learn, and its weights on disk."""

from math import log

import pytest
import torch
from music import random_performance
from tiny_models import READINGS, TINY, tiny_model

from losscal.errors import WeightsError
from symbolic.models.phrases.config import LENGTHS
from symbolic.models.phrases.model import PhraseGPT
from symbolic.models.registry import load_model, save_model
from symbolic.scoring.likelihood import score
from symbolic.scoring.phrases import pad
from symbolic.tokens.events import VOCABULARY, encode

pytestmark = pytest.mark.processor


@pytest.mark.parametrize("told", READINGS.values(), ids=READINGS)
def test_an_untrained_model_is_uniform(told):
    performance = random_performance(1)
    result = score(PhraseGPT(TINY).eval(), [performance], excerpt=True, told=told)[0]
    rests = len(encode(performance, end=False)) - len(performance)
    assert result.by_attribute["pitch"] == pytest.approx(result.notes * log(VOCABULARY["pitch"]), rel=1e-6)
    assert result.by_attribute["time"] == pytest.approx((result.notes + rests) * log(VOCABULARY["time"]), rel=1e-6)
    if told:
        phrases = (result.notes + rests) // TINY.phrase_events
        least, most = log(LENGTHS), TINY.bits_per_phrase(TINY.rates) * log(2)
        assert phrases * least <= result.code_nll_nats <= phrases * most


def test_one_batch_can_be_learned_by_heart():
    torch.manual_seed(1)
    model = PhraseGPT(TINY)
    events, valid = pad([encode(random_performance(7, 15))[:16]])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(200):
        phrases = model.phrases(events, valid)
        codes = model.encode(phrases)
        reading = model.read(events, model.opening_past(events), torch.tensor([False]))
        told = model.tell(reading, codes, torch.full((1, 4), TINY.rates), events)
        notes, told_notes = (model.note_nats(of, events, valid).sum() / 16 for of in (reading, told))
        code_nats = model.code_nats(reading, codes, phrases.whole).sum() / 16
        optimizer.zero_grad()
        (notes + told_notes + code_nats).backward()
        optimizer.step()
    assert float(notes.detach()) < 1.0
    assert float(told_notes.detach() + code_nats.detach()) < 1.0


STORY = {"configs": {"phrases": vars(TINY)}}


def test_saved_weights_come_back_in_bf16_precision(tmp_path):
    path, model = tmp_path / "model.safetensors", tiny_model()
    save_model(path, model.state_dict(), story=STORY)
    loaded, story = load_model(path)
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value.bfloat16().float())
    assert loaded.config == TINY
    assert story["vocabulary_hash"]


def test_weights_that_do_not_fit_are_refused_in_one_sentence(tmp_path):
    path = tmp_path / "phrases.safetensors"
    with pytest.raises(WeightsError, match="no such weights file"):
        load_model(path)
    state = PhraseGPT(TINY).state_dict()
    save_model(path, state, story=STORY)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="truncated"):
        load_model(path)
    torch.save(state, path)
    with pytest.raises(WeightsError, match="not a safetensors file"):
        load_model(path)
    state.popitem()
    save_model(path, state, story=STORY)
    with pytest.raises(WeightsError, match="does not fit"):
        load_model(path)
