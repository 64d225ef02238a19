"""The comparison of generated with real music: divergences at their ends, near-copies counted, pieces drawn once."""

import numpy as np
import pytest
from music import random_performance
from scipy.spatial.distance import jensenshannon

from benchmarks.generation import __main__ as generation
from benchmarks.generation import sources
from benchmarks.generation.measures import Instruments, distribution_row, structure_row
from benchmarks.generation.sources import Source, Wanted, openings
from losscal.errors import InputError
from symbolic.data.corpus import Corpus, Piece, write_corpus
from symbolic.memorisation import TrainingMelodies
from symbolic.models.configs import SamplingConfig
from symbolic.models.registry import load_model, weights_path
from symbolic.notes.descriptors import DISTRIBUTIONS
from symbolic.notes.performance import NOTE_DTYPE, Performance
from symbolic.sampling.pieces import draw_pieces
from symbolic.sampling.ranking import Judged, Standing

WANTED = Wanted(pieces=3, seconds=8.0, seed=1)


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch):
    monkeypatch.setattr("losscal.statistics.RESAMPLES", 20)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Two training pieces, then three of validation and test, one of them too short."""
    folder = tmp_path_factory.mktemp("corpus")
    counts = {"train": (300, 200), "validation": (150, 150, 5), "test": (150, 5, 150)}
    pieces, music, start = [], [], 0
    for split, of_split in counts.items():
        for count in of_split:
            music.append(random_performance(len(music), count))
            stop = start + len(music[-1])
            facts = (f"{start:064x}", f"{start}.mid", "Bach", "", f"g{start}", split)
            pieces.append(Piece(*facts, start, stop, music[-1].seconds, (), {}))
            start = stop
    write_corpus(folder, pieces, music, [], "tests")
    return Corpus.open(folder)


class StandInEmbedder:
    """Rows that know how loud a sound is, and how long."""

    def embed(self, sound):
        samples = np.concatenate(list(sound.blocks()), axis=1)
        parts = np.array_split(np.abs(samples).mean(axis=0), 4)
        return np.array([[part.mean(), part.std()] for part in parts], dtype=np.float32)


@pytest.fixture(scope="module")
def instruments(corpus):
    return Instruments(TrainingMelodies(corpus), [], StandInEmbedder(), sound_seconds=2.0)


def even_chords(pitches, ticks, duration, velocity):
    notes = np.zeros(len(pitches) * 20, dtype=NOTE_DTYPE)
    notes["onset_ticks"] = np.repeat(np.arange(20) * ticks, len(pitches))
    notes["pitch"], notes["duration_ticks"], notes["velocity_bin"] = np.tile(pitches, 20), duration, velocity
    return Performance(notes)


def values(cells):
    return [float(cell.split(" ")[0]) for cell in cells]


@pytest.mark.fluidsynth
def test_equal_sets_diverge_by_nothing(instruments):
    measures = instruments.measure([random_performance(seed) for seed in range(3)])
    row = distribution_row("itself", measures, measures)
    assert row[0] == "itself"
    assert values(row[1:]) == pytest.approx([0.0] * (len(DISTRIBUTIONS) + 1), abs=1e-3)


@pytest.mark.fluidsynth
def test_disjoint_sets_diverge_by_one_bit(instruments):
    low_and_soft = even_chords((24, 36), ticks=20, duration=20, velocity=1)
    high_and_loud = even_chords((85, 90, 92), ticks=200, duration=150, velocity=30)
    low, high = (instruments.measure([piece, piece]) for piece in (low_and_soft, high_and_loud))
    *distributions, fad = distribution_row("low", low, high)[1:]
    by_name = dict(zip(DISTRIBUTIONS, values(distributions), strict=True))
    for name in ("pitch class", "duration", "velocity"):
        assert by_name[name] == 1.0
    assert 0 < by_name["polyphony"] <= 1.0
    at_once_early_late = [20, 19, 0], [40, 0, 19]
    assert by_name["inter-onset"] == pytest.approx(jensenshannon(*at_once_early_late, base=2) ** 2, abs=1e-3)
    assert float(fad) > 0


@pytest.mark.fluidsynth
def test_copies_beyond_the_usual_are_near_copies(corpus, instruments):
    copied = corpus.performance(corpus.pieces[0])
    measures = instruments.measure([random_performance(90), random_performance(91), copied])
    row = dict(zip(generation.STRUCTURE_HEADER, structure_row("x", without_models(measures), 20.0), strict=True))
    assert row["near-copies"] == "33%"
    assert row["most"] == str(len(copied))
    assert int(row["longest copy: median"]) < 20


def without_models(measures):
    """Measures with figures in the models' columns, which no model has made."""
    measures.pairs.update({f"bits/note, {name}": np.ones((3, 2)) for name in generation.SYMBOLIC_VIEWS})
    return measures


def test_openings_are_of_pieces_as_long_as_the_others(corpus):
    music = openings(corpus, "test", WANTED)
    assert len(music) == 2
    assert all(piece.notes["onset_ticks"][-1] < 800 for piece in music)
    whole = corpus.performance(corpus.of_split("test")[0])
    assert np.array_equal(music[0].notes, whole.notes[: len(music[0])])
    with pytest.raises(InputError, match="is 3000 seconds long"):
        openings(corpus, "test", Wanted(2, 3000.0, 1))


