"""Scores of music in both readings: exact, causal, the same by every route, and read once however many views ask."""

import numpy as np
import pytest
import torch
from music import random_performance
from tiny_models import READINGS, TINY, save_tiny, tiny_model

from symbolic.models.registry import save_model
from symbolic.notes.performance import NOTE_DTYPE, Performance
from symbolic.scoring import likelihood
from symbolic.scoring.alternatives import nats_by_step
from symbolic.scoring.likelihood import OpenModel, SymbolicScorer, score
from symbolic.scoring.phrases import read_rows
from symbolic.tokens.events import ATTRIBUTES, encode

pytestmark = pytest.mark.processor


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture(params=READINGS)
def told(request):
    return READINGS[request.param]


def steady_music(seed, notes):
    """Random notes at an even pace, without a rest, so that notes and events count alike."""
    rng = np.random.default_rng(seed)
    array = np.zeros(notes, dtype=NOTE_DTYPE)
    array["onset_ticks"], array["pitch"] = 7 * np.arange(notes), rng.integers(40, 80, notes)
    array["velocity_bin"], array["duration_ticks"] = rng.integers(10, 20, notes), rng.integers(1, 90, notes)
    return Performance(array)


def test_batch_padding_and_batch_size_change_nothing(model, told, performances):
    together = score(model, performances, told=told)
    alone = [score(model, [performance], told=told, batch_events=1)[0] for performance in performances]
    for a, b in zip(together, alone, strict=True):
        assert np.allclose(a.note_nats, b.note_nats, atol=1e-4)
        assert a.end_nll_nats == pytest.approx(b.end_nll_nats, abs=1e-4)


@pytest.mark.parametrize(("notes", "whole"), [(60, 60), (61, 60)])
def test_a_prefix_scores_as_inside_the_whole_piece(model, told, notes, whole):
    performance = steady_music(1, 90)
    scores = score(model, [performance, performance.excerpt(0, notes)], told=told)
    alike = whole - TINY.phrase_events * (notes == whole) if told else notes  # the end joins the last phrase
    assert np.allclose(scores[0].note_nats[:alike], scores[1].note_nats[:alike], atol=1e-4)


def test_parts_sum_to_the_total_and_the_end_stands_apart(model, told, performances):
    for performance in performances:
        result = score(model, [performance], told=told)[0]
        assert result.notes == len(performance)
        parts = sum(result.by_attribute.values()) + (result.code_nll_nats or 0.0)
        assert parts == pytest.approx(result.nll_nats, rel=1e-9)
        assert sum(result.note_columns().values()) == pytest.approx(result.note_nats)
        assert result.end_nll_nats > 0
        assert score(model, [performance], told=told, excerpt=True)[0].end_nll_nats is None
        if told:
            assert result.code_nll_nats + result.note_nll_nats == pytest.approx(result.nll_nats)
            reading = read_rows(model, [encode(performance)], mid_piece=False)[0]
            assert result.nll_nats + result.end_nll_nats == pytest.approx(reading.bound_nats, rel=1e-6)


def music_with_a_rest():
    """Five notes, of which the fourth comes nine seconds late: two rests before it."""
    notes = np.zeros(5, dtype=NOTE_DTYPE)
    notes["onset_ticks"], notes["pitch"], notes["duration_ticks"] = [0, 10, 20, 920, 930], 60, 5
    return Performance(notes)


def test_a_code_is_shared_by_the_events_of_its_phrase_and_rests_join_the_note_after_them(model):
    performance = music_with_a_rest()
    row = encode(performance)
    assert len(row) == 8  # three notes and a rest; a rest, two notes and the end
    reading = read_rows(model, [row], mid_piece=False)[0]
    first, second = reading.code_nats.sum(axis=1)
    shares = np.array([first / 4, first / 4, first / 4, first / 4 + 2 * second / 3, second / 3])
    assert score(model, [performance], told=True)[0].code_nats == pytest.approx(shares)


def test_an_end_alone_in_its_phrase_pays_for_its_code(model):
    performance = steady_music(1, 8)
    row = encode(performance)
    reading = read_rows(model, [row], mid_piece=False)[0]
    result = score(model, [performance], told=True)[0]
    assert result.code_nll_nats == pytest.approx(reading.code_nats[:2].sum())
    assert result.end_nll_nats == pytest.approx(reading.code_nats[2].sum() + reading.told_nats[8].sum())


