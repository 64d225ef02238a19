"""Polishing: what is doubtful is drawn anew from the model's distribution, and everything else stays."""

import numpy as np
import pytest
import torch
from music import random_performance
from tiny_models import READINGS, TINY, tiny_model

from symbolic import polish as command
from symbolic.models.configs import PolishConfig
from symbolic.models.phrases.model import PhraseGPT
from symbolic.notes.cleaning import read_midi
from symbolic.notes.performance import NOTE_DTYPE, Performance, write_midi
from symbolic.sampling import resampling as polishing
from symbolic.sampling.resampling import FIELDS, Polisher, Value
from symbolic.scoring.likelihood import score

NEVER_TYPICAL = {"is_typical": lambda nats_per_note: False}
EAGER = {"visit_share": 1.0, "doubt_nats": 0.0, "keep_share": 0.0}


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture(params=READINGS)
def told(request):
    return READINGS[request.param]


def line(pitches, shift_ticks=20) -> Performance:
    """One note after the other, never two at once."""
    notes = np.zeros(len(pitches), dtype=NOTE_DTYPE)
    notes["onset_ticks"] = np.arange(len(pitches)) * shift_ticks
    notes["pitch"] = pitches
    notes["duration_ticks"] = shift_ticks // 2
    notes["velocity_bin"] = 15
    return Performance(notes)


def model_that_wants(pitch: int) -> PhraseGPT:
    """Every pitch is equally unlikely but one."""
    model = PhraseGPT(TINY).eval()
    with torch.no_grad():
        model.chain.output["pitch"].bias[pitch - 21] = 8.0
    return model


@pytest.mark.parametrize("attributes", [("pitch",), ("velocity", "duration")])
def test_only_what_was_asked_for_changes_and_the_piece_can_be_played(model, told, attributes, tmp_path):
    given = random_performance(2, 14)
    polished = Polisher(model, given, PolishConfig(attributes, sweeps=1, **EAGER), told=told).run(**NEVER_TYPICAL)
    changed = {field for field in NOTE_DTYPE.names if (polished.notes[field] != given.notes[field]).any()}
    assert changed == {FIELDS[name] for name in attributes}
    assert polished.accepted <= polished.drawn
    write_midi(polished.performance, tmp_path / "polished.mid")
    read = read_midi(tmp_path / "polished.mid")
    assert np.array_equal(read.performance.notes, polished.performance.notes)
    assert not any(read.repairs.values())


def test_the_wrong_notes_are_found_and_restored():
    original = line([60] * 30)
    pitches = np.full(30, 60)
    pitches[[4, 11, 25]] = 63, 54, 61
    polished = Polisher(model_that_wants(60), line(pitches), PolishConfig(keep_share=0.9)).run(**NEVER_TYPICAL)
    assert np.array_equal(polished.notes, original.notes)
    assert polished.accepted == 3


def test_the_stated_share_is_kept():
    pitches = np.full(30, 60)
    pitches[::3] = 63
    polished = Polisher(model_that_wants(60), line(pitches), PolishConfig(keep_share=0.9)).run(**NEVER_TYPICAL)
    assert (polished.notes["pitch"] != pitches).sum() == 3


def test_nothing_is_touched_that_is_typical_already_or_not_doubtful(model, told):
    given = random_performance(2, 20)
    asked = []

    def is_typical(nats_per_note):
        asked.append(nats_per_note)
        return True

    polished = Polisher(model, given, PolishConfig(**EAGER), told=told).run(is_typical)
    assert np.array_equal(polished.notes, given.notes) and polished.drawn == 0
    assert polished.is_typical and polished.doubtful > 0
    assert asked[0] == pytest.approx(score(model, [given], told=told)[0].nll_nats_per_note)
    calm = Polisher(model, given, PolishConfig(visit_share=1.0, doubt_nats=100.0), told=told).run(**NEVER_TYPICAL)
    assert np.array_equal(calm.notes, given.notes) and calm.drawn == calm.doubtful == 0 and not calm.is_typical


@pytest.mark.parametrize("excerpt", [True, False])
def test_the_likelihood_kept_up_to_date_is_that_of_the_result(model, told, excerpt):
    given = random_performance(4, 12)  # within one window of 16 events
    polisher = Polisher(model, given, PolishConfig(**EAGER), told=told, excerpt=excerpt)
    polished = polisher.run(**NEVER_TYPICAL)
    assert polished.accepted > 0
    expected = score(model, [polished.performance], told=told, excerpt=excerpt)[0].nll_nats
    assert polished.nll_nats == pytest.approx(expected)
    assert polisher.nll_nats == pytest.approx(polished.nll_nats, abs=1e-3)


