"""Pieces in a form: returns are told the codes of their first time, sections meet where phrases do, files hold them."""

import numpy as np
import pytest
import torch
from music import random_performance
from tiny_models import READINGS, TINY, save_tiny, tiny_model

from symbolic import generate as command
from symbolic.models.phrases.codec import NOTHING, TOGETHER_TICKS, middle_ticks
from symbolic.notes.cleaning import read_midi
from symbolic.notes.performance import write_midi
from symbolic.sampling.forms import Section, fitted, parse_form, planned
from symbolic.sampling.pieces import draw_pieces
from symbolic.sampling.stream import EventStream, WantedLength
from symbolic.tokens.events import REST, encode


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture(params=READINGS)
def told(request):
    return READINGS[request.param]


def test_a_form_is_its_letters_and_primes():
    a, b = Section("A"), Section("B")
    assert parse_form("A-B-A") == (a, b, a)
    assert parse_form("A-A'-B-A''") == (a, Section("A", 1), b, Section("A", 2))
    assert parse_form("auto") == "auto"
    assert "-".join(map(str, parse_form("A-A'-B-A"))) == "A-A'-B-A"


@pytest.mark.parametrize("text", ["", "A-", "a-b", "AB", "A-B'", "A'-A", "A-A'''", "-".join("A" * 33), "Auto"])
def test_what_is_no_form_is_refused_with_what_is_allowed(text):
    with pytest.raises(ValueError, match=f"^{text}: .*allowed is"):
        parse_form(text)


def test_longer_pieces_have_more_sections_and_short_ones_are_refused():
    def in_words(form, **length):
        return "-".join(map(str, fitted(form, WantedLength.of(**{"seconds": None, "notes": None} | length))))

    assert in_words("auto", seconds=59) == "A"
    assert in_words("auto", seconds=60) == in_words("auto", notes=480) == in_words("auto", seconds=239) == "A-A'-B-A"
    assert in_words("auto", seconds=300) == "A-B-A'-C-A"
    assert in_words(parse_form("A-B-A"), seconds=12) == "A-B-A"
    with pytest.raises(ValueError, match=r"^A-B-A: 11\.99 seconds .* allowed is from 12 seconds on"):
        in_words(parse_form("A-B-A"), seconds=11.99)
    with pytest.raises(ValueError, match=r"^A-B-A: 95 notes .* allowed is from 96 notes on"):
        in_words(parse_form("A-B-A"), notes=95)


def test_a_second_prime_halves_the_bits_of_a_return():
    bits = [TINY.note_bits_at(Section("A", primes).rate(TINY)) for primes in range(3)]
    assert bits == [TINY.note_bits, TINY.note_bits, TINY.note_bits / 2]


def test_a_return_without_a_prime_is_told_every_note(model):
    events = encode(random_performance(7, 80), end=False)[:40]
    every, usual = (
        [int((phrase.codes.pitch < NOTHING).sum()) for phrase in planned(model, events, TINY.rates, every_note=of)]
        for of in (True, False)
    )
    assert sum(every) >= 0.95 * len(events)
    assert sum(usual) < 0.8 * sum(every)


def test_a_form_of_one_section_is_a_piece_in_one_go(model):
    how = {"notes": 40, "seed": 5, "ending": False}
    (alone,), (usual,) = draw_pieces(model, form=parse_form("A"), **how), draw_pieces(model, **how)
    assert np.array_equal(alone.performance.notes, usual.performance.notes)
    assert alone.sections == ()


@pytest.mark.parametrize("ending", [True, False])
def test_a_piece_in_a_form_is_playable_and_reads_back_unchanged(model, told, ending, tmp_path):
    form = parse_form("A-B-A'-A")
    piece = draw_pieces(model, told=told, notes=128, seed=3, form=form, ending=ending)[0]
    write_midi(piece.performance, tmp_path / "new.mid")
    cleaned = read_midi(tmp_path / "new.mid")
    assert np.array_equal(cleaned.performance.notes, piece.performance.notes)
    assert cleaned.repairs == {}
    assert [played.section for played in piece.sections] == list(form)
    assert piece.sections[0].first_note == 0
    assert piece.sections[-1].stop_note == len(piece.performance)
    for earlier, later in zip(piece.sections, piece.sections[1:], strict=False):
        assert earlier.stop_note == later.first_note < later.stop_note
    assert (piece.end_nats is None) != ending


def test_returns_are_told_the_codes_of_their_first_time_after_a_pause(model, told, monkeypatch):
    plans = []

    class Watched(EventStream):
        def __init__(self, *args, plan, **rest):
            plans.append(plan)
            super().__init__(*args, plan=plan, **rest)

    monkeypatch.setattr("symbolic.sampling.draws.EventStream", Watched)
    piece = draw_pieces(model, told=told, notes=96, seed=3, form=parse_form("A-B-A"))[0]
    first, _, again = piece.sections
    events = encode(piece.performance, end=False)
    notes, size = np.flatnonzero(events[:, 0] < REST), TINY.phrase_events
    stop, begins = (int(notes[of - 1]) + 1 for of in (first.stop_note, again.first_note))
    assert stop % size == begins % size == 0
    plan = plans[-1]
    assert list(plan) == [begins // size + number for number in range(stop // size)]
    expected = planned(model, events[:stop], TINY.rates, every_note=True)
    for number, (phrase, other) in enumerate(zip(plan.values(), expected, strict=True)):
        assert phrase.rate == TINY.rates
        assert torch.equal(phrase.codes.numbers, other.codes.numbers) == (number > 0)  # the first begins with the pause
    lengths = [int(middle_ticks(of.codes.length)) for of in (plan[begins // size], expected[0])]
    steps = events[1:stop, 0]
    assert lengths[0] - lengths[1] >= 0.9 * np.median(steps[(steps > TOGETHER_TICKS) & (steps < REST)])


def test_the_seed_and_the_candidate_decide_a_form(model):
    form = parse_form("A-A'")
    first, other = draw_pieces(model, notes=64, seed=5, form=form, candidates=range(2))
    alone = draw_pieces(model, notes=64, seed=5, form=form, candidates=[1])[0]
    assert np.array_equal(alone.performance.notes, other.performance.notes)
    assert not np.array_equal(alone.performance.notes, first.performance.notes)


def test_a_prompt_opens_the_first_section_and_returns_with_it(model):
    prompt = random_performance(3, 30)
    piece = draw_pieces(model, notes=64, seed=5, form=parse_form("A-A"), prompt=prompt, ending=False)[0]
    assert np.array_equal(piece.performance.notes[: len(prompt)], prompt.notes)
    first, again = piece.sections
    assert first.first_note == 0
    assert first.stop_note > len(prompt)
    assert again.stop_note > again.first_note


def test_the_command_tells_the_sections(tmp_path, capsys):
    save_tiny(tmp_path, tiny_model())
    flags = ["--notes", "64", "--open-end", "--out", str(tmp_path / "new.mid"), "--weights", str(tmp_path)]
    assert command.main([*flags, "--form", "A-A'"]) == 0
    assert "; A from 0.0 s, A' from " in capsys.readouterr().out
