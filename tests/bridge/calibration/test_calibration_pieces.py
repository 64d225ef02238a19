"""Pieces to calibrate on are each content once, and what cannot be read is told."""

import numpy as np
import pytest
from music import random_performance

from bridge.calibration.pieces import pieces_of
from losscal.errors import InputError
from losscal.files import sha256_of
from symbolic.data.corpus import Piece, write_corpus
from symbolic.notes.performance import write_midi


def test_a_corpus_gives_its_test_split(tmp_path):
    music = [random_performance(index, 20) for index in range(3)]
    pieces, start = [], 0
    for index, (performance, split) in enumerate(zip(music, ("test", "train", "test"), strict=True)):
        stop = start + len(performance)
        pieces.append(Piece(f"{index}", f"{index}.mid", "", "", "", split, start, stop, performance.seconds, (), {}))
        start = stop
    write_corpus(tmp_path, pieces, music, [], "made in a test")
    found = pieces_of([tmp_path])
    assert [piece.sha256 for piece in found] == ["0", "2"]
    assert np.array_equal(found[1].load().notes, music[2].notes)


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
