"""Excerpts come from where they are said to come from, seeded, and what cannot be read is told."""

import numpy as np
import pytest
from music import random_performance

from bridge.calibration.excerpts import Length, draw_excerpts, pieces_of
from losscal.errors import InputError
from losscal.files import sha256_of
from symbolic.data.corpus import Piece, write_corpus
from symbolic.notes.performance import write_midi


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Two long test pieces and a short one, one long one of training."""
    folder = tmp_path_factory.mktemp("corpus")
    pieces, music, start = [], [], 0
    for index, (notes, split) in enumerate([(60, "test"), (2, "test"), (80, "test"), (70, "train")]):
        music.append(random_performance(index, notes))
        stop = start + len(music[-1])
        seconds = music[-1].seconds if notes > 2 else 1.0
        pieces.append(Piece(f"{index}", f"{index}.mid", "", "", f"{index}", split, start, stop, seconds, (), {}))
        start = stop
    write_corpus(folder, pieces, music, [], "made in a test")
    return folder


@pytest.mark.parametrize("length", [Length(20, "notes"), Length(2.0, "seconds")])
def test_excerpts_stand_piece_by_piece(corpus, length):
    pieces = pieces_of([corpus])
    assert [piece.sha256 for piece in pieces] == ["0", "1", "2"]
    excerpts = draw_excerpts(pieces, length, count=60, per_piece=3, seed=1)
    assert [excerpt.piece.sha256 for excerpt in excerpts] == 3 * ["0"] + 3 * ["2"]
    for excerpt in excerpts:
        whole = excerpt.piece.load()
        cut = whole.excerpt(excerpt.first_note, excerpt.first_note + len(excerpt.performance))
        assert np.array_equal(cut.notes, excerpt.performance.notes)
    assert len({excerpt.first_note for excerpt in excerpts}) > 1
    again = draw_excerpts(pieces, length, count=60, per_piece=3, seed=1)
    assert [excerpt.first_note for excerpt in again] == [excerpt.first_note for excerpt in excerpts]
    assert len(draw_excerpts(pieces, length, count=1, per_piece=2, seed=1)) == 2


def test_an_excerpt_is_as_long_as_asked(corpus):
    pieces = pieces_of([corpus])
    (by_notes,) = draw_excerpts(pieces, Length(20, "notes"), count=1, per_piece=1, seed=1)
    assert len(by_notes.performance) == 20 and by_notes.seconds == by_notes.performance.seconds
    (by_time,) = draw_excerpts(pieces, Length(2.0, "seconds"), count=1, per_piece=1, seed=1)
    assert by_time.seconds == 2.0 and by_time.performance.notes["onset_ticks"].max() < 200
    following = by_time.first_note + len(by_time.performance)
    onsets = by_time.piece.load().notes["onset_ticks"]
    assert following == len(onsets) or onsets[following] - onsets[by_time.first_note] >= 200


def test_files_are_pieces_by_their_content_and_the_rest_is_told(tmp_path, capsys):
    write_midi(random_performance(1, 30), tmp_path / "a.mid")
    write_midi(random_performance(2, 30), tmp_path / "b.mid")
    (tmp_path / "copy.mid").write_bytes((tmp_path / "a.mid").read_bytes())
    (tmp_path / "broken.mid").write_bytes(b"no MIDI")
    pieces = pieces_of([tmp_path])
    assert [piece.sha256 for piece in pieces] == [sha256_of(tmp_path / name) for name in ("a.mid", "b.mid")]
    assert [len(piece.load()) == piece.n_notes for piece in pieces] == [True, True]
    assert np.array_equal(pieces[0].load().notes["pitch"], random_performance(1, 30).notes["pitch"])
    assert "broken.mid" in capsys.readouterr().err


def test_nothing_to_draw_from_is_said(tmp_path):
    with pytest.raises(InputError, match="holds no MIDI file that can be read"):
        pieces_of([tmp_path])
    write_midi(random_performance(1, 30), tmp_path / "a.mid")
    with pytest.raises(InputError, match="none of the 1 pieces is 1000 notes long"):
        draw_excerpts(pieces_of([tmp_path]), Length(1000, "notes"), count=1, per_piece=1, seed=1)


@pytest.mark.parametrize("unit", ["notes", "seconds"])
def test_too_short_a_length_is_refused(unit):
    for amount in (0, float("nan")):
        with pytest.raises(ValueError, match=f"{amount}: allowed is"):
            Length(amount, unit)