def test_pieces_are_drawn_once_and_a_run_that_is_cut_goes_on(tmp_path):
    drawn = []

    def draw(wanted, numbers):
        drawn.append(numbers)
        if len(drawn) == 2:
            raise KeyboardInterrupt
        return [random_performance(seed) for seed in numbers]

    source = Source("a source", "0123456789", draw, batch_pieces=2)
    with pytest.raises(KeyboardInterrupt):
        source.pieces(WANTED, tmp_path)
    first, again = (source.pieces(WANTED, tmp_path) for _ in range(2))
    assert drawn == [range(2), range(2, 3), range(2, 3)]
    assert [piece.notes.tolist() for piece in first] == [piece.notes.tolist() for piece in again]
    assert [piece.notes.tolist() for piece in first] == [random_performance(seed).notes.tolist() for seed in range(3)]
    Source("a source", "of other weights", draw).pieces(WANTED, tmp_path)
    assert drawn[3:] == [range(3)]


def test_the_command_prints_a_row_for_every_source(corpus, tiny_weights, tmp_path, monkeypatch, capsys):
    arguments = ["--data", str(corpus.folder), "--weights", str(tiny_weights), "--pieces-dir", str(tmp_path)]
    arguments += ["--pieces", "2", "--seconds", "8", "--sound-seconds", "0", "--temperatures", "0.9", "1.1"]
    arguments += ["--checkpoint", f"events={weights_path(tiny_weights)}", "--top-p", "1", "--pace-holds", "0"]
    arguments += ["--pitch-temperatures", "1"]
    assert generation.main(arguments) == 0
    out = capsys.readouterr().out
    tables = [[line.split(" | ") for line in of.splitlines()] for of in out.split("\n\n")[1:]]
    ours = [
        f"{name}, temperature {t}, top-p 1" for name in ("events", "vqvae", "events of phrases") for t in (0.9, 1.1)
    ]
    names = ["real, validation", *ours, "first-order Markov chain", "unigram sampler"]
    headers = (generation.DISTRIBUTION_HEADER, generation.STRUCTURE_HEADER, generation.TIME_HEADER)
    assert [len(row) for table in tables for row in table[:1]] == [len(header) for header in headers]
    first, *others = ([row[0].removeprefix("| ") for row in table] for table in tables)
    assert first == ["music", "---", *names]
    assert others == [["music", "---", "real, test: the reference", *names]] * 2
    for drawer in ("symbolic.sampling.pieces.draw_pieces", "benchmarks.peers.samplers.NoteSampler"):
        monkeypatch.setattr(drawer, None)  # the second time nothing is drawn
    assert generation.main(arguments) == 0
    assert capsys.readouterr().out == out


def test_pieces_in_a_form_and_at_a_pace_stand_under_names_of_their_own(tiny_weights):
    sampling = SamplingConfig(pitch_temperature=0.95, pace_hold=2.0)
    source = sources.of_model("events", weights_path(tiny_weights), sampling, "events", form="A-A")
    assert source.name == "events, temperature 1, top-p 1, pitches 0.95, pace held 2, form A-A"
    (piece,) = source.draw(WANTED, range(1, 2))
    assert piece.notes["onset_ticks"][-1] <= 800


def test_what_is_no_form_is_refused(capsys):
    with pytest.raises(SystemExit, match="2"):
        generation.main(["--forms", "A-b"])
    assert "argument --forms: A-b: allowed is auto, or up to 32 letters" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["events", "other=x.safetensors", "events=missing.safetensors"])
def test_other_checkpoints_are_refused(flag, capsys):
    with pytest.raises(SystemExit, match="2"):
        generation.main(["--checkpoint", flag])
    assert "KIND=FILE" in capsys.readouterr().err


def test_the_most_typical_of_each_pieces_candidates_is_taken(tiny_weights, monkeypatch):
    path = weights_path(tiny_weights)
    with pytest.raises(InputError, match=r"with python -m bridge\.references"):
        sources.of_model("events", path, SamplingConfig(), "events", candidates=3).draw(WANTED, range(3))
    typicalities = [0.1, 0.2, 0.3, 0.9, 0.2, 0.3, 0.1, 0.8, 0.7]
    monkeypatch.setattr("symbolic.sampling.ranking.load_held_out", lambda scorer, folder: folder == tiny_weights)

    def most_typical(scorer, pieces, held_out):
        judged = [Judged(one, 0.0, 0.0, Standing(0.0, typicalities[one.candidate], "", 0.0)) for one in pieces]
        return sorted(judged, key=lambda one: -one.standing.typicality)

    monkeypatch.setattr("symbolic.sampling.ranking.most_typical", most_typical)
    chosen = sources.of_model("events", path, SamplingConfig(), "events", candidates=3)
    assert chosen.name == "events, temperature 1, top-p 1, most typical of 3"
    model, _ = load_model(path)
    numbers = {"seconds": WANTED.seconds, "seed": WANTED.seed, "candidates": (2, 3, 7), "ending": False}
    numbers["sampling"] = SamplingConfig()
    expected = [piece.performance.notes.tolist() for piece in draw_pieces(model, **numbers)]
    assert [piece.notes.tolist() for piece in chosen.draw(WANTED, range(3))] == expected


def test_a_folder_without_a_llama_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"benchmarks\.llama train"):
        sources.of_llama(tmp_path, None)
