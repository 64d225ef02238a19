"""The ranking, surprisal and recall benchmarks: ties, columns and measures mean what they say, and the commands run."""

import numpy as np
import pytest
from music import random_performance
from tiny_models import save_tiny, tiny_model

from benchmarks import ranking, surprisal
from benchmarks.excerpts import excerpts_of_test_pieces
from benchmarks.recall import __main__ as recall
from symbolic.data.corpus import Corpus, Piece, write_corpus
from symbolic.notes.corruption import CORRUPTIONS, semitone
from symbolic.notes.performance import NOTE_DTYPE, Performance
from symbolic.scoring.likelihood import OpenModel, SymbolicScore, SymbolicScorer, score
from symbolic.scoring.views import EVENTS
from symbolic.tokens.events import ATTRIBUTES

PITCH = ATTRIBUTES.index("pitch")
BLACK_KEYS = [1, 3, 6, 8, 10]


def scale(n_notes=100):
    """White keys up and down."""
    white = np.array([60, 62, 64, 65, 67, 69, 71, 72, 71, 69, 67, 65, 64, 62])
    notes = np.zeros(n_notes, dtype=NOTE_DTYPE)
    notes["onset_ticks"], notes["pitch"], notes["duration_ticks"] = (
        np.arange(n_notes) * 20,
        np.resize(white, n_notes),
        9,
    )
    return Performance(notes)


def with_pitch(performance, note, pitch):
    notes = performance.notes.copy()
    notes["pitch"][note] = pitch
    return Performance(notes)


