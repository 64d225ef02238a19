"""The audio ranking: versions are what they are called; ties, refusals, directions and intervals are as told."""

from itertools import islice

import numpy as np
import pytest
from music import random_performance

from audio.frames import FrameConfig
from audio.spectral_config import SpectralLMConfig
from audio.waveform import Waveform
from benchmarks import audio_costs, audio_ranking, statistics
from benchmarks.audio_cases import (
    CASES,
    CONTROLS,
    CORRUPTED,
    NOTE_CASES,
    Studio,
    Take,
    adversaries,
    excerpts_of_seconds,
    takes_of,
    transposed,
)
from benchmarks.audio_costs import LLR
from benchmarks.audio_ranking import ORIGINAL, YARDSTICK
from bridge.render import default_soundfont
from losscal.errors import InputError, WeightsError
from losscal.references import ViewReference
from losscal.weights import save_weights
from symbolic.corpus import Corpus, Piece, write_corpus
from symbolic.performance import NOTE_DTYPE, Performance

RATE, SECONDS = 16_000, 2.0
TINY = {"channels": 8, "n_layers": 2, "band_context": 2, "cell_channels": 4, "past_frames": 1, "mixtures": 1}
VERSIONS = (ORIGINAL, *CASES, "scale")


def studio(seconds=SECONDS):
    return Studio(seconds, RATE, default_soundfont())


def melody(n_notes):
    """A note each 200 ms, no two of one pitch in a row, some louder and longer than others."""
    notes = np.zeros(n_notes, dtype=NOTE_DTYPE)
    notes["onset_ticks"], notes["pitch"] = np.arange(n_notes) * 20, 50 + np.arange(n_notes) * 7 % 29
    notes["velocity_bin"], notes["duration_ticks"] = 10 + np.arange(n_notes) % 12, 10 + np.arange(n_notes) % 5
    return Performance(notes)


def costs_like(make, column=LLR):
    """`make(version)` float64 [20, 2] for each version."""
    return {(version, column): make(version) for version in VERSIONS}


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr(statistics, "RESAMPLES", 50)


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


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """The two spectral models, small and untrained, the background trained on wrong notes by its own account."""
    import torch

    from audio.spectral_lm import SpectralLM

    folder = tmp_path_factory.mktemp("weights")
    for seed, name in enumerate((audio_costs.OURS, audio_costs.BACKGROUND)):
        torch.manual_seed(seed)
        story = {"configs": {"spectral_lm": TINY}, "frames_hash": FrameConfig().hash}
        story["frames"] = {"shuffle": {"rules": ["wrong_notes", "semitone"]}}
        model = SpectralLM(SpectralLMConfig(**TINY))
        save_weights(folder / f"{name}.safetensors", model.state_dict(), kind=name, story=story)
    return folder


def test_excerpts_stand_piece_by_piece(corpus):
    corpus = Corpus.open(corpus)
    excerpts = excerpts_of_seconds(corpus, pieces=60, per_piece=3, seconds=SECONDS)
    assert len(excerpts) == 6
    of_piece = [corpus.performance(piece) for piece in corpus.of_split("test") if piece.seconds >= SECONDS]
    homes = [[e.notes["pitch"].tobytes() in p.notes["pitch"].tobytes() for p in of_piece] for e in excerpts]
    assert homes == 3 * [homes[0]] + 3 * [homes[3]] and homes[0] != homes[3]
    assert len(excerpts_of_seconds(corpus, pieces=1, per_piece=2, seconds=SECONDS)) == 2


def test_takes_follow_the_cases_and_the_seed():
    takes = dict(zip((ORIGINAL, *CASES), takes_of(melody(20), studio(3.9), 1), strict=True))
    original = takes[ORIGINAL]
    assert original.sound.samples.shape == (2, 3.9 * RATE) and original.n_struck == 20
    assert studio(2.1).play(melody(20)).n_struck == 11
    same = [case for case, take in takes.items() if np.array_equal(take.sound.samples, original.sound.samples)]
    assert same == [ORIGINAL, "another SoundFont"]  # which is here the same one
    assert np.allclose(takes["gain -12 dB"].sound.samples * 10**0.6, original.sound.samples, atol=1e-6)
    assert takes["1 s of silence at either end"].sound.seconds == 5.9
    higher, lower = (takes[f"a semitone {way}"].sound.samples for way in ("higher", "lower"))
    assert not np.array_equal(higher, lower)
    *_, again = islice(takes_of(melody(20), studio(3.9), 1), 3)
    assert np.array_equal(again.sound.samples, takes[CASES[1]].sound.samples)


