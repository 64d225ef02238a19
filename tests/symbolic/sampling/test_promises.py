"""Variations and planned phrases: what is promised is there, the rest is new, and files hold what was drawn."""

from functools import partial

import numpy as np
import pytest
import torch
from music import random_performance
from tiny_models import TINY, save_tiny, tiny_model

from symbolic import vary as command
from symbolic.models.phrases.codec import NEAR_TICKS, NOTHING, notes_of
from symbolic.notes.cleaning import read_midi
from symbolic.notes.performance import NOTE_DTYPE, Performance, places, write_midi
from symbolic.sampling.constraints import Constraints
from symbolic.sampling.forms import planned
from symbolic.sampling.promises import FixedNotes, Harmony, keep
from symbolic.sampling.stream import EventStream
from symbolic.sampling.variation import top_line, vary
from symbolic.scoring.phrase_codes import pitch_class_f1
from symbolic.tokens.events import encode

MUSIC = random_performance(4, 90)
MODES = ("codes", "harmony", "melody")


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0])
def test_a_variation_reads_back_unchanged_and_keeps_what_it_does_not_draw(model, mode, strength, tmp_path):
    varied = vary(model, MUSIC, mode, strength, seed=1)
    write_midi(varied.performance, tmp_path / "new.mid")
    cleaned = read_midi(tmp_path / "new.mid")
    assert np.array_equal(cleaned.performance.notes, varied.performance.notes)
    assert cleaned.repairs == {}
    assert varied.phrases_anew == pytest.approx(strength * varied.phrases, abs=1)
    if strength == 0:
        assert np.array_equal(varied.performance.notes, MUSIC.notes)
        assert (varied.kept, varied.notes_new) == (1.0, 0.0)
    elif strength == 1:
        assert varied.notes_new > 0.2


@pytest.mark.parametrize(
    ("mode", "promise", "kept"), [("codes", "Sketches", 0.9), ("melody", None, 1.0), ("harmony", "Harmony", 0.9)]
)
def test_what_is_promised_is_kept_and_not_without_a_promise(model, mode, promise, kept, monkeypatch):
    promised = vary(model, MUSIC, mode, 1.0, seed=2).kept
    assert promised >= kept
    if promise is not None:
        monkeypatch.setattr(f"symbolic.sampling.promises.{promise}.narrow", lambda *_: None)
        assert vary(model, MUSIC, mode, 1.0, seed=2).kept < 0.6 * promised