def test_the_seed_alone_decides(model, told):
    given = random_performance(3, 8)
    first, again, other = (
        Polisher(model, given, PolishConfig(seed=seed, sweeps=1, **EAGER), told=told).run(**NEVER_TYPICAL).notes
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_values_are_visited_as_often_as_they_are_likely(monkeypatch):
    """The first stage sees the note alone here; the second must make up for the notes that follow."""
    monkeypatch.setattr(polishing, "NEAR_AFTER", 0)
    model = tiny_model()
    given = random_performance(6, 6)
    polisher = Polisher(model, given, PolishConfig(("velocity",), keep_share=0.0), excerpt=True)
    values = np.arange(0, 32, 4)
    value = Value(0, "velocity", values)
    polisher.notes["velocity_bin"][0] = values[0]
    nats, near_nats = (polisher._nats_of(value, values, 0, after) for after in (99, 0))
    probability, near_probability = (np.exp(-n) / np.exp(-n).sum() for n in (nats, near_nats))
    counts = dict.fromkeys(values.tolist(), 0)
    steps = 500
    for _ in range(steps):
        polisher._resample(value)
        counts[int(polisher.notes["velocity_bin"][0])] += 1

    def distance_to(expected):
        return np.abs(np.array(list(counts.values())) / steps - expected).sum() / 2

    assert distance_to(probability) < 0.15
    assert distance_to(near_probability) > 0.25  # so the test can tell the two apart


def test_the_command_writes_the_piece_and_tells_every_change(tmp_path, capsys):
    given = random_performance(2, 40)
    write_midi(given, tmp_path / "in.mid")
    arguments = [str(tmp_path / "in.mid"), str(tmp_path / "out.mid"), "--visit-share", "0.2", "--doubt-nats", "1"]
    assert command.main([*arguments, "--sweeps", "1", "--until-percentile", "100"]) == 0
    told = capsys.readouterr().out
    now = read_midi(tmp_path / "out.mid").performance
    n_changed = told.count(" -> ")
    given_places, now_places = (set(zip(p.notes["onset_ticks"], p.notes["pitch"], strict=True)) for p in (given, now))
    assert len(now_places - given_places) == n_changed > 0
    assert f"{len(given) - n_changed} of {len(given)} notes are as they were" in told
    assert "before" in told and "less likely than all real music" in told


@pytest.mark.parametrize(
    ("counts", "is_typical", "why"),
    [
        ((0, 0, 0), False, "nothing to do, no value has an alternative that is likelier by 4 nats (--doubt-nats)"),
        (
            (3, 0, 0),
            True,
            "3 doubtful values, 0 others drawn, 0 taken; likelier than 100 % of real music, so it is left",
        ),
        (
            (3, 2, 0),
            False,
            "2 others drawn, 0 taken; their own values were drawn again, or --keep-share leaves no more",
        ),
    ],
)
def test_where_nothing_is_changed_it_is_said_why(counts, is_typical, why):
    notes = random_performance(2, 4).notes
    assert why in command.outcome(polishing.Polished(notes, 1.0, *counts, is_typical), PolishConfig())
    assert command.outcome(polishing.Polished(notes, 1.0, 3, 2, 1, False), PolishConfig()).endswith("1 taken")


def test_what_is_looked_at_and_drawn_can_be_watched(model):
    watched = []

    def progress(values, desc):
        watched.append((desc, len(values)))
        return values

    polished = Polisher(model, random_performance(2, 20), PolishConfig(**EAGER)).run(**NEVER_TYPICAL, progress=progress)
    assert [desc for desc, _ in watched[:2]] == ["looking", "drawing"] and watched[0][1] >= watched[1][1] > 0
    assert polished.doubtful == sum(count for desc, count in watched if desc == "drawing")


@pytest.mark.parametrize(
    ("flag", "value", "allowed"),
    [
        ("--keep-share", "1.5", "from 0 up to 1"),
        ("--visit-share", "0", "above 0 up to 1"),
        ("--attributes", "onset", "pitch, velocity, duration"),
        ("--sweeps", "0", "from 1 up to 100"),
        ("--until-percentile", "101", "from 0 up to 100"),
    ],
)
def test_a_wrong_value_is_refused_by_its_flag_and_range(flag, value, allowed, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        command.main([str(tmp_path / "in.mid"), str(tmp_path / "out.mid"), flag, value])
    told = capsys.readouterr().err
    assert stopped.value.code == 2
    assert flag in told and allowed in told
