"""How usual a piece is: figures beside held-out ones of its length, ties on the better side."""

from dataclasses import replace

import numpy as np
import pytest
from music import random_performance

from losscal.references import GRID, References
from symbolic import typical as command
from symbolic.data.corpus import Piece, write_corpus
from symbolic.notes.monotony import scales
from symbolic.notes.performance import NOTE_DTYPE, Performance
from symbolic.notes.typicality import (
    FIGURES,
    LENGTHS_SECONDS,
    held_out_figures,
    place_in_middle,
    quantiles_of,
    typicalities,
)


def test_the_middle_is_most_typical_and_equals_count_on_the_better_side():
    rising = np.linspace(0, 1, len(GRID))
    assert place_in_middle(rising, 0.5) == pytest.approx(1.0, abs=0.01)
    assert place_in_middle(rising, 0.1) == pytest.approx(0.2, abs=0.02)
    assert place_in_middle(rising, -0.1) == place_in_middle(rising, 1.1) == 0.0
    often_nothing = np.concatenate([np.zeros(120), np.linspace(0.01, 1, len(GRID) - 120)])
    assert place_in_middle(often_nothing, 0.0) == 1.0
    assert place_in_middle(often_nothing, 0.005) < 1.0


def test_the_shipped_quantiles_hold_every_figure_at_every_length():
    shipped = held_out_figures()
    assert set(shipped) == set(FIGURES)
    for reference in shipped.values():
        assert LENGTHS_SECONDS[1:] == tuple(length for length in reference.quantiles if length > LENGTHS_SECONDS[0])
        assert min(reference.windows.values()) > 200


def test_a_piece_is_placed_among_those_of_its_length():
    music = [random_performance(seed, 90) for seed in range(40)]
    references = quantiles_of({20: music, 200: [random_performance(1, 900)]}, "hash").by_view
    assert set(references) == set(FIGURES)
    rate = references["notes_per_second"]
    assert rate.weights_sha256 == "hash"
    assert rate.quantiles[20][0] == pytest.approx(min(len(piece) / piece.seconds for piece in music))


def test_a_figure_that_a_piece_has_not_is_left_out():
    few = Performance(np.array([(0, 50, 60, 9), (60, 50, 64, 9)], dtype=NOTE_DTYPE))
    assert set(typicalities(few)) == {"notes_per_second", "alike_after_1_s"}


def test_a_scale_up_and_down_is_not_typical():
    played = scales(random_performance(2, 300), np.random.default_rng(1), 1.0)
    assert typicalities(played)["repeated_runs"] < 0.05


def test_the_command_writes_quantiles_of_held_out_windows(tmp_path, monkeypatch, capsys):
    music = [random_performance(seed, 2000) for seed in range(3)]
    pieces = [
        Piece(f"{n:064x}", f"{n}.mid", "", "", f"g{n}", split, 2000 * n, 2000 * n + len(of), of.seconds, (), {})
        for n, (of, split) in enumerate(zip(music, ("test", "test", "train"), strict=True))
    ]
    starts = np.cumsum([0, *(len(of) for of in music)])
    pieces = [
        replace(piece, start=int(a), stop=int(b)) for piece, a, b in zip(pieces, starts, starts[1:], strict=False)
    ]
    write_corpus(tmp_path, pieces, music, [], "tests")
    written = tmp_path / "held_out.json"
    monkeypatch.setattr("symbolic.notes.typicality.HELD_OUT_FILE", written)
    paces = tmp_path / "opening_paces.json"
    monkeypatch.setattr("symbolic.notes.typicality.OPENING_PACES_FILE", paces)
    assert command.main(["--data", str(tmp_path), "--windows", "3"]) == 0
    assert "notes_per_second: median " in capsys.readouterr().out
    references = References.load([written]).by_view
    assert set(references) == set(FIGURES)
    assert references["notes_per_second"].windows == dict.fromkeys(LENGTHS_SECONDS, 3)
    opening = music[2].excerpt(0, int(np.searchsorted(music[2].notes["onset_ticks"], 3000)))
    pace = References.load([paces]).by_view["notes_per_second"]
    assert pace.windows == dict.fromkeys(LENGTHS_SECONDS, 1)
    assert pace.quantiles[30].tolist() == pytest.approx([len(opening) / opening.seconds] * len(GRID), abs=1e-5)