def test_transposing_leaves_out_what_has_no_key():
    music = melody(4)
    music.notes["pitch"] = 21, 50, 60, 108
    assert transposed(music, 1).notes["pitch"].tolist() == [22, 51, 61]
    assert transposed(music, -1).notes["pitch"].tolist() == [49, 59, 107]
    assert transposed(music, -1).notes["onset_ticks"].tolist() == [0, 20, 40]


def test_adversaries_are_what_they_are_called():
    found = adversaries(studio())
    assert not found["silence"].sound.samples.any() and found["silence"].n_struck == 0
    assert found["held chord"].n_struck == found["steady tones"].n_struck == 5
    assert found["scale"].n_struck == 17  # one each 120 ms
    assert {take.sound.seconds for take in found.values()} == {SECONDS}
    halves = np.abs(found["steady tones"].sound.samples[0]).reshape(2, -1).mean(axis=1)
    assert halves[0] == pytest.approx(halves[1], rel=0.05) and halves[0] > 0.01


def test_a_tie_counts_half_and_what_is_refused_has_lost():
    costs = {
        (ORIGINAL, LLR): np.array([[1.0, 2.0, 3.0]]),
        ("other", LLR): np.array([[2.0, 2.0, np.inf]]),
        ("refused original", LLR): np.array([[0.0, 3.0, -5.0]]),
    }
    assert audio_ranking.won(costs, "other", LLR).tolist() == [[1.0, 0.5, 1.0]]
    assert audio_ranking.won(costs, "refused original", LLR).tolist() == [[0.0, 1.0, 0.0]]


def test_a_judge_that_refuses_leaves_its_columns_out_and_the_others_go_on(capsys):
    silence = Take(Waveform(np.zeros((1, RATE), np.float32), RATE, "silence"), 0)

    def refusing(take):
        raise InputError(f"{take.sound.source}: no.")

    judges = [refusing, audio_costs.density_and_level, audio_costs.compressed_bits]
    assert audio_costs.costs_of(silence, judges) == {"note density": 0.0, "RMS": 0.0}
    assert "refused: silence: no." in capsys.readouterr().err


def test_costs_are_lower_for_the_better():
    take = Take(Waveform(np.full((2, 3 * RATE), 0.5, np.float32), RATE, "x"), 6)
    figures = {"llr_nats_per_second": 7.0, "nll_nats_per_second": 50.0}
    reference = ViewReference.of_values("hash", "nll_nats_per_second", {3: np.linspace(0.0, 200.0, 401)})
    got = audio_costs.ours(lambda sound: figures, reference, take)
    assert got == pytest.approx({LLR: -7.0, "typicality": -0.5, "nats/s": 50.0})
    assert audio_costs.ours(lambda sound: figures, None, take).keys() == {LLR, "nats/s"}
    assert audio_costs.density_and_level(take) == {"note density": 2.0, "RMS": 0.5}
    assert audio_costs.another_view("v", lambda sound: {**figures, "curve": []}, take) == {"v nats/s": 50.0}
    assert audio_costs.another_view("d", lambda sound: {"bound_nats_per_second": 3.0}, take) == {"d nats/s": 3.0}
    assert audio_costs.another_view("a", lambda sound: {"CE": 2.0, "PQ": 3.0}, take) == {"a CE": -2.0, "a PQ": -3.0}


def test_compressed_bits_are_fewer_for_steady_sound():
    t = np.arange(2 * RATE) / RATE
    steady, noisy = 0.1 * np.sin(2 * np.pi * 440 * t), 0.1 * np.random.default_rng(1).standard_normal(2 * RATE)
    bits = [
        audio_costs.compressed_bits(Take(Waveform(x[None].astype(np.float32), RATE, "x"), 0))["compressed bits/s"]
        for x in (steady, noisy)
    ]
    assert 0 < bits[0] < bits[1] < 8 * 88 * 31.25


