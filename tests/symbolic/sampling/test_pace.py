"""Pace: a stream that runs ahead is slowed down to its target, and a piece's pace hangs on nothing beside it."""

from functools import partial

import numpy as np
import pytest
import torch
from music import random_performance
from tiny_models import tiny_model

from symbolic.models.configs import SamplingConfig
from symbolic.notes.typicality import notes_per_second, opening_paces
from symbolic.sampling.pace import Pace, pace_of, paces_of
from symbolic.sampling.pieces import draw_pieces
from symbolic.tokens.events import END, REST


def test_a_piece_that_keeps_its_pace_is_left_alone_and_one_that_runs_ahead_waits():
    pace = Pace([4.0, 4.0], hold=2.0)
    logits = torch.zeros(2, END + 1)
    pace.tilt(logits)
    assert logits.abs().max() < 1e-6
    for _ in range(200):  # the first 4 a second, the second 20
        pace.advance(np.array([[25, 40, 3, 9], [5, 40, 3, 9]]))
    pace.tilt(logits)
    assert logits[0].abs().max() < 0.3
    steps = logits[1, :END]
    assert (steps.diff() > 0).all()
    assert steps[REST] == pytest.approx(2 * np.log(pace.notes[1] / 80) * np.log(REST + 1), rel=1e-5)
    assert logits[:, END].tolist() == [0.0, 0.0]
    pace.keep(np.array([1]))
    alone = torch.zeros(1, END + 1)
    pace.tilt(alone)
    assert torch.equal(alone[0, :END], steps)


@pytest.mark.parametrize(("target", "hold", "expected"), [(8.0, 0.0, 16.0), (8.0, 2.0, 9.5), (24.0, 2.0, 21.0)])
def test_a_stream_of_sixteen_notes_a_second_comes_near_its_target(target, hold, expected):
    free = torch.full((END,), -torch.inf)
    free[[0, 3, 6, 12, 25]] = torch.tensor([0.35, 0.2, 0.2, 0.15, 0.1]).log()  # 6.1 ticks in the middle
    pace, rng, ticks = Pace([target], hold), np.random.default_rng(1), 0
    for _ in range(3000):
        logits = free[None].clone()
        pace.tilt(logits)
        time = int(
            rng.choice(END, p=logits[0].softmax(-1).double().numpy() / logits[0].softmax(-1).double().sum().item())
        )
        pace.advance(np.array([[time, 40, 3, 9]]))
        ticks += time
    assert 3000 / ticks * 100 == pytest.approx(expected, rel=0.1)


def test_paces_are_those_of_real_music_and_of_a_candidate_alone():
    openings = opening_paces().quantiles[60]
    paces = paces_of(range(200), 1, 60.0, None)
    assert np.median(list(paces.values())) == pytest.approx(np.median(openings), rel=0.15)
    assert min(paces.values()) >= openings[0]
    assert max(paces.values()) <= openings[-1]
    assert paces_of([7], 1, 60.0, None) == {7: paces[7]}
    assert paces_of([7], 2, 60.0, None) != {7: paces[7]}


def test_what_goes_on_keeps_the_pace_of_what_it_goes_on_from():
    music = random_performance(3, 40)
    assert paces_of(range(2), 1, 60.0, music) == dict.fromkeys(range(2), notes_per_second(music))
    assert pace_of(music.excerpt(0, 31)) is None


def test_a_piece_held_to_its_pace_is_the_same_alone_and_beside_others():
    draw = partial(draw_pieces, tiny_model(), notes=24, seed=5, sampling=SamplingConfig(pace_hold=2.0), ending=False)
    together, (alone,) = draw(candidates=range(3)), draw(candidates=[2])
    assert np.array_equal(alone.performance.notes, together[2].performance.notes)
    free = draw_pieces(tiny_model(), notes=24, seed=5, candidates=[2], ending=False)[0]
    assert not np.array_equal(alone.performance.notes, free.performance.notes)


def test_pitches_alone_can_be_drawn_cooler():
    def first_notes(**settings):
        how = {"notes": 1, "seed": 5, "candidates": range(12), "ending": False, "sampling": SamplingConfig(**settings)}
        return np.concatenate([piece.performance.notes for piece in draw_pieces(tiny_model(), **how)])

    cool, usual = first_notes(pitch_temperature=0.01), first_notes()
    assert len(set(cool["pitch"].tolist())) == 1
    assert len(set(usual["pitch"].tolist())) > 3
    assert len(set(cool["duration_ticks"].tolist())) > 3
