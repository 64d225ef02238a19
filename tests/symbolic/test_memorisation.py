"""The memorisation check: copied passages are found at their length and place, in any key and at any speed."""

import numpy as np
import pytest

from symbolic.data.corpus import Corpus, Piece, write_corpus
from symbolic.memorisation import TrainingMelodies, held_out_excerpts, main
from symbolic.notes.melodies import Melodies, melody
from symbolic.notes.performance import NOTE_DTYPE, Performance, write_midi

COPIED = slice(60, 83)


def tune(pitches, ticks_between=20):
    """Single notes at an even pace."""
    notes = np.zeros(len(pitches), dtype=NOTE_DTYPE)
    notes["onset_ticks"] = np.arange(len(pitches)) * ticks_between
    notes["duration_ticks"], notes["velocity_bin"], notes["pitch"] = 10, 16, pitches
    return Performance(notes)


def random_pitches(seed, count, low=40, high=90):
    return np.random.default_rng(seed).integers(low, high, count)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Three training pieces, one of validation and one of test."""
    folder = tmp_path_factory.mktemp("corpus")
    music = [tune(random_pitches(seed, 150)) for seed in range(5)]
    splits = ("train", "train", "train", "validation", "test")
    pieces, start = [], 0
    for index, (performance, split) in enumerate(zip(music, splits, strict=True)):
        stop = start + len(performance)
        facts = (f"{index:064x}", f"Bach, Johann, piece {index}.mid", "Bach, Johann", "", f"g{index}", split)
        pieces.append(Piece(*facts, start, stop, performance.seconds, (), {}))
        start = stop
    write_corpus(folder, pieces, music, [], "tests")
    return Corpus.open(folder)


@pytest.fixture(scope="module")
def training(corpus):
    return TrainingMelodies(corpus)


def with_copy(corpus, semitones, ticks_between=20):
    """40 notes of its own, notes 60..82 of the second training piece, and 30 more of its own."""
    copied = corpus.performance(corpus.pieces[1]).notes["pitch"][COPIED].astype(int) + semitones
    # a neighbour that goes on as the source does would lengthen the copy; these leaps stand nowhere in it
    return tune(np.concatenate([random_pitches(9, 39), [108], copied, [21], random_pitches(10, 29)]), ticks_between)


@pytest.mark.parametrize(("semitones", "ticks_between"), [(0, 20), (7, 20), (-5, 33)])
def test_a_copied_passage_is_found_at_its_length_and_place(corpus, training, semitones, ticks_between):
    own = tune(random_pitches(9, 100))
    none, copy = training.longest_copies([own, with_copy(corpus, semitones, ticks_between)])
    assert copy.notes == COPIED.stop - COPIED.start
    assert copy.source == corpus.pieces[1]
    assert copy.semitones == semitones
    assert copy.seconds == pytest.approx(40 * ticks_between / 100)
    assert copy.source_seconds == pytest.approx(60 * 20 / 100)
    assert none.notes < 6
    assert training.longest_runs([own, with_copy(corpus, semitones)]).tolist() == [none.notes, copy.notes]


def test_lengths_are_those_of_a_search_of_every_run(corpus, training):
    pieces = [tune(random_pitches(seed, count, 60, 65)) for seed, count in ((1, 2), (2, 30), (3, 80))]
    known = [np.diff(corpus.performance(piece).notes["pitch"].astype(int)).tolist() for piece in training.pieces]
    expected = []
    for piece in pieces:
        own = np.diff(piece.notes["pitch"].astype(int)).tolist()
        runs = [own[start:stop] for start in range(len(own)) for stop in range(start + 1, len(own) + 1)]
        stands = [run for run in runs if any(run == of[at : at + len(run)] for of in known for at in range(len(of)))]
        expected.append(1 + max(map(len, stands), default=0))
    assert training.longest_runs(pieces).tolist() == expected
    assert expected[2] > 2


def test_a_run_never_crosses_from_one_piece_into_the_next(corpus, training):
    ends = [corpus.performance(piece).notes["pitch"] for piece in training.pieces[:2]]
    across = tune(np.concatenate([ends[0][-10:], ends[1][:12]]))
    assert training.longest_runs([across]).tolist() == [12]


def test_a_single_note_is_no_copy(training):
    assert training.longest_copies([tune([60])]) == [None]


@pytest.mark.parametrize(("ticks_between", "expected"), [(1, [60, 64, 67, 72]), (3, [67, 60, 72, 64])])
def test_which_finger_of_a_chord_comes_first_is_no_matter(ticks_between, expected):
    chord = tune([67, 60, 72, 64], ticks_between)
    assert chord.notes["pitch"][melody(chord)].tolist() == expected


def test_repeats_are_runs_that_came_before_in_the_same_piece():
    theme = [60, 62, 64, 65, 67]
    pieces = [tune([*theme, 50, *(np.array(theme) + 3)]), tune(theme), tune([60, 61])]
    assert Melodies(pieces).repeats(4).tolist() == [[2, 8], [0, 2], [0, 0]]


def test_runs_share_a_hash_only_where_their_intervals_are_equal():
    music = [tune(random_pitches(seed, 200, 60, 64)) for seed in range(3)]
    melodies = Melodies(music)
    starts, hashes = melodies.runs(4)
    pitch = np.concatenate([performance.notes["pitch"] for performance in music]).astype(int)
    runs = [tuple(np.diff(pitch[start : start + 4])) for start in starts.tolist()]
    assert len(runs) == 3 * 197
    assert len(set(zip(runs, hashes.tolist(), strict=True))) == len(set(runs)) == len(set(hashes.tolist())) < len(runs)


def test_held_out_excerpts_are_of_no_training_piece_and_of_the_asked_length(corpus):
    excerpts = held_out_excerpts(corpus, 40)
    held_out = [corpus.performance(piece).notes["pitch"] for piece in corpus.pieces[3:]]
    for excerpt, pitches in zip(excerpts, held_out, strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(pitches, 40)
        assert (windows == excerpt.notes["pitch"]).all(axis=1).any()
    assert [len(excerpt) for excerpt in held_out_excerpts(corpus, 1000)] == [150, 150]


def test_the_command_tells_the_copy_beside_real_music(corpus, tmp_path, capsys):
    write_midi(with_copy(corpus, 2), tmp_path / "copy.mid")
    write_midi(tune(random_pitches(9, 100)), tmp_path / "own.mid")
    assert main([str(tmp_path / "copy.mid"), str(tmp_path / "own.mid"), "--data", str(corpus.folder)]) == 0
    copy, own = capsys.readouterr().out.splitlines()
    assert "23 notes from 8.0 s on stand in Bach, Johann, piece 1.mid from 12.0 s on, +2 semitones" in copy
    assert copy.endswith(": a near-copy")
    assert "of 2 held-out excerpts" in own
    assert own.endswith(": no near-copy")