def test_a_baseline_is_turned_where_that_favours_it_and_stays_lost_where_it_refused():
    costs = {}
    for column, of_corrupted in (("note density", 1.0), ("RMS", -1.0), ("compressed bits/s", 0.0)):
        costs |= costs_like(
            lambda version, c=of_corrupted: np.full((20, 2), c if version in CORRUPTED else 0.0), column
        )
    costs["scale", "RMS"] = np.full((20, 2), np.inf)
    turned = audio_ranking.in_their_favour(costs)
    assert audio_ranking.names(turned, 1) == ["lower note density", "higher RMS", "lower compressed bits/s"]
    shares = [audio_ranking.won(turned, YARDSTICK, column).mean() for column in audio_ranking.names(turned, 1)]
    assert shares == [1.0, 1.0, 0.5]
    assert audio_ranking.won(turned, "scale", "higher RMS").mean() == 1.0


def test_rank_correlation_is_within_each_excerpt():
    costs = np.array([[1.0, 2.0, 3.0, 4.0], [40.0, 30.0, 20.0, 10.0], [5.0, 5.0, 5.0, 5.0], [0.0, 0.0, 1.0, np.inf]])
    assert audio_ranking.rank_correlation(costs) == pytest.approx([1.0, -1.0, 0.0, 0.9486833])


def test_a_control_is_neutral_where_its_whole_interval_is_within_the_margin():
    rng = np.random.default_rng(1)
    originals = rng.normal(0.0, 50.0, (20, 2))  # pieces differ by far more than versions of one
    change = {YARDSTICK: 10.0, CONTROLS[1]: 0.2, CONTROLS[2]: -2.0}
    noise = {CONTROLS[3]: 3.0}

    def make(version):
        return originals + change.get(version, 0.0) + noise.get(version, 0.0) * rng.standard_normal((20, 2))

    rows = audio_ranking.control_rows(costs_like(make))
    assert [row[0] for row in rows] == list(CONTROLS)
    assert [row[-1] for row in rows] == ["yes", "yes", "no", "no", "yes", "yes"]
    assert [row[1].split()[0] for row in rows[:3]] == ["+0.00", "-0.20", "+2.00"]
    assert [row[2].split()[0] for row in rows[:3]] == ["0.0%", "2.0%", "-20.0%"]
    assert float(rows[3][3].split("%")[0]) > 10  # what differs without a direction shows here


def test_rows_name_cases_and_mark_what_the_background_knows():
    rows = audio_ranking.ranking_rows(costs_like(lambda version: np.zeros((20, 2))), {"wrong_notes", "loop"})
    assert [row[0].removesuffix(" *") for row in rows] == list(VERSIONS[1:])
    marked = {row[0].removesuffix(" *") for row in rows if row[0].endswith(" *")}
    assert marked == {case for case, (name, _) in NOTE_CASES.items() if name in ("wrong_notes", "loop")}
    assert {row[1] for row in rows} == {"0.500 [0.500, 0.500]"}


def test_the_ratio_is_set_against_every_other_score_on_the_same_excerpts():
    costs = costs_like(lambda version: np.full((20, 2), float(version == YARDSTICK)))
    costs |= costs_like(lambda version: np.zeros((20, 2)), "nats/s")
    rows = audio_ranking.score_rows(costs)
    assert [row[:2] for row in rows] == [[LLR, ""], ["nats/s", "+0.500 [+0.500, +0.500]"]]


def test_without_a_background_the_command_says_so(weights, tmp_path):
    (tmp_path / "spectral_lm.safetensors").write_bytes((weights / "spectral_lm.safetensors").read_bytes())
    with pytest.raises(WeightsError, match=r"spectral_lm_background\.safetensors: no such weights file"):
        audio_ranking.main(["--weights", str(tmp_path)])


def test_the_command_prints_its_tables(corpus, weights, capsys):
    flags = ["--data", str(corpus), "--weights", str(weights), "--pieces", "2", "--per-piece", "1"]
    flags += ["--seconds", str(SECONDS), "--soundfont", str(default_soundfont())]
    assert audio_ranking.main(flags) == 0
    output = capsys.readouterr()
    title, _, header, _, *lines = output.out.splitlines()
    assert title == "2 renderings of 2 s from 2 test pieces"
    assert header.startswith("| original against | LLR/s | nats/s | ")
    cells = {line.split(" | ")[0].removeprefix("| "): line.split(" | ")[1:] for line in lines if line.startswith("| ")}
    assert {"wrong_notes 10 % *", "semitone 10 % *", "reverse", "gain +12 dB", "silence", "held chord"} <= cells.keys()
    assert cells["silence"][:2] == 2 * ["1.000 [1.000, 1.000]"]  # refused, by its nats the likeliest
    assert "spectral_lm: no percentile" in output.err
