"""The phrase model: two exact readings of one network, each knowing the past and nothing else."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from music import random_performance
from tiny_models import TINY, randomised

from symbolic.models.bands import sliding_attention, sliding_mask
from symbolic.models.phrases.blocks import WindowTransformer
from symbolic.models.phrases.codec import (
    LEFT_OUT,
    PITCHES,
)
from symbolic.models.phrases.model import PhraseGPT
from symbolic.scoring.phrase_codes import Passage
from symbolic.scoring.phrases import read_rows
from symbolic.tokens.events import VOCABULARY, encode


@pytest.fixture(scope="module")
def model():
    return randomised(PhraseGPT(TINY))


def row_of(seed, events):
    """The first `events` events of random music."""
    return encode(random_performance(seed, 4 * events))[:events]


def read(model, row, **flags):
    return read_rows(model, [row], mid_piece=True, **flags)[0]


def changed(row, where, column):
    """The row with another value at one place."""
    row = row.copy()
    row[where, column] = (row[where, column] + 7) % 30
    return row


@pytest.mark.parametrize(
    ("positions", "seen", "window", "block"), [(20, 0, 8, 4), (21, 7, 8, 8), (5, 3, 16, 4), (1, 7, 8, 1)]
)
def test_sliding_attention_is_attention_under_a_band(positions, seen, window, block):
    query = torch.randn(2, 3, positions, 4)
    keys, values = torch.randn(2, 3, seen + positions, 4), torch.randn(2, 3, seen + positions, 4)
    distance = (torch.arange(positions)[:, None] + seen) - torch.arange(seen + positions)
    band = (distance >= 0) & (distance < window)
    expected = torch.nn.functional.scaled_dot_product_attention(query, keys, values, attn_mask=band)
    found = sliding_attention(query, keys, values, sliding_mask(positions, seen, window, block))
    assert torch.allclose(found, expected, atol=1e-5)


def test_a_window_that_holds_everything_is_full_attention():
    shape = {"layers": 2, "width": 16, "heads": 2, "mlp_ratio": 2}
    wide = randomised(WindowTransformer(window=64, **shape))
    narrow = WindowTransformer(window=8, **shape).eval()
    narrow.load_state_dict(wide.state_dict())
    x = torch.randn(1, 20, 16)
    assert torch.allclose(wide(x)[:, :8], narrow(x)[:, :8], atol=1e-5)
    assert not torch.allclose(wide(x)[:, 8:], narrow(x)[:, 8:], atol=1e-3)


@pytest.mark.parametrize("column", range(4))
def test_a_changed_value_leaves_every_earlier_score_unchanged(model, column):
    row, where = row_of(4, 32), 18
    phrase = where // TINY.phrase_events
    first = phrase * TINY.phrase_events
    before, after = read(model, row), read(model, changed(row, where, column))
    assert np.allclose(before.event_nats[:where], after.event_nats[:where], atol=1e-5)
    assert np.allclose(before.event_nats[where, :column], after.event_nats[where, :column], atol=1e-5)
    assert not np.allclose(before.event_nats[where:], after.event_nats[where:], atol=1e-3)
    assert np.allclose(before.told_nats[:first], after.told_nats[:first], atol=1e-5)
    assert np.allclose(before.code_nats[:phrase], after.code_nats[:phrase], atol=1e-5)
    assert (before.codes[:phrase] == after.codes[:phrase]).all()


def test_a_phrase_knows_of_its_later_notes_through_its_code_alone(model):
    row, where = torch.from_numpy(row_of(4, 16))[None], 10
    other = torch.from_numpy(changed(row[0].numpy(), where, 1))[None]
    valid, mid_piece = torch.ones(1, 16, dtype=torch.bool), torch.tensor([True])
    slots = torch.tensor([0, 5 * PITCHES + 40, LEFT_OUT, LEFT_OUT]).expand(1, 4, 4)
    codes = model.decode(torch.full((1, 4), 30), slots)
    nats = []
    with torch.inference_mode():
        for events in (row, other):
            past = model.opening_past(events)
            reading = model.read(events, past, mid_piece)
            told = model.tell(reading, codes, torch.full((1, 4), 3), events)
            nats.append(model.note_nats(told, events, valid)[0])
    assert torch.allclose(nats[0][:where], nats[1][:where], atol=1e-5)
    assert torch.allclose(nats[0][where, 0], nats[1][where, 0], atol=1e-5)
    assert not torch.allclose(nats[0][where:], nats[1][where:], atol=1e-3)


def test_what_is_told_is_heard(model):
    row = row_of(4, 32)
    assert not np.allclose(read(model, row).told_nats, read(model, row, rate=1).told_nats, atol=1e-3)
    assert np.allclose(read(model, row, rate=0).told_nats, read(model, row).event_nats, atol=1e-5)


def test_equal_phrases_have_equal_codes_wherever_they_stand(model):
    row = row_of(7, 12)
    assert (
        read(model, np.concatenate([row[:4], row[8:12], row[4:8]])).codes[[0, 2, 1]] == read(model, row).codes
    ).all()


@pytest.mark.parametrize("chunk", [4, 8, 20])
def test_chunks_change_nothing(model, chunk):
    row = row_of(3, 46)
    whole, cut = read(model, row), read(model, row, chunk_events=chunk)
    assert np.allclose(whole.event_nats, cut.event_nats, atol=1e-4)
    assert np.allclose(whole.told_nats, cut.told_nats, atol=1e-4)
    assert np.allclose(whole.code_nats, cut.code_nats, atol=1e-4)


def test_one_event_at_a_time_is_all_at_once(model):
    events, mid_piece = torch.from_numpy(row_of(3, 40))[None], torch.tensor([False])
    with torch.inference_mode():
        at_once = model.read(events, model.opening_past(events), mid_piece)
        past = model.opening_past(events)
        steps = [model.read(events[:, t : t + 1], past, mid_piece) for t in range(40)]
    assert torch.allclose(torch.cat([step.states for step in steps], dim=1), at_once.states, atol=1e-4)
    assert torch.equal(torch.cat([step.recent.pitch for step in steps], dim=1), at_once.recent.pitch)


def test_batch_and_padding_change_nothing(model):
    rows = [row_of(seed, events) for seed, events in ((1, 40), (2, 7), (3, 33))]
    together = read_rows(model, rows, mid_piece=False)
    for row, of_batch in zip(rows, together, strict=True):
        alone = read_rows(model, [row], mid_piece=False)[0]
        for name in ("event_nats", "told_nats", "code_nats", "codes"):
            assert np.allclose(getattr(alone, name), getattr(of_batch, name), atol=1e-4), name


def test_a_prefix_scores_as_it_does_in_the_whole(model):
    row = row_of(5, 40)
    whole, prefix = read(model, row), read(model, row[:22])
    assert np.allclose(whole.event_nats[:22], prefix.event_nats, atol=1e-4)
    assert np.allclose(whole.told_nats[:20], prefix.told_nats[:20], atol=1e-4)
    assert np.allclose(whole.code_nats[:5], prefix.code_nats[:5], atol=1e-4)
    assert np.allclose(prefix.told_nats[20:], prefix.event_nats[20:])  # a phrase that is cut has no code
    assert (prefix.code_nats[5:] == 0).all()


@pytest.fixture
def tiny_vocabulary(monkeypatch):
    """Two times, two pitches, two velocities, two durations, a rest and an end: music small enough to list."""
    for name, size in {"time": 4, "pitch": 2, "velocity": 2, "duration": 2}.items():
        monkeypatch.setitem(VOCABULARY, name, size)
    for module in ("head", "copying", "recall", "phrases.codec", "phrases.teller"):
        monkeypatch.setattr(f"symbolic.models.{module}.REST", 2)
    monkeypatch.setattr("symbolic.models.copying.REST_TICKS", 2)
    for module in ("models.phrases.model", "models.phrases.codec", "models.phrases.teller", "tokens.events"):
        monkeypatch.setattr(f"symbolic.{module}.END", 3)
    sizes = {"LENGTHS": 6, "EXACT_LENGTHS": 5, "STEPS_TICKS": (0, 1), "STEPS": 3}
    sizes |= {"NOTHING": 2, "PITCHES": 3, "PAIRS": 9, "LEFT_OUT": 9}
    for module in ("config", "codec", "codebooks", "code_head", "teller", "votes"):
        for name, value in sizes.items():
            monkeypatch.setattr(f"symbolic.models.phrases.{module}.{name}", value, raising=False)
    monkeypatch.setattr("symbolic.scoring.phrase_codes.LEFT_OUT", 9)


REST_ROW, END_ROW = (2, 0, 0, 0), (3, 0, 0, 0)
GOING_ON = [REST_ROW, *product(range(2), repeat=4)]
PHRASES_OF_TWO = [(END_ROW,), *((first, END_ROW) for first in GOING_ON), *product(GOING_ON, repeat=2)]


def test_both_readings_sum_to_one_over_all_phrases_and_the_bound_exceeds_the_exact(tiny_vocabulary):
    model = randomised(PhraseGPT(replace(TINY, phrase_events=2, note_bits=7)))
    past = [(0, 1, 0, 1), REST_ROW]
    rows = [np.array([*past, *phrase]) for phrase in PHRASES_OF_TWO]
    readings = read_rows(model, rows, mid_piece=False)
    assert sum(np.exp(-reading.event_nats[2:].sum()) for reading in readings) == pytest.approx(1.0, abs=1e-5)
    length, slots = every_code(model)
    assert 6 < len(length) < 6 * 10 * 10  # some pairs can be told, and some are too expensive
    code_nats, joint = zip(*(_nats_under(model, row, length, slots) for row in rows), strict=True)
    assert np.exp(-code_nats[0]).sum() == pytest.approx(1.0, abs=1e-5)
    assert np.exp(-np.array(joint)).sum() == pytest.approx(1.0, abs=1e-5)
    exact = -np.log(np.exp(-np.array(joint)).sum(1))
    bound = np.array([reading.told_nats[2:].sum() + reading.code_nats[1].sum() for reading in readings])
    assert (bound > exact - 1e-5).all()
    assert np.exp(-bound).sum() < 1
    told_most = sorted(range(20, len(rows)), key=lambda index: (readings[index].codes[1, 1:] == 9).sum())[:9]
    for index in told_most:
        passage = Passage(model, rows[index], mid_piece=False)
        sums = [passage.bound_nats(others)[1] for others in range(2)]
        assert sums[0] == pytest.approx(bound[index], abs=1e-4)
        assert exact[index] < sums[1] < sums[0]


def every_code(model):
    """The codes that a phrase of two slots can have, int64 [C] and [C, 2]."""
    length, *slots = torch.tensor(list(product(range(6), range(10), range(10)))).T
    slots = torch.stack(slots, dim=1)
    codes = model.decode(length[:, None], slots[:, None])
    can_be_had = (codes.slots[:, 0] == slots).all(1)
    return length[can_be_had], slots[can_be_had]


def _nats_under(model, row, length, slots):
    """-log p(code | first phrase) and -log p(code, last phrase | first phrase) for each of C codes, [C] both."""
    events = torch.from_numpy(row).expand(len(length), -1, -1)
    valid, mid_piece = torch.ones(events.shape[:2], dtype=torch.bool), torch.zeros(len(length), dtype=torch.bool)
    with torch.inference_mode():
        past = model.opening_past(events)
        reading = model.read(events, past, mid_piece)
        codes = model.decode(length[:, None].expand(-1, 2), slots[:, None].expand(-1, 2, -1))
        rate = torch.full((len(length), 2), model.config.rates)
        told = model.tell(reading, codes, rate, events)
        code_nats = model.code_nats(reading, codes, rate > 0)[:, 1].sum(-1)
        note_nats = model.note_nats(told, events, valid)[:, 2:].sum((1, 2))
    return code_nats.numpy(), (code_nats + note_nats).numpy()
