"""Music between two pieces: both are there unchanged, and the second follows where it is likeliest of all places."""

import numpy as np
import pytest
from music import random_performance
from tiny_models import save_tiny, tiny_model

from losscal.errors import InputError
from symbolic import generate as command
from symbolic.models.configs import SamplingConfig
from symbolic.notes.cleaning import read_midi
from symbolic.notes.performance import write_midi
from symbolic.sampling import joining
from symbolic.sampling.joining import after_pause, draw_between, redraw
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
    assert joined.seam_nats == best.seam_nats
    assert len({way.seam_nats for way in ways}) == len(ways)
    assert joined.nats_without == without.seam_nats


def test_what_the_opening_costs_is_what_scoring_says(model):
    before = encode(FIRST, end=False)
    (way,) = joining.ways_of(model, before, encode(SECOND, end=False), [(before[:0], 7)])
    music = np.concatenate([before, after_pause(encode(SECOND, end=False), 7)])[: len(before) + 32]
    is_note = music[:, 0] < REST
    (whole,) = score(model, [decode(music)], excerpt=True)
    opening = is_note[-32:]
    assert whole.note_nats[-int(opening.sum()) :].sum() == pytest.approx(way.opening_nats.sum(), abs=0.5)


@pytest.mark.parametrize(("pause", "times"), [(0, [1]), (20, [20]), (400, [REST, 0]), (999, [REST, REST, 199])])
def test_the_second_piece_never_begins_at_once(pause, times):
    events = encode(SECOND, end=False)
    moved = after_pause(events, pause)
    assert moved[: len(times), 0].tolist() == times
    assert np.array_equal(moved[len(times) :], events[1:])
    assert events[0, 0] == 0


@pytest.mark.parametrize("pace_hold", [0.0, 2.0])
def test_a_span_is_drawn_anew_and_what_is_around_it_stays(model, pace_hold, tmp_path):
    onset = SECOND.notes["onset_ticks"]
    start, stop = onset[20] / 100, onset[30] / 100
    sampling = SamplingConfig(pace_hold=pace_hold)
    joined = redraw(model, SECOND, start, stop, seed=1, candidates=range(3), sampling=sampling)
    notes = joined.performance.notes
    for field in ("onset_ticks", "pitch", "velocity_bin"):
        assert np.array_equal(notes[field][:20], SECOND.notes[field][:20])
        assert np.array_equal(notes[field][20 + joined.new_notes :], SECOND.notes[field][30:])
    assert not np.isin(notes[20 : 20 + joined.new_notes], SECOND.notes).all()
    write_midi(joined.performance, tmp_path / "new.mid")
    assert np.array_equal(read_midi(tmp_path / "new.mid").performance.notes, notes)
    events = encode(SECOND, end=False)
    is_note = np.flatnonzero(events[:, 0] < REST)
    (was,) = score(model, [SECOND.excerpt(0, 38)], excerpt=True)
    assert is_note[37] == 37
    assert joined.nats_without == pytest.approx(was.note_nats[30:38].mean(), abs=0.5)


@pytest.mark.parametrize("span", [(0.0, 1.0), (1.0, 3600.0)])
def test_a_span_without_both_sides_is_refused(model, span):
    with pytest.raises(ValueError, match=rf"^{span[0]:g}-{span[1]:g}: allowed is a span .* up to "):
        redraw(model, SECOND, *span, seed=1)


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


def test_the_command_draws_a_span_anew(tmp_path, capsys):
    save_tiny(tmp_path, tiny_model())
    given, new = (str(tmp_path / name) for name in ("given.mid", "new.mid"))
    write_midi(SECOND, given)
    flags = ["--prompt", given, "--out", new, "--weights", str(tmp_path), "--candidates", "2"]
    assert command.main([*flags, "--redraw", "1-1.5"]) == 0
    told = capsys.readouterr().out
    assert "new ones, " in told
    assert " as they were; best of 2 ways on" in told
    with pytest.raises(InputError, match=r"--redraw 1-999: allowed is a span with a note before it and one behind it"):
        command.main([*flags, "--overwrite", "--redraw", "1-999"])
