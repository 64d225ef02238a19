"""Excerpts come from where they are said to come from, are as long as asked, and are the same for the same seed."""

import numpy as np
import pytest
from music import random_performance

from benchmarks.excerpts import excerpts_of_test_pieces
from benchmarks.generation.sources import Wanted, openings
from benchmarks.versions import passages_of
from losscal.errors import InputError
from symbolic.data.corpus import Corpus, Piece, write_corpus
from symbolic.data.excerpts import Length, draw_in_turn, draw_of_each, pieces_of_corpus
from symbolic.memorisation import held_out_excerpts
from symbolic.tokens.events import END, decode
from train.configs import CropConfig
from train.frames.excerpts import ExcerptConfig, excerpts_of
from train.symbolic.crops import Crops

PIECES = (
    *((500, "test"), (700, "test"), (20, "test"), (900, "test")),
    *((600, "train"), (800, "train"), (400, "validation"), (300, "validation")),
)
GOLDEN = {
    "of each, notes": [(0, 16, 30), (0, 67, 30), (0, 387, 30), (1, 635, 30), (1, 166, 30), (1, 208, 30)],
    "of each, seconds": [(0, 52, 31), (0, 142, 11), (1, 277, 39), (1, 546, 3), (3, 394, 45), (3, 80, 6)],
    "in turn, notes": [(1, 37, 64), (3, 535, 64), (0, 157, 64), (1, 441, 64), (3, 279, 64), (0, 319, 64), (1, 284, 64)],
    "in turn, seconds": [(1, 378, 46), (0, 342, 16), (3, 307, 17), (1, 223, 78), (0, 347, 14), (3, 594, 89)],
    "benchmarks": [(0, 8, 256), (0, 35, 256), (1, 365, 256), (1, 421, 256), (3, 160, 256), (3, 200, 256)],
    "openings": [(0, 0, 19), (1, 0, 36)],
    "passages": [(3, 43, 52), (1, 94, 39), (0, 33, 57)],
    "held out": [(6, 165, 50), (7, 126, 50), (0, 340, 50), (1, 617, 50), (2, 0, 20), (3, 29, 50)],
    "rendered, train": [(4, 255, 38), (5, 565, 31), (4, 558, 21), (5, 35, 24)],
    "rendered, validation": [(6, 243, 46), (7, 178, 80), (6, 385, 9)],
    "training crops": [(5, 27, 34), (5, 601, 40), (4, 134, 37), (4, 293, 37), (4, 423, 37), (4, 449, 40)],
}
"""(piece, first note, notes) of what figures in docs/ were measured on, or models trained on."""


@pytest.fixture(scope="module")
def music():
    return [random_performance(index, notes) for index, (notes, _) in enumerate(PIECES)]