class WhiteKeyScorer:
    """Stands in for `events`: black keys cost 3 nats of pitch and 1 at the note after them, and 5 nats of time."""

    view = EVENTS

    def score(self, performances, *, excerpt):
        assert excerpt
        scores = []
        for performance in performances:
            is_black = np.isin(performance.notes["pitch"] % 12, BLACK_KEYS)
            nats = np.zeros((len(performance), 4))
            nats[:, PITCH], nats[:, 0] = 3.0 * is_black, 5.0 * is_black
            nats[1:, PITCH] += is_black[:-1]
            scores.append(SymbolicScore(nats, performance.seconds, None))
        return scores


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Three test pieces long enough, one that is not, one of training."""
    folder = tmp_path_factory.mktemp("corpus")
    pieces, music, start = [], [], 0
    for index, (notes, split) in enumerate([(300, "test"), (90, "test"), (290, "test"), (400, "test"), (350, "train")]):
        music.append(random_performance(index, notes))
        stop = start + len(music[-1])
        pieces.append(Piece(f"{index}", f"{index}.mid", "", "", f"{index}", split, start, stop, 1.0, (), {}))
        start = stop
    write_corpus(folder, pieces, music, [], "made in a test")
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    save_tiny(folder, tiny_model())
    return folder


def test_excerpts_come_from_test_pieces_that_are_long_enough(corpus):
    corpus = Corpus.open(corpus)
    excerpts = excerpts_of_test_pieces(corpus, pieces=60, per_piece=4)
    assert [len(excerpt) for excerpt in excerpts] == [256] * 12
    again = excerpts_of_test_pieces(corpus, pieces=60, per_piece=4)
    assert all((one.notes == other.notes).all() for one, other in zip(excerpts, again, strict=True))
    for index, piece in enumerate(piece for piece in corpus.of_split("test") if piece.n_notes >= 256):
        pitches = corpus.performance(piece).notes["pitch"].tobytes()
        assert all(excerpt.notes["pitch"].tobytes() in pitches for excerpt in excerpts[4 * index : 4 * index + 4])


def test_the_likelier_wins_and_a_tie_counts_half():
    original, corrupted = np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([[2.0, 2.0], [2.0, 6.0]])
    assert ranking.wins(original, corrupted).tolist() == [[1.0, 0.5], [0.0, 1.0]]


def test_excerpts_are_ranked_by_the_figures_of_a_calibration():
    black = with_pitch(scale(), 50, 66)
    assert ranking.excerpt_bits(WhiteKeyScorer(), [scale(), black]) == pytest.approx(
        np.array([[0.0, 0.0], [9.0, 4.0]]) / 100 / np.log(2)
    )


def test_every_case_is_a_corruption_and_one_note_is_one():
    assert {corruption for corruption, _ in ranking.CASES.values()} <= set(CORRUPTIONS)
    original = random_performance(1, 256 + 20).excerpt(0, 256)
    corrupted = semitone(original, np.random.default_rng(1), ranking.CASES["semitone, one note"][1])
    assert (corrupted.notes["pitch"] != original.notes["pitch"]).sum() == 1


def test_the_ranking_command_prints_each_case_for_both_models(corpus, weights, capsys):
    flags = ["--data", str(corpus), "--weights", str(weights), "--pieces", "2", "--per-piece", "2"]
    assert ranking.main(flags) == 0
    title, _, header, _, *rows = capsys.readouterr().out.splitlines()
    assert title == "4 excerpts of 256 notes from 2 test pieces"
    figures = [
        "events: bits_per_note",
        "events: pitch_bits_per_note",
        "vqvae: bits_per_note",
        "vqvae: code_bits_per_note",
    ]
    assert header.strip("| ").split(" | ") == ["corruption", *figures]
    assert [row.split(" | ")[0].lstrip("| ") for row in rows] == list(ranking.CASES)


def test_the_wrong_note_is_found_by_comparison():
    original = random_performance(1, 120)
    for seed in range(20):
        corrupted = semitone(original, np.random.default_rng(seed), 1 / len(original))
        note = surprisal.wrong_note(original, corrupted)
        restored = with_pitch(corrupted, note, original.notes["pitch"][note])
        assert (restored.notes[["onset_ticks", "pitch"]] == original.notes[["onset_ticks", "pitch"]]).all()


def test_five_per_cent_are_thirteen_of_256_and_a_tie_counts_against():
    values = np.arange(256.0)[::-1]
    assert [surprisal.is_among_most_surprising(values, note) for note in (0, 12, 13)] == [True, True, False]
    values[13] = values[12]
    assert not surprisal.is_among_most_surprising(values, 12)
    assert not surprisal.is_among_most_surprising(np.full(256, -np.inf), 0)


def test_against_neighbours_is_what_rescoring_each_neighbour_gives():
    model, music = tiny_model(), scale(12)

    def pitch_nats(performance, note):
        return score(model, [performance], excerpt=True)[0].attribute_nats[note, PITCH]

    own = surprisal.surprisal_against_neighbours(model, music)
    for note, pitch in enumerate(music.notes["pitch"].tolist()):
        neighbours = [pitch_nats(with_pitch(music, note, pitch + step), note) for step in (-1, 1)]
        assert own[note] == pytest.approx(pitch_nats(music, note) - min(neighbours), abs=1e-4)
    assert np.ptp(own) > 0.1


def test_rests_are_no_notes_and_the_edge_of_the_piano_has_one_neighbour():
    notes = scale(12).notes
    notes["onset_ticks"][6:] += 3000
    notes["pitch"][[3, 9]] = 21, 108
    own = surprisal.surprisal_against_neighbours(tiny_model(), Performance(notes))
    assert own.shape == (12,)
    assert np.isfinite(own).all()


def test_two_sided_surprisal_is_what_the_best_correction_saves_in_the_note_and_what_follows():
    music = with_pitch(scale(), 50, 66)
    (given,) = WhiteKeyScorer().score([music], excerpt=True)
    pitch_nats = surprisal.one_sided_surprisal(given)
    assert pitch_nats[[49, 50, 51, 52]].tolist() == [0.0, 3.0, 1.0, 0.0]
    saved = surprisal.two_sided_surprisal(WhiteKeyScorer(), music, pitch_nats, np.array([50, 2, 0, 1, 99]))
    assert saved[[50, 2, 0, 1, 99]].tolist() == [4.0, 0.0, 0.0, -4.0, -3.0]  # E and C have a white neighbour, D none
    assert (np.delete(saved, [50, 2, 0, 1, 99]) == -np.inf).all()


def test_only_the_next_32_notes_have_a_say():
    class Distant:
        """Every note is charged for the first one."""

        def score(self, performances, *, excerpt):
            nats = [np.zeros((len(performance), 4)) for performance in performances]
            for own, performance in zip(nats, performances, strict=True):
                own[:, PITCH] = performance.notes["pitch"][0] - 50.0
            return [SymbolicScore(own, 1.0, None) for own in nats]

    (given,) = Distant().score([scale()], excerpt=True)
    saved = surprisal.two_sided_surprisal(Distant(), scale(), given.attribute_nats[:, PITCH], np.array([0]))
    assert saved[0] == 33.0


def test_a_taken_neighbour_is_no_correction():
    notes = np.zeros(3, dtype=NOTE_DTYPE)
    notes["pitch"], notes["duration_ticks"] = [60, 61, 62], 5
    saved = surprisal.two_sided_surprisal(WhiteKeyScorer(), Performance(notes), np.array([0.0, 3.0, 1.0]), np.arange(3))
    assert saved.tolist() == [0.0, -np.inf, -3.0]  # B for C, nothing for C sharp, E flat for D


def test_measures_cover_the_excerpts_they_are_asked_for():
    excerpts = [scale(30), with_pitch(scale(30), 15, 61), scale(30)]
    scorer = SymbolicScorer("events", OpenModel(tiny_model(), ""))
    by_measure = surprisal.surprisals(scorer, excerpts, [1], 4)
    assert {measure: list(found) for measure, found in by_measure.items()} == {
        "one-sided": [0, 1, 2],
        "against neighbours": [0, 1, 2],
        "two-sided": [1],
    }
    tried = np.flatnonzero(np.isfinite(by_measure["two-sided"][1]))
    assert set(tried) == set(np.argsort(-by_measure["against neighbours"][1])[:4])


def test_the_surprisal_command_prints_its_measures(corpus, weights, capsys):
    flags = ["--data", str(corpus), "--weights", str(weights), "--pieces", "2", "--per-piece", "2", "--candidates", "2"]
    assert surprisal.main(flags) == 0
    *title, _, header, _, events = capsys.readouterr().out.splitlines()
    assert title[0].startswith("4 excerpts of 256 notes from 2 test pieces")
    assert title[1] == "two-sided: 2 of the excerpts, 2 candidates each"
    assert header == "| wrong note found | one-sided | against neighbours | two-sided |"
    assert events.startswith("| events |")


def test_sections_follow_one_another_and_the_last_is_slower_and_softer():
    first, second = (random_performance(seed, 40).excerpt(0, 30) for seed in (1, 2))
    whole = recall.in_sections(first, second, first)
    assert np.array_equal(whole.notes["pitch"][:30], first.notes["pitch"])
    assert np.array_equal(whole.notes["pitch"][60:], first.notes["pitch"])
    again = whole.excerpt(60, 90)
    assert again.notes["onset_ticks"][-1] == pytest.approx(1.04 * first.notes["onset_ticks"][-1], abs=1)
    assert (again.notes["velocity_bin"] <= first.notes["velocity_bin"]).all()


def test_the_recall_command_prints_late_notes_by_reach_and_returns(corpus, weights, monkeypatch, capsys):
    monkeypatch.setattr(recall, "REACHES_EVENTS", (1, 64))
    monkeypatch.setattr(recall, "BETWEEN_NOTES", (20,))
    monkeypatch.setattr(recall, "SECTION_NOTES", 30)
    flags = ["--data", str(corpus), "--weights", str(weights), "--pieces", "2", "--per-piece", "2", "--late", "100"]
    assert recall.main(flags) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("3 test pieces")
    nothing, something = (next(line for line in lines if line.startswith(f"| {reach} |")) for reach in (1, 64))
    assert nothing.split(" | ")[1] != something.split(" | ")[1]
    assert sum(line.startswith("| 20 | 4 |") for line in lines) == 1