def test_harmony_strikes_the_classes_of_each_second_with_no_more_notes(model):
    varied = vary(model, MUSIC, "harmony", 1.0, seed=2).performance
    given, new = (music.notes["onset_ticks"] // 100 * 12 + music.notes["pitch"] % 12 for music in (MUSIC, varied))
    assert np.isin(new, given).all()
    assert np.isin(given, new).mean() > 0.9
    assert (np.bincount(new // 12, minlength=20) <= np.bincount(given // 12, minlength=20)).all()
    assert pitch_class_f1(MUSIC.notes, MUSIC.notes) == 1.0


def test_the_classes_of_a_second_come_no_later_than_they_did(model):
    notes = np.zeros(6, dtype=NOTE_DTYPE)
    notes["onset_ticks"], notes["pitch"], notes["duration_ticks"] = np.arange(6) * 15, np.arange(60, 66), 10
    harmony, state = Harmony(notes, np.zeros(6, dtype=bool)), Constraints(np.empty((1, 0, 4), dtype=np.int64))
    for pitch, last_tick in ((60, 20), (60, 35), (62, 35), (61, 50), (64, 65), (63, 80)):
        logits = torch.zeros(1, 402)
        harmony.narrow("time", logits, None, state)
        assert int(torch.isfinite(logits[0]).nonzero().max()) == last_tick
        harmony.advance(np.array([[0, pitch - 21, 0, 0]]))


def test_the_top_line_is_what_nothing_higher_hides():
    rows = [(0, 50, 60), (0, 500, 72), (50, 20, 64), (90, 20, 65), (150, 20, 67), (152, 20, 76), (400, 10, 40)]
    notes = np.array([(onset, duration, pitch, 9) for onset, duration, pitch in rows], dtype=NOTE_DTYPE)
    # hidden: struck together with a higher one, under one that is held, just before a higher one
    assert top_line(Performance(notes)).tolist() == [False, True, False, False, False, True, True]


def test_the_melody_stays_on_top(model):
    varied = vary(model, MUSIC, "melody", 1.0, seed=3).performance
    line = places(MUSIC.notes)[top_line(MUSIC)]
    assert np.isin(line, places(varied.notes)[top_line(varied)]).all()
    assert varied.seconds == pytest.approx(MUSIC.seconds, abs=6.1)


def test_a_seed_decides_a_variation(model):
    first, again, other = (vary(model, MUSIC, "codes", 0.5, seed=seed).performance for seed in (1, 1, 2))
    assert np.array_equal(first.notes, again.notes)
    assert not np.array_equal(first.notes, other.notes)


def test_planned_phrases_hold_their_sketch_and_their_length_in_every_row(model):
    events = encode(random_performance(7, 80), end=False)[:40]
    plan = dict(enumerate(planned(model, events, TINY.rates)))
    generator = torch.Generator().manual_seed(1)

    def draw(logits, counts):
        return torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]

    stream = EventStream(model, draw, events[:0], batch=3, plan=plan)
    for _ in events:
        stream.next_events()
    told = found = 0
    for number, (codes, *_) in plan.items():
        phrase = stream.events[:, number * 4 : (number + 1) * 4]
        notes = notes_of(phrase, torch.ones(phrase.shape[:2], dtype=torch.bool))
        given = notes_of(
            torch.from_numpy(events[None, number * 4 : (number + 1) * 4]), torch.ones((1, 4), dtype=torch.bool)
        )
        length, given_length = notes.onset_ticks.amax(-1), int(given.onset_ticks.max())
        assert (length - given_length).abs().max() <= 0.02 * given_length + 1
        is_told = codes.pitch[0, 0] < NOTHING
        is_there = (notes.pitch == codes.pitch[0, 0]) & (
            (notes.onset_ticks - codes.onset_ticks[0, 0]).abs() <= NEAR_TICKS
        )
        told, found = told + 3 * int(is_told.sum()), found + int((is_there & is_told).sum())
    assert told >= 15
    assert found >= 0.9 * told


def test_what_lies_above_the_melody_is_refused_and_what_comes_later_is_drawn():
    fixed = FixedNotes(MUSIC.notes[:2], is_open=np.array([False, True]), below=np.array([60, 60]))
    state = Constraints(np.empty((1, 0, 4), dtype=np.int64))
    logits = torch.zeros(1, 402)
    fixed.narrow("time", logits, None, state)
    assert torch.isfinite(logits[0]).nonzero().flatten().tolist() == [0]  # the first note begins the piece
    fixed.narrow("pitch", torch.zeros(1, 88), torch.tensor([0]), state)
    first = np.array([[0, MUSIC.notes["pitch"][0] - 21, 0, 0]])
    assert fixed.accepts(first, state)
    for rule in (state, fixed):
        rule.advance(first)
    assert not fixed.accepts(np.array([[5, 60 - 21, 0, 0]]), state)
    logits = torch.zeros(1, 402)
    fixed.narrow("time", logits, None, state)
    due = int(MUSIC.notes["onset_ticks"][1])
    assert torch.isfinite(logits[0]).nonzero().flatten().tolist() == list(range(6, due + 1))
    assert logits[0, due] == pytest.approx(np.log(402 - due))
    assert fixed.accepts(np.array([[6, 59 - 21, 0, 0]]), state)


def test_a_promise_gives_way_where_it_leaves_nothing():
    logits = torch.tensor([0.0, -torch.inf, 1.0])
    keep(logits, np.array([False, True, False]))
    assert logits.tolist() == [0.0, -torch.inf, 1.0]
    keep(logits, np.array([False, True, True]))
    assert logits.tolist() == [-torch.inf, -torch.inf, 1.0]


@pytest.mark.parametrize("mode", MODES)
def test_the_command_tells_what_is_kept_and_what_is_new(mode, tmp_path, capsys):
    save_tiny(tmp_path, tiny_model())
    write_midi(MUSIC, tmp_path / "given.mid")
    run = partial(command.main, [*map(str, (tmp_path / "given.mid", tmp_path / "new.mid")), "--keep", mode])
    assert run.func([*run.args[0], "--weights", str(tmp_path), "--strength", "0.5"]) == 0
    told = capsys.readouterr().out
    assert "phrases drawn anew; kept: " in told
    assert command.WHAT_IS_KEPT[mode] in told
