"""The phrase model: two exact readings of one network, each knowing the past and nothing else."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from music import random_performance
from tiny_models import TINY, randomised

from symbolic.models.bands import sliding_attention, sliding_mask
from symbolic.models.event_gpt import EventGPT
from symbolic.models.phrases.blocks import WindowTransformer
from symbolic.models.phrases.config import PhraseConfig
from symbolic.models.phrases.model import PhraseGPT
from symbolic.scoring.phrase_codes import Passage, as_performance, neighbouring_codes, restored, shuffling_cost
from symbolic.scoring.phrases import read_rows
from symbolic.tokens.events import VOCABULARY, encode

TINY_PHRASES = PhraseConfig(
    layers=2, width=16, heads=2, window_events=16, recent_events=6, phrase_events=4, stages=2, levels=(2, 2),
    codec_width=8, codec_layers=1, slot_width=8, head_width=8, prior_layers=1, prior_phrases=5,
    composers=("Bach", "Liszt"), eras=("baroque",),
)  # fmt: skip


@pytest.fixture(scope="module")
def model():
    return randomised(PhraseGPT(TINY_PHRASES))


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


def test_it_starts_from_what_the_event_model_knows():
    events = randomised(EventGPT(TINY))
    config = replace(TINY_PHRASES, layers=3, recent_events=TINY.recent_events)
    phrases = PhraseGPT(config).eval()
    assert not phrases.load_state_dict(events.state_dict(), strict=False).unexpected_keys
    row = torch.from_numpy(row_of(1, 16))[None]
    inputs = row, torch.ones(1, 16, dtype=torch.bool), torch.tensor([True]), torch.tensor([[0.0, 1.0, 1.0]])
    with torch.inference_mode():
        assert torch.allclose(phrases.event_nats(*inputs), events.event_nats(*inputs), atol=1e-4)
    reading = read(phrases, row[0].numpy())
    assert np.allclose(reading.told_nats, reading.event_nats)  # no code says anything yet


@pytest.mark.parametrize("column", range(4))
def test_a_changed_value_leaves_every_earlier_score_unchanged(model, column):
    row, where = row_of(4, 32), 18
    phrase = where // TINY_PHRASES.phrase_events
    first = phrase * TINY_PHRASES.phrase_events
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
    values = torch.tensor([-1.0, 1.0]).expand(1, 4, 2, 2)
    nats = []
    with torch.inference_mode():
        for events in (row, other):
            past = model.opening_past(events)
            reading = model.read(events, past, mid_piece, None, model.memory(values, mid_piece, past))
            told = model.tell(reading, values, torch.full((1, 4), 2))
            nats.append(model.note_nats(told, events, valid)[0])
    assert torch.allclose(nats[0][:where], nats[1][:where], atol=1e-5)
    assert torch.allclose(nats[0][where, 0], nats[1][where, 0], atol=1e-5)
    assert not torch.allclose(nats[0][where:], nats[1][where:], atol=1e-3)


def test_what_is_told_and_remembered_is_heard(model):
    row = row_of(4, 32)
    assert not np.allclose(read(model, row).told_nats, read(model, row, stages_told=1).told_nats, atol=1e-3)
    assert np.allclose(read(model, row, stages_told=0).told_nats, read(model, row).event_nats, atol=1e-5)
    deaf = randomised(PhraseGPT(replace(TINY_PHRASES, prior_phrases=0)))
    assert np.abs(read(deaf, row).event_nats - read(model, row).event_nats).max() > 1e-3


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
    for module in ("event_gpt", "copying", "phrases.codec"):
        monkeypatch.setattr(f"symbolic.models.{module}.REST", 2)
    monkeypatch.setattr("symbolic.models.copying.REST_TICKS", 2)
    for module in ("models.phrases.model", "tokens.events"):
        monkeypatch.setattr(f"symbolic.{module}.END", 3)


REST_ROW, END_ROW = (2, 0, 0, 0), (3, 0, 0, 0)
GOING_ON = [REST_ROW, *product(range(2), repeat=4)]
PHRASES_OF_TWO = [(END_ROW,), *((first, END_ROW) for first in GOING_ON), *product(GOING_ON, repeat=2)]


def test_both_readings_sum_to_one_over_all_phrases_and_the_bound_exceeds_the_exact(tiny_vocabulary):
    model = randomised(PhraseGPT(replace(TINY_PHRASES, phrase_events=2)))
    past = [(0, 1, 0, 1), REST_ROW]
    rows = [np.array([*past, *phrase]) for phrase in PHRASES_OF_TWO]
    readings = read_rows(model, rows, mid_piece=False)
    assert sum(np.exp(-reading.event_nats[2:].sum()) for reading in readings) == pytest.approx(1.0, abs=1e-5)
    joint = np.array([_nats_under_every_code(model, row) for row in rows])  # [rows, codes]
    assert np.exp(-joint).sum() == pytest.approx(1.0, abs=1e-5)
    exact = -np.log(np.exp(-joint).sum(1))
    bound = np.array([reading.told_nats[2:].sum() + reading.code_nats[1].sum() for reading in readings])
    assert (bound > exact - 1e-5).all()
    assert np.exp(-bound).sum() < 1
    for row, of_row, of_sum in zip(rows[-9:], bound[-9:], exact[-9:], strict=True):
        passage = Passage(model, row, mid_piece=False)
        sums = [passage.bound_nats(neighbours)[1] for neighbours in range(5)]
        assert sums[0] == pytest.approx(of_row, abs=1e-4)
        assert (np.diff(sums) < 0).all()
        assert sums[-1] > of_sum


def _nats_under_every_code(model, row):
    """-log p(code, last phrase | first phrase) for each pair of the two stages' four codes."""
    events = torch.from_numpy(row)[None]
    valid, mid_piece = torch.ones(events.shape[:2], dtype=torch.bool), torch.tensor([False])
    nats = []
    with torch.inference_mode():
        phrases = model.phrases(events, valid)
        own, _ = model.encode(phrases)
        past = model.opening_past(events)
        reading = model.read(events, past, mid_piece, None, model.memory(own, mid_piece, past))
        for codes in product(range(4), repeat=2):
            codes = torch.tensor(codes).expand(1, 2, 2)
            values = model.quantiser.values_of(codes)
            told = model.tell(reading, values, torch.full((1, 2), 2))
            code_nats = model.code_nats(reading.states, values, codes, phrases.whole)[:, 1].sum()
            nats.append(float(code_nats + model.note_nats(told, events, valid)[:, 2:].sum()))
    return nats