def test_the_opening_symbol_matters_only_through_its_own_vector(model, told):
    music = [random_performance(1)]
    whole, cut_out = (score(model, music, told=told, excerpt=excerpt)[0] for excerpt in (False, True))
    assert not np.allclose(whole.note_nats[0], cut_out.note_nats[0], atol=1e-3)


def test_a_style_changes_the_likelihood_and_no_style_is_the_plain_one(model, told):
    performance = random_performance(1)
    plain, silent, liszt, blend = (
        score(model, [performance], told=told, style=style)[0].nll_nats
        for style in (None, torch.zeros(3), torch.tensor([0.0, 1.0, 0.0]), torch.tensor([0.5, 0.5, 0.0]))
    )
    assert silent == pytest.approx(plain, rel=1e-6)
    assert len({round(nats, 3) for nats in (plain, liszt, blend)}) == 3


def test_a_style_is_heard_wherever_a_note_stands(model):
    performance, style = steady_music(1, 90), torch.tensor([0.0, 1.0, 0.0])
    plain, liszt = (score(model, [performance], style=style)[0].note_nats for style in (None, style))
    reach = TINY.layers * TINY.window_events  # beyond it, position 0 is not heard any more
    assert (np.abs(plain - liszt)[reach:] > 1e-3).mean() > 0.9


@pytest.mark.parametrize("attribute", ["pitch", "velocity", "duration"])
def test_alternatives_cost_what_the_score_of_the_changed_note_says(model, attribute):
    performance, note = steady_music(3, 20), 11
    steps = np.array([-200, -1, 0, 2])
    nats = nats_by_step(model, performance, {attribute: steps}, excerpt=True)[attribute]
    assert nats.shape == (20, 4)
    assert np.isinf(nats[:, 0]).all()
    row, column = encode(performance, end=False), ATTRIBUTES.index(attribute)
    for index, step in enumerate(steps[1:], start=1):
        changed = row.copy()
        changed[note, column] += step
        expected = read_rows(model, [changed], mid_piece=True, told=False)[0].event_nats[note, column]
        assert nats[note, index] == pytest.approx(expected, abs=1e-4)


def test_both_views_stand_on_one_model_and_one_pass_serves_both(tmp_path, performances, monkeypatch):
    save_tiny(tmp_path, tiny_model())
    passes = []

    def counted(*arguments, **flags):
        passes.append(flags["told"])
        return read_rows(*arguments, **flags)

    monkeypatch.setattr(likelihood, "read_rows", counted)
    events = SymbolicScorer.load("events", tmp_path)
    alone = events.score(performances[:1])
    assert passes == [False]  # what nobody asks for is not read
    vqvae = SymbolicScorer.load("vqvae", tmp_path)
    assert vqvae.model is events.model
    passes.clear()
    of_events, of_codes = events.score(performances[:1])[0], vqvae.score(performances[:1])[0]
    assert passes == [True]
    assert of_events.note_nats == pytest.approx(alone[0].note_nats)
    assert vqvae.score(performances[:1], excerpt=True)[0].end_nll_nats is None
    assert vqvae.score(performances[1:2])[0].notes == len(performances[1])
    assert len(passes) == 3
    assert of_codes.nll_nats == pytest.approx(score(events.model, performances[:1], told=True)[0].nll_nats)


def test_other_weights_in_the_same_place_are_read_anew(tmp_path):
    path, model = save_tiny(tmp_path, tiny_model()), tiny_model()
    before = SymbolicScorer.load("events", tmp_path)
    save_model(path, model.state_dict(), story={"configs": {"phrases": vars(TINY)}, "seed": 2})
    after = SymbolicScorer.load("events", tmp_path)
    assert after.model is not before.model
    assert after.weights_sha256 != before.weights_sha256


def test_the_policy_says_what_an_event_sees(model):
    events, vqvae = (SymbolicScorer(name, OpenModel(model, "")) for name in READINGS)
    assert events.context_policy == "events: each event sees the 15 before it"
    assert vqvae.context_policy == "vqvae: each event sees the 15 before it and the code of its phrase of 4"