@pytest.fixture(scope="module")
def corpus(music, tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    pieces, start = [], 0
    for index, (performance, (_, split)) in enumerate(zip(music, PIECES, strict=True)):
        stop = start + len(performance)
        pieces.append(Piece(f"{index}", f"{index}.mid", "", "", "", split, start, stop, performance.seconds, (), {}))
        start = stop
    write_corpus(folder, pieces, music, [], "made in a test")
    return Corpus.open(folder)


def located(excerpt, music):
    """(piece, first note, notes) of an excerpt."""
    for index, piece in enumerate(music):
        for start in range(len(piece) - len(excerpt) + 1):
            if np.array_equal(piece.notes["pitch"][start : start + len(excerpt)], excerpt.notes["pitch"]):
                assert np.array_equal(piece.excerpt(start, start + len(excerpt)).notes, excerpt.notes)
                return index, start, len(excerpt)
    raise AssertionError("is of no piece")


def performances(excerpts):
    return [excerpt.performance for excerpt in excerpts]


def crops(corpus):
    config = CropConfig(crop_events=40, transpose_down=0, transpose_up=0, tempo_share=0.0, velocity_bins=0)
    rows = [Crops(corpus, config, styles=())[index].events for index in range(6)]
    return [decode(row[row[:, 0] != END]) for row in rows]


RENDERED = ExcerptConfig(train_hours=0.02, excerpt_seconds=20.0, validation_excerpts=3)
SAMPLERS = {
    "of each, notes": lambda corpus, pieces: performances(
        draw_of_each(pieces, Length(30, "notes"), count=2, per_piece=3, seed=1)
    ),
    "of each, seconds": lambda corpus, pieces: performances(
        draw_of_each(pieces, Length(10.0, "seconds"), count=60, per_piece=2, seed=2)
    ),
    "in turn, notes": lambda corpus, pieces: draw_in_turn(
        pieces, Length(64, "notes"), 7, np.random.default_rng((0, 64))
    ),
    "in turn, seconds": lambda corpus, pieces: draw_in_turn(
        pieces, Length(30, "seconds"), 6, np.random.default_rng((0, 30))
    ),
    "benchmarks": lambda corpus, pieces: excerpts_of_test_pieces(corpus, pieces=60, per_piece=2),
    "openings": lambda corpus, pieces: openings(corpus, "test", Wanted(2, 8.0, 1)),
    "passages": lambda corpus, pieces: passages_of(corpus, 3, np.random.default_rng(3)).values(),
    "held out": lambda corpus, pieces: held_out_excerpts(corpus, 50),
    "rendered, train": lambda corpus, pieces: performances(excerpts_of(corpus, "train", RENDERED)),
    "rendered, validation": lambda corpus, pieces: performances(excerpts_of(corpus, "validation_varied", RENDERED)),
    "training crops": lambda corpus, pieces: crops(corpus),
}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_seed_gives_the_excerpts_that_it_gave(sampler, corpus, music):
    drawn = SAMPLERS[sampler](corpus, pieces_of_corpus(corpus))
    assert [located(excerpt, music) for excerpt in drawn] == GOLDEN[sampler]


def test_an_excerpt_is_as_long_as_asked(corpus):
    pieces = pieces_of_corpus(corpus)
    (by_notes,) = draw_of_each(pieces, Length(20, "notes"), count=1, per_piece=1, seed=1)
    assert len(by_notes.performance) == 20 and by_notes.seconds == by_notes.performance.seconds
    (by_time,) = draw_of_each(pieces, Length(2.0, "seconds"), count=1, per_piece=1, seed=1)
    assert by_time.seconds == 2.0 and by_time.performance.notes["onset_ticks"].max() < 200
    following = by_time.first_note + len(by_time.performance)
    onsets = by_time.piece.load().notes["onset_ticks"]
    assert following == len(onsets) or onsets[following] - onsets[by_time.first_note] >= 200


def test_all_pieces_that_are_long_enough_are_drawn_from_in_turn(corpus, music):
    drawn = draw_in_turn(pieces_of_corpus(corpus), Length(64, "notes"), 9, np.random.default_rng(0))
    assert sorted(located(excerpt, music)[0] for excerpt in drawn) == [0, 0, 0, 1, 1, 1, 3, 3, 3]


def test_the_last_place_can_be_drawn(corpus):
    length = Length(20, "notes")
    (piece,) = [piece for piece in pieces_of_corpus(corpus) if piece.n_notes < 30]
    assert length.starts(piece.load()) == piece.n_notes - 19
    assert len(length.cut(piece.load(), piece.n_notes - 20)) == 20


@pytest.mark.parametrize("draw", [draw_in_turn, draw_of_each])
def test_no_piece_long_enough_is_said(draw, corpus):
    options = {"count": 1, "rng": np.random.default_rng(1)} if draw is draw_in_turn else {}
    options |= {"count": 1, "per_piece": 1, "seed": 1} if draw is draw_of_each else {}
    with pytest.raises(InputError, match="none of the 4 pieces is 4000 notes long"):
        draw(pieces_of_corpus(corpus), Length(4000, "notes"), **options)


@pytest.mark.parametrize("unit", ["notes", "seconds"])
def test_too_short_a_length_is_refused(unit):
    for amount in (0, float("nan")):
        with pytest.raises(ValueError, match=f"{amount}: allowed is"):
            Length(amount, unit)