def test_neighbouring_codes_are_distinct_and_one_level_away():
    model = PhraseGPT(replace(TINY_PHRASES, levels=(4, 2)))
    codes = torch.tensor([[5, 2], [0, 7]])
    own = model.quantiser.values_of(codes).flatten(1)
    found = list(neighbouring_codes(model, codes))
    assert len({tuple(other.flatten().tolist()) for other in found} | {tuple(codes.flatten().tolist())}) == 2 * 3 + 1
    for other in found:
        assert ((model.quantiser.values_of(other).flatten(1) != own).sum(1) == 1).all()


def test_codes_restore_a_phrase_alike_wherever_it_stands(model):
    codes = torch.tensor([[[0, 1], [3, 2], [0, 1]]])
    row = restored(model, codes)[0]
    assert row.shape == (12, 4)
    assert np.array_equal(row[:4], row[8:])
    assert not np.array_equal(row[:4], row[4:8])
    assert not np.array_equal(row, restored(model, codes, stages_told=1)[0])
    assert 1 <= len(as_performance(row)) <= 12


def test_a_blind_phrase_hangs_on_its_code_alone(model):
    row, where = row_of(4, 16), 2
    nats = []
    for music in (row, changed(row, where, 1)):
        passage = Passage(model, music)
        codes = torch.zeros_like(passage.codes)
        told = torch.full((1, 4), 2)
        blind = torch.tensor([[False, True, True, False]])
        with torch.inference_mode():
            reading = model.tell(passage.reading, model.quantiser.values_of(codes), told, blind)
            nats.append(model.note_nats(reading, passage.events, passage.valid)[0])
    assert torch.allclose(nats[0][4:12], nats[1][4:12], atol=1e-5)
    assert not torch.allclose(nats[0][12:], nats[1][12:], atol=1e-3)


def test_shuffled_codes_cost_nothing_where_codes_say_nothing(model):
    row = row_of(3, 40)
    own, shuffled = shuffling_cost(model, row, np.random.default_rng(1))
    assert own != pytest.approx(shuffled, rel=1e-3)
    untrained = PhraseGPT(TINY_PHRASES).eval()
    own, shuffled = shuffling_cost(untrained, row, np.random.default_rng(1))
    assert own == pytest.approx(shuffled, rel=1e-6)
