"""What surrounds the drawing: styles by name, candidates by typicality, endings by place, flags by range."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from music import random_performance
from tiny_models import save_tiny, tiny_model

from losscal.errors import InputError
from losscal.references import ViewReference
from symbolic import generate as command
from symbolic.models.phrases.config import PhraseConfig
from symbolic.models.styles import find_style, parse_blend, style_vector
from symbolic.notes.cleaning import read_midi
from symbolic.notes.performance import TICK_SECONDS, write_midi
from symbolic.sampling.endings import likeliest_end
from symbolic.sampling.pieces import DrawnPiece
from symbolic.sampling.ranking import HeldOut, load_held_out, most_typical, require_held_out
from symbolic.sampling.stream import Draft, WantedLength
from symbolic.scoring.likelihood import score
from symbolic.tokens.events import REST

COMPOSERS = ("Chopin, Frédéric", "Debussy, Claude", "Schumann, Clara", "Schumann, Robert", "Bach, Johann Christian")


def test_a_blend_is_its_weights():
    assert parse_blend("Chopin:0.7, Debussy:0.3") == {"Chopin": 0.7, "Debussy": 0.3}
    assert parse_blend("Chopin:3,Debussy:1") == {"Chopin": 0.75, "Debussy": 0.25}
    assert parse_blend("Chopin,Debussy") == {"Chopin": 0.5, "Debussy": 0.5}
    config = PhraseConfig(composers=COMPOSERS, eras=("romantic",))
    vector = style_vector(config, {"chopin": 0.7, "Claude Debussy": 0.3}, {"romantic": 1.0})
    assert vector.tolist() == pytest.approx([0.7, 0.3, 0, 0, 0, 1.0])
    assert style_vector(config, {}, {}) is None


@pytest.mark.parametrize("text", ["", "Chopin,", ":0.3", "Chopin:x", "Chopin:-1", "Chopin:0", "Chopin,Chopin:2"])
def test_a_bad_blend_is_refused(text):
    with pytest.raises(ValueError, match=r"lacks a name|weight|twice"):
        parse_blend(text)


def test_names_are_found_by_their_words():
    assert find_style("FREDERIC chopin", COMPOSERS) == "Chopin, Frédéric"
    assert find_style("Robert Schumann", COMPOSERS) == "Schumann, Robert"
    with pytest.raises(ValueError, match="'Schumann' is more than one of: Schumann, Clara; Schumann, Robert"):
        find_style("Schumann", COMPOSERS)
    with pytest.raises(ValueError, match="'Satie' is none of: Chopin"):
        find_style("Satie", COMPOSERS)


HELD_OUT = HeldOut(
    ViewReference.of_values("", "nll_nats_per_note", {10: np.linspace(10, 14, 100)}),
    ViewReference.of_values("", "nll_nats_per_second", {10: np.linspace(50, 150, 100)}),
)


@pytest.fixture(autouse=True)
def others(monkeypatch):
    """What the figures of the notes alone say of each piece in turn; by default nothing."""
    told = []
    monkeypatch.setattr("symbolic.sampling.ranking.typicalities", lambda music: told.pop(0) if told else {})
    return told


def ranked(nats_per_note, notes_per_second, notes=40):
    """The pairs of (nats a note, notes a second) of pieces of so many notes, the most typical first."""
    scores, pieces = [], []
    for nats, rate in zip(nats_per_note, notes_per_second, strict=True):
        seconds = notes / rate
        scores.append(SimpleNamespace(note_nats=np.full(notes, nats)))
        facts = {
            "performance": random_performance(1),
            "prompt_notes": 0,
            "drawn_nats": 0.0,
            "new_notes": notes,
            "new_seconds": seconds,
        }
        pieces.append(SimpleNamespace(what=(nats, rate), **facts))
    scorer = SimpleNamespace(score=lambda _: scores)
    return [one.piece.what for one in most_typical(scorer, pieces, HELD_OUT)]


def test_the_most_typical_come_first_and_not_the_likeliest():
    nats = (3, 13.5, 12.1, 9, 30)
    assert [one for one, _ in ranked(nats, 100 / np.array(nats))] == [12.1, 13.5, 9, 3, 30]


def test_a_piece_of_usual_notes_is_not_typical_where_there_are_too_many_of_them():
    assert [rate for _, rate in ranked([12] * 4, [25, 8, 4.2, 12])] == [8, 12, 4.2, 25]


def test_a_piece_is_as_typical_as_its_oddest_figure(others):
    others += [{"repeated_runs": 0.1}, {"repeated_runs": 0.9}, {"repeated_runs": 0.5, "notes_per_second": 0.2}]
    assert [rate for _, rate in ranked([12] * 3, [8.1, 8.2, 8.3])] == [8.2, 8.3, 8.1]
    standing = HELD_OUT.standing(480.0, 40, 5.0, {"repeated_runs": 0.1})
    assert (standing.typicality, standing.oddest) == (0.1, "repeated_runs")
    assert HELD_OUT.standing(440.0, 40, 2.0, {"repeated_runs": 0.1}).oddest == "nats a second"


def test_the_percentile_is_that_of_the_notes():
    standing = HELD_OUT.standing(440.0, 40, 2.0)
    assert standing.percentile == pytest.approx(75.0)
    assert standing.typicality == 0.0  # 220 nats a second are beyond all held-out music
    assert standing.strangeness == pytest.approx(1 / 12 + 1.2)


def test_fewer_notes_than_the_report_takes_have_no_place_and_come_last():
    assert HELD_OUT.standing(12.0 * 31, 31, 4.0) is None
    assert HELD_OUT.standing(12.0 * 32, 32, 4.0) is not None
    assert [nats for nats, _ in ranked([3, 12, 13], [8, 8, 8], notes=5)] == [3, 12, 13]  # as they came


def test_only_new_notes_are_judged():
    model, music = tiny_model(), random_performance(1, 60)
    scorer = SimpleNamespace(score=lambda pieces: score(model, pieces))
    notes = score(model, [music])[0].note_nats
    whole, rest = most_typical(scorer, [DrawnPiece(music, 0, 0, 8.0, None), DrawnPiece(music, 0, 15, 8.0, None)], None)
    assert whole.model_bits_per_note == pytest.approx(notes.mean() / np.log(2))
    assert rest.model_bits_per_note == pytest.approx(notes[15:].mean() / np.log(2))
    assert rest.drawn_bits_per_note == pytest.approx(8 / (len(music) - 15) / np.log(2))
    assert rest.standing is None
    known = most_typical(scorer, [DrawnPiece(music, 0, 15, 8.0, None)], HELD_OUT)[0]
    seconds = music.seconds - music.notes["onset_ticks"][14] * TICK_SECONDS
    assert known.standing == HELD_OUT.standing(float(notes[15:].sum()), len(music) - 15, seconds)


def test_ranking_without_references_says_how_to_make_them(tmp_path):
    scorer = SimpleNamespace(name="events", weights_sha256="of no weights")
    assert load_held_out(scorer, None) is None
    assert load_held_out(scorer, tmp_path) is None
    with pytest.raises(InputError, match=r"with python -m bridge\.references"):
        require_held_out(None)


def test_the_likeliest_end_lies_behind_a_note_and_within_the_window():
    events = np.array([(5, 1, 1, 1), (REST, 0, 0, 0), (5, 2, 1, 1), (5, 3, 1, 1), (5, 4, 1, 1)])
    draft = Draft(events, np.arange(5.0), np.array([9.0, 8.0, 1.0, 5.0, 0.0]))
    in_notes, in_ticks = WantedLength(10, is_in_notes=True), WantedLength(10, is_in_notes=False)
    anywhere = np.ones(5, dtype=bool)
    assert likeliest_end(draft, in_notes, 9, anywhere) == (4, 0.0)
    assert likeliest_end(draft, in_notes, 2, anywhere) == (3, 5.0)
    assert likeliest_end(draft, in_notes, 0, anywhere) == (0, 9.0)
    assert likeliest_end(draft, in_ticks, 409, anywhere) == (1, 8.0)
    assert likeliest_end(draft, in_notes, 9, np.arange(5) % 2 == 1) == (3, 5.0)
    assert likeliest_end(draft, in_notes, 9, ~anywhere)[1] == np.inf


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--candidates", "2", "--keep", "3"], "--keep: 3 is above --candidates 2"),
        (["--composer", "Chopin:x"], "--composer: weight 'x': allowed is a number above 0"),
        (["--keep-notes", "3"], "--keep-notes: they say how much of --prompt to keep"),
        (["--between", "a.mid", "b.mid", "--form", "auto"], "--between: it does not go with --form; leave one of them"),
        (["--between", "a.mid", "b.mid", "--redraw", "1-2"], "--between: it does not go with --redraw"),
        (["--redraw", "1-2", "--prompt", "a.mid", "--notes", "3"], "--redraw: it does not go with --notes"),
        (["--redraw", "1-2"], "--redraw: it says which seconds of --prompt to draw anew; give one"),
        (["--redraw", "2-2"], "--redraw: 2-2: allowed are two times in seconds, the lower one first, as 12-15.5"),
        (["--redraw", "nan-2"], "--redraw: nan-2: allowed are two times"),
        (["--redraw", "3"], "--redraw: 3: allowed are two times"),
        (
            ["--preview", "5", "--candidates", "2"],
            "--preview: it lets hear one piece; allowed is --candidates 1, not 2",
        ),
        (["--preview", "0"], "--preview: 0: allowed is a number from 0.01 up to 3600"),
        (["--guidance", "2"], "--guidance: it weighs a style; give --composer or --era"),
        (["--form", "A-C'"], "--form: A-C': C' varies what was not played; allowed is C' somewhere after C"),
        (["--notes", "3", "--seconds", "3"], "not allowed with argument"),
        (["--out", "new.wav"], "--out: new.wav: end the name in .mid or .midi"),
        (["--out", "."], "--out: .: end the name in .mid"),
    ],
)
def test_flags_that_do_not_fit_are_named(flags, told, capsys):
    with pytest.raises(SystemExit) as stopped:
        command.main(["--out", "never.mid", *flags])
    assert stopped.value.code == 2
    assert told in capsys.readouterr().err


def test_an_unknown_composer_is_named_with_the_known_ones():
    with pytest.raises(InputError, match="'Satie' is none of: Bach, Carl"):
        command.main(["--out", "never.mid", "--composer", "Satie"])


def test_a_piece_can_be_heard_while_it_is_drawn(tmp_path, monkeypatch, capsys):
    save_tiny(tmp_path, tiny_model())
    path, heard = tmp_path / "new.mid", []

    def watched(music, to):
        write_midi(music, to)
        heard.append(read_midi(path).performance)

    monkeypatch.setattr("symbolic.preview.write_midi", watched)
    assert command.main(["--out", str(path), "--weights", str(tmp_path), "--seconds", "30", "--preview", "5"]) == 0
    onsets = [music.notes["onset_ticks"] for music in heard]
    assert len(heard) >= 3
    assert all(last - first >= 490 for first, last in pairwise(of[-1] for of in onsets))
    whole = read_midi(path).performance.notes["onset_ticks"]
    shared = [int((of == whole[: len(of)]).sum()) / len(of) for of in onsets if len(of) <= len(whole)]
    assert shared[0] == 1.0
    assert "1 of" not in capsys.readouterr().err
