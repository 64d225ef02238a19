"""Codes of phrases: what they tell and what it costs, and that they tell it rightly or not at all."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from music import random_performance
from tiny_models import TINY, randomised

from symbolic.models.phrases.codec import LEFT_OUT, NOTHING, PAIRS, PITCHES, length_of, notes_of, shortest_ticks
from symbolic.models.phrases.model import PhraseGPT
from symbolic.notes.performance import NOTE_DTYPE
from symbolic.scoring.phrase_codes import Passage, note_f1, restored, shorter_codes, shuffling_cost
from symbolic.tokens.events import encode


@pytest.fixture(scope="module")
def model():
    return randomised(PhraseGPT(TINY))


def row_of(seed, events):
    """The first `events` events of random music."""
    return encode(random_performance(seed, 4 * events))[:events]


def test_a_code_tells_notes_rightly_or_not_at_all(model):
    events = torch.from_numpy(row_of(9, 400))[None]
    phrases = model.phrases(events, torch.ones(1, 400, dtype=torch.bool))
    codes = model.encode(phrases).map(lambda part: part.flatten(0, 1))
    notes = notes_of(phrases.events.flatten(0, 1), phrases.valid.flatten(0, 1))
    is_told = codes.slots != LEFT_OUT
    assert 0.1 < is_told.double().mean() < 0.9
    assert (codes.pitch == notes.pitch)[is_told].all()
    assert ((codes.onset_ticks - notes.onset_ticks).abs() <= 4)[is_told].all()
    assert (codes.pitch == PITCHES)[~is_told].all()


@pytest.mark.parametrize("rate", [1, 2, 3])
def test_what_a_code_tells_costs_no_more_than_its_rate_allows(model, rate):
    events = torch.from_numpy(row_of(9, 400))[None]
    phrases = model.phrases(events, torch.ones(1, 400, dtype=torch.bool))
    codes = model.encode(phrases, torch.full((1, 100), rate)).map(lambda part: part.flatten(0, 1))
    with torch.inference_mode():
        entry_nats = model.codebooks.entry_nats(codes)
    costs = entry_nats.gather(-1, codes.slots[..., None]).sum((1, 2)) / np.log(2)
    assert costs.max() <= TINY.note_bits_at(rate) + 1e-9
    assert (costs.max() > 0) == (rate > 1)
    every_pair = entry_nats[..., :PAIRS].masked_fill(entry_nats[..., :PAIRS].isinf(), torch.inf)
    assert (every_pair.neg().exp().sum(-1) <= 1 + 1e-9).all()  # so there are at most two to the power of the bits


def test_codes_are_decoded_to_what_they_were_made_from(model):
    events = torch.from_numpy(row_of(9, 400))[None]
    codes = model.encode(model.phrases(events, torch.ones(1, 400, dtype=torch.bool)))
    again = model.decode(codes.length, codes.slots)
    assert all(torch.equal(*pair) for pair in zip(codes, again, strict=True))


def test_a_sketch_ends_with_the_first_note_that_cannot_be_afforded(model):
    events = torch.from_numpy(row_of(9, 400))[None]
    phrases = model.phrases(events, torch.ones(1, 400, dtype=torch.bool))
    is_told = model.encode(phrases).slots != LEFT_OUT
    assert torch.equal(is_told, is_told.cummin(-1).values)
    every_note = model.encode_every_note(phrases).slots != LEFT_OUT
    assert (every_note | ~is_told).all()
    assert is_told.sum() < every_note.sum() > 0.9 * is_told.numel()


def test_shorter_codes_tell_fewer_notes_and_are_others(model):
    passage = Passage(model, row_of(9, 40))
    n_told = (passage.codes.slots != LEFT_OUT).sum(-1)
    assert set(n_told.flatten().tolist()) >= {1, 2}
    for fewer, (shorter, is_another) in enumerate(shorter_codes(model, passage.codes, passage.rate), start=1):
        assert torch.equal(is_another, n_told >= fewer)
        assert torch.equal((shorter.slots != LEFT_OUT).sum(-1), (n_told - fewer).clamp(min=0))
        is_told = shorter.slots != LEFT_OUT
        assert torch.equal(shorter.slots[is_told], passage.codes.slots[is_told])


def test_a_sum_over_codes_counts_none_twice(model):
    passage = Passage(model, row_of(9, 40))
    nothing_told = model.decode(passage.codes.length, torch.full_like(passage.codes.slots, LEFT_OUT))
    passage.codes = nothing_told  # there is no shorter one
    own = passage.note_nats(nothing_told) + passage.code_nats(nothing_told)
    assert np.allclose(passage.bound_nats(4), own)


def test_lengths_are_exact_while_they_are_short():
    ticks = torch.arange(3200)
    length = length_of(ticks)
    shortest, longest = shortest_ticks(length), shortest_ticks(length + 1) - 1
    assert ((shortest <= ticks) & (ticks <= longest)).all()
    assert (longest[:384] == shortest[:384]).all()
    assert ((longest - shortest) <= 0.02 * shortest).all()
    assert length.max() < 511


def test_notes_struck_together_have_one_code_in_whichever_order_they_come():
    chord = np.array([[9, 40, 5, 20], [2, 30, 5, 20], [1, 50, 5, 20], [40, 44, 5, 20]])
    notes = notes_of(torch.from_numpy(chord)[None], torch.ones(1, 4, dtype=torch.bool))
    assert notes.pitch.tolist() == [[30, 40, 50, 44]]
    assert notes.onset_ticks.tolist() == [[11, 9, 12, 52]]


def test_codes_restore_what_they_tell_where_they_tell_it(model):
    chord, leap = 0 * PITCHES + 40, 3 * PITCHES + 50
    slots = torch.tensor([[[chord, leap, LEFT_OUT, LEFT_OUT], [23 * PITCHES + NOTHING, LEFT_OUT, LEFT_OUT, LEFT_OUT]]])
    generous = randomised(PhraseGPT(replace(TINY, note_bits=200)))
    codes = generous.decode(torch.tensor([[40, 60]]), slots)
    assert torch.equal(codes.slots, slots)
    notes = restored(codes)
    assert notes["onset_ticks"].tolist() == [0, 19]
    assert notes["pitch"].tolist() == [61, 71]
    later = generous.decode(torch.tensor([[60, 40]]), slots.flip(1))
    assert restored(later)["onset_ticks"].tolist() == [60, 79]


@pytest.mark.parametrize(("late_ticks", "f1"), [(0, 1.0), (5, 1.0), (6, 0.5), (500, 0.5)])
def test_note_f1_matches_onsets_within_50_ms(late_ticks, f1):
    notes = np.array([(0, 5, 60, 3), (100, 5, 64, 3)], dtype=NOTE_DTYPE)
    late = notes.copy()
    late["onset_ticks"][1] += late_ticks
    assert note_f1(notes, late) == pytest.approx(f1)


def test_note_f1_wants_the_very_pitch():
    notes = np.array([(0, 5, 60, 3), (100, 5, 64, 3)], dtype=NOTE_DTYPE)
    wrong = notes.copy()
    wrong["pitch"][1] += 1
    assert note_f1(notes, wrong) == pytest.approx(0.5)


def test_shuffled_codes_cost_nothing_where_codes_say_nothing(model):
    row = row_of(3, 40)
    own, shuffled = shuffling_cost(Passage(model, row), np.random.default_rng(1))
    assert own != pytest.approx(shuffled, rel=1e-3)
    untrained = PhraseGPT(TINY).eval()
    own, shuffled = shuffling_cost(Passage(untrained, row), np.random.default_rng(1))
    assert own == pytest.approx(shuffled, rel=1e-6)
