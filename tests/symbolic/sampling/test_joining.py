"""Music between two pieces: both are there unchanged, and the second follows where it is likeliest of all places."""

import numpy as np
import pytest
from music import random_performance
from tiny_models import save_tiny, tiny_model

from symbolic import generate as command
from symbolic.notes.cleaning import read_midi
from symbolic.notes.performance import write_midi
from symbolic.sampling import joining
from symbolic.sampling.joining import LONGEST_PAUSE_TICKS, after_pause, draw_between
from symbolic.scoring.likelihood import score
from symbolic.tokens.events import REST, decode, encode

FIRST, SECOND = random_performance(3, 40), random_performance(4, 50)


@pytest.fixture(scope="module")
def model():
    return tiny_model()


def test_both_pieces_are_there_and_files_hold_what_was_drawn(model, tmp_path):
    joined = draw_between(model, FIRST, SECOND, notes=30, seed=1, candidates=range(3))
    notes = joined.performance.notes
    for field in ("onset_ticks", "pitch", "velocity_bin"):
        assert np.array_equal(notes[field][: len(FIRST)], FIRST.notes[field])
    second = joined.performance.excerpt(len(FIRST) + joined.new_notes, len(joined.performance))
    assert np.array_equal(second.notes, SECOND.notes)
    assert 10 <= joined.new_notes <= 50
    write_midi(joined.performance, tmp_path / "new.mid")
    cleaned = read_midi(tmp_path / "new.mid")
    assert np.array_equal(cleaned.performance.notes, notes)
    assert cleaned.repairs == {}


def test_the_second_piece_follows_where_it_is_likeliest(model, monkeypatch):
    ways_of, seen = joining.ways_of, []

    def watched(*args):
        ways = ways_of(*args)
        seen.append(ways)
        return ways

    monkeypatch.setattr(joining, "ways_of", watched)
    joined = draw_between(model, FIRST, SECOND, notes=30, seed=1, candidates=range(3))
    ways, (without,) = seen
    assert len(ways) > 6
    best = min(ways, key=lambda way: way.opening_nats.sum())
    assert joined.seam_nats == best.seam_nats < np.median([way.seam_nats for way in ways])
    assert joined.nats_without == without.seam_nats


def test_what_the_opening_costs_is_what_scoring_says(model):
    before = encode(FIRST, end=False)
    (way,) = joining.ways_of(model, before, encode(SECOND, end=False), [(before[:0], 7)])
    music = np.concatenate([before, after_pause(encode(SECOND, end=False), 7)])[: len(before) + 32]
    is_note = music[:, 0] < REST
    (whole,) = score(model, [decode(music)], excerpt=True)
    opening = is_note[-32:]
    assert whole.note_nats[-int(opening.sum()) :].sum() == pytest.approx(way.opening_nats.sum(), abs=0.5)


@pytest.mark.parametrize(("pause", "expected"), [(0, 1), (20, 20), (9999, LONGEST_PAUSE_TICKS)])
def test_the_second_piece_never_begins_at_once(pause, expected):
    events = encode(SECOND, end=False)
    moved = after_pause(events, pause)
    assert moved[0, 0] == expected
    assert np.array_equal(moved[1:], events[1:])
    assert events[0, 0] == 0


def test_the_command_tells_how_the_second_goes_on(tmp_path, capsys):
    save_tiny(tmp_path, tiny_model())
    paths = [str(tmp_path / name) for name in ("first.mid", "second.mid")]
    for path, music in zip(paths, (FIRST, SECOND), strict=True):
        write_midi(music, path)
    flags = ["--notes", "10", "--candidates", "2", "--out", str(tmp_path / "new.mid"), "--weights", str(tmp_path)]
    assert command.main([*flags, "--between", *paths]) == 0
    told = capsys.readouterr().out
    assert f"{len(FIRST)} notes, " in told
    assert "behind the new ones cost" in told
    assert "best of 2 ways on" in told
