"""What the codes carry: the measures themselves on tiny models, and the shipped codebook on the examples' music."""

from pathlib import Path

import numpy as np
import pytest
import torch
from music import random_performance
from tiny_models import MODELS, TINY

from symbolic.models.code_gpt import CodeGPT
from symbolic.models.configs import VQVAEConfig
from symbolic.notes.cleaning import read_midi
from symbolic.notes.performance import MAX_PITCH, MIN_PITCH, NOTE_DTYPE, Performance
from symbolic.scoring.codes import (
    codebook_usage,
    codes_of,
    note_f1,
    note_nats_under_codes,
    own_and_shuffled_nats,
    reconstruct,
)
from symbolic.scoring.likelihood import SymbolicScorer, score
from symbolic.tokens.events import ATTRIBUTES, encode

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture
def tiny():
    return MODELS["vqvae"]()


@pytest.fixture(scope="module")
def shipped():
    return SymbolicScorer.load("vqvae").model


@pytest.fixture(scope="module")
def examples():
    """The theme and the generated pieces, cut to a window."""
    names = ("bridal_chorus", "generated_by_events", "generated_by_vqvae")
    return [read_midi(EXAMPLES / f"{name}.mid").performance.excerpt(0, 400) for name in names]


def test_own_codes_in_order_cost_what_the_score_says(tiny):
    performance = random_performance(1, 12)
    own = note_nats_under_codes(tiny, performance, range(len(codes_of(tiny.vqvae, performance))))
    assert own == note_nats_under_codes(tiny, performance)
    assert own == pytest.approx(score(tiny, [performance], excerpt=True)[0].note_nll_nats, rel=1e-5)


def test_reconstruction_follows_the_codes_alone(tiny):
    performance = random_performance(3, 14)
    again = reconstruct(tiny, performance)
    assert np.array_equal(again.notes, reconstruct(tiny, performance).notes)
    assert len(again) <= len(codes_of(tiny.vqvae, performance))


def test_lossless_codes_give_every_onset_pitch_and_duration_back():
    roomy = VQVAEConfig(time_levels=(8, 8, 7), pitch_levels=(11, 8), duration_levels=(9, 9, 8), width=8)
    performance = random_performance(3, 30)
    again = reconstruct(CodeGPT(TINY, roomy).eval(), performance)
    for name in ("onset_ticks", "pitch", "duration_ticks"):
        assert np.array_equal(again.notes[name], performance.notes[name])


def test_usage_counts_entries_and_perplexity_their_evenness(tiny):
    even, one = torch.arange(12).repeat(2), torch.zeros(24, dtype=torch.long)
    usage = codebook_usage(tiny.vqvae, torch.stack([even, one, one, one], dim=1))
    assert (usage["time"].size, usage["time"].used, usage["time"].perplexity) == (12, 12, pytest.approx(12))
    assert (usage["pitch"].size, usage["pitch"].used, usage["pitch"].perplexity) == (5, 1, pytest.approx(1.0))
    every_pitch = torch.zeros(88, 4, dtype=torch.long)
    every_pitch[:, 1] = torch.arange(88)
    assert usage["pitch"].attainable == len(tiny.vqvae.encode(every_pitch)[:, 1].unique())


@pytest.mark.parametrize(("late_ticks", "f1"), [(0, 1.0), (5, 1.0), (6, 0.5), (500, 0.5)])
def test_note_f1_matches_onsets_within_50_ms(late_ticks, f1):
    notes = np.array([(0, 5, 60, 3), (100, 5, 64, 3)], dtype=NOTE_DTYPE)
    late = notes.copy()
    late["onset_ticks"][1] += late_ticks
    assert note_f1(Performance(notes), Performance(late)) == pytest.approx(f1)


def test_note_f1_wants_the_very_pitch():
    notes = np.array([(0, 5, 60, 3), (100, 5, 64, 3)], dtype=NOTE_DTYPE)
    wrong = notes.copy()
    wrong["pitch"][1] += 1
    assert note_f1(Performance(notes), Performance(wrong)) == pytest.approx(0.5)


def transposed(performance: Performance, semitones: int) -> Performance:
    notes = performance.notes[
        (performance.notes["pitch"].astype(int) + semitones >= MIN_PITCH)
        & (performance.notes["pitch"].astype(int) + semitones <= MAX_PITCH)
    ].copy()
    notes["pitch"] = notes["pitch"].astype(int) + semitones
    notes["onset_ticks"] -= notes["onset_ticks"][0]
    return Performance(notes)


def test_the_shipped_codebooks_have_not_collapsed(shipped, examples):
    music = [transposed(example, semitones) for example in examples for semitones in range(-18, 19, 3)]
    events = torch.from_numpy(np.concatenate([encode(performance, end=False) for performance in music]))
    usage = codebook_usage(shipped.vqvae, shipped.vqvae.encode(events))
    for name, values in zip(ATTRIBUTES, events.T, strict=True):
        assert usage[name].attainable >= 0.8 * usage[name].size
        assert usage[name].used >= 0.8 * min(len(values.unique()), usage[name].size)
        p = values.bincount().double() / len(values)
        assert usage[name].perplexity >= 0.5 * min(float(torch.special.entr(p).sum().exp()), usage[name].size)


def test_the_shipped_model_tells_notes_by_their_codes_better_than_an_untrained_one(shipped, examples):
    torch.manual_seed(1)
    untrained = CodeGPT(shipped.config, shipped.vqvae.config).eval()
    for example in examples:
        own, shuffled = own_and_shuffled_nats(shipped, example, np.random.default_rng(1))
        untrained_own, untrained_shuffled = own_and_shuffled_nats(untrained, example, np.random.default_rng(1))
        assert own < 0.5 * untrained_own
        # Codes start out in the order of their values, so that wrong ones cost an untrained model much, too.
        assert shuffled - own > 1.2 * (untrained_shuffled - untrained_own)
