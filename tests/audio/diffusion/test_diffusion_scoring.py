"""The estimate is unbiased, its error is told honestly, and nothing but the sound and the seed decides it."""

import dataclasses
import json

import numpy as np
import pytest
import soundfile
import torch
from diffusion_cases import TINY, bound_by_quadrature, random_model

from audio.diffusion.__main__ import main
from audio.diffusion.config import DiffusionConfig, EstimateConfig
from audio.diffusion.model import DiffusionModel
from audio.diffusion.scoring import KIND, TERMS, DiffusionScore, DiffusionScorer, window_nats
from audio.signal.waveform import Waveform, read_audio
from audio.spectral.frames import FrameConfig
from losscal.errors import InputError, WeightsError
from losscal.files import sha256_of
from losscal.weights import save_weights

pytestmark = pytest.mark.processor
MODEL = random_model()
LEVELS = np.random.default_rng(0).integers(3, size=(40, 2), dtype=np.uint8)
QUICK = EstimateConfig(window_frames=16, times=3, repeats=2)


def score_of(nats: np.ndarray) -> DiffusionScore:
    return DiffusionScore(nats, window_frames=np.array([1]), seconds=1.0, active_fraction=1.0)


def test_the_mean_estimate_is_what_quadrature_gives():
    frame = np.array([[2, 0]], dtype=np.uint8)
    nats = window_nats(MODEL, frame, EstimateConfig(times=2, repeats=400))
    score = score_of(nats)
    wanted = bound_by_quadrature(MODEL, frame[0], TINY, n_times=200)
    assert abs(score.bound_nats_per_second - wanted) < 4.0 * score.standard_error_nats_per_second
    assert score.standard_error_nats_per_second < 0.1 * wanted


def test_the_standard_error_shrinks_with_repeats_and_faster_with_times():
    """Nine times the repeats make a third of the error; sixteen times as many times make less than the fourth."""

    def error(**knobs: int) -> float:
        estimate = EstimateConfig(window_frames=40, **knobs)
        return score_of(window_nats(MODEL, LEVELS, estimate)).standard_error_nats_per_second

    few = error(times=1, repeats=16)
    assert error(times=1, repeats=144) < 0.5 * few
    assert error(times=16, repeats=16) < 0.2 * few


def test_the_times_of_the_windows_interleave():
    """At the same time each, five windows would err together, as far as one window of them all."""

    def error(window_frames: int) -> float:
        estimate = EstimateConfig(window_frames=window_frames, times=1, repeats=64)
        return score_of(window_nats(MODEL, LEVELS, estimate)).standard_error_nats_per_second

    assert error(window_frames=8) < 0.5 * error(window_frames=40)


def test_the_standard_error_is_that_of_independent_totals():
    nats = np.array([[[1.0, 2.0, 3.0]], [[1.0, 4.0, 3.0]], [[1.0, 9.0, 3.0]]])
    score = score_of(nats)
    assert score.bound_nats_per_second == pytest.approx(9.0)
    assert score.standard_error_nats_per_second == pytest.approx(np.std([6, 8, 13], ddof=1) / np.sqrt(3))


def test_the_seed_decides_the_noise():
    first = window_nats(MODEL, LEVELS, QUICK)
    np.testing.assert_array_equal(window_nats(MODEL, LEVELS, QUICK), first)
    assert first.shape == (2, 3, len(TERMS)) and first.dtype == np.float64
    assert (window_nats(MODEL, LEVELS, dataclasses.replace(QUICK, seed=2))[..., 1] != first[..., 1]).all()
    assert (first[0, :, 1] != first[1, :, 1]).all()


@pytest.mark.parametrize("batch_size", [2, 3, 5])
def test_the_batch_size_changes_nothing(batch_size):
    batched = window_nats(MODEL, LEVELS, dataclasses.replace(QUICK, batch_size=batch_size))
    np.testing.assert_allclose(batched, window_nats(MODEL, LEVELS, QUICK), rtol=1e-5)


def test_a_window_does_not_hear_what_follows_and_the_last_one_is_as_long_as_it_is():
    whole = window_nats(MODEL, LEVELS, QUICK)
    np.testing.assert_allclose(window_nats(MODEL, LEVELS[:32], QUICK), whole[:, :2], rtol=1e-5)
    changed = LEVELS.copy()
    changed[32:] = 2 - changed[32:]
    np.testing.assert_allclose(window_nats(MODEL, changed, QUICK)[:, :2], whole[:, :2], rtol=1e-5)
    per_frame = window_nats(MODEL, LEVELS, dataclasses.replace(QUICK, times=16)).sum(2).mean(0) / [16, 16, 8]
    assert per_frame[2] == pytest.approx(per_frame[:2].mean(), rel=0.5)  # padded, it would be twice as much


@pytest.mark.parametrize(("field", "value"), [("repeats", 1), ("times", 0), ("window_frames", 0), ("seed", -1)])
def test_a_wrong_estimate_names_the_field(field, value):
    with pytest.raises(ValueError, match=f"{field} {value}"):
        EstimateConfig(**{field: value})


SMALL = DiffusionConfig(channels=8, n_layers=2, band_context=2, cell_channels=4, cell_layers=1)


@pytest.fixture(scope="module")
def weights_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    story = {"configs": {KIND: dataclasses.asdict(SMALL)}, "frames_hash": FrameConfig().hash}
    torch.manual_seed(0)
    save_weights(folder / f"{KIND}.safetensors", DiffusionModel(SMALL).state_dict(), kind=KIND, story=story)
    return folder


def chord(seconds: float, silence_seconds: float = 0.0) -> Waveform:
    """With silence before and behind."""
    t = np.arange(round(seconds * 44_100)) / 44_100
    samples = sum(0.1 * np.cos(2 * np.pi * f * t) for f in (220.0, 277.2, 329.6))
    samples = np.pad(samples, round(silence_seconds * 44_100))
    return Waveform(samples[None].astype(np.float32), 44_100, "chord.wav")


def test_the_scorer_reports_its_terms(weights_dir):
    scorer = DiffusionScorer.load(weights_dir, dataclasses.replace(QUICK, window_frames=32, times=8))
    report = scorer.score(chord(1.5, silence_seconds=0.5))
    assert report["bound_nats_per_second"] == pytest.approx(sum(report[f"{term}_nats_per_second"] for term in TERMS))
    assert report["bound_nats"] == pytest.approx(2.5 * report["bound_nats_per_second"])
    assert 0 < report["standard_error_nats_per_second"] < 0.1 * report["bound_nats_per_second"]
    curve = report["curve"]
    np.testing.assert_allclose(curve["start_seconds"], [0.5, 0.5 + 1.024], atol=1e-3)
    assert np.dot(curve["bound_nats_per_second"], [32 / 31.25, 15 / 31.25]) == pytest.approx(report["bound_nats"])
    assert report["active_fraction"] == pytest.approx(1.5 / 2.5, abs=0.01)
    described = scorer.describe()
    assert (described.sample_rate, described.loudness_lufs) == (16_000, -23.0)
    assert described.weights_sha256 == sha256_of(weights_dir / f"{KIND}.safetensors")


def test_absent_and_foreign_weights_are_refused(weights_dir, tmp_path):
    with pytest.raises(WeightsError, match="no such weights file"):
        DiffusionScorer.load(tmp_path)
    story = {"configs": {KIND: dataclasses.asdict(SMALL)}, "frames_hash": "other"}
    save_weights(tmp_path / f"{KIND}.safetensors", DiffusionModel(SMALL).state_dict(), kind=KIND, story=story)
    with pytest.raises(WeightsError, match="another recipe"):
        DiffusionScorer.load(tmp_path)


def test_the_command_scores_and_samples(weights_dir, tmp_path, capsys):
    sound = chord(0.5)
    soundfile.write(tmp_path / "chord.wav", sound.samples.T, sound.sample_rate)
    scoring = ["score", str(tmp_path / "chord.wav"), "--weights", str(weights_dir), "--times", "2", "--repeats", "2"]
    assert main([*scoring, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["seconds"] == pytest.approx(0.5) and report["bound_nats_per_second"] > 0
    assert main(scoring) == 0
    assert f"{report['bound_nats_per_second']:.1f} ±" in capsys.readouterr().out
    sampling = ["sample", "--seconds", "0.5", "--steps", "2", "--weights", str(weights_dir), "--out"]
    assert main([*sampling, str(tmp_path / "new.wav")]) == 0
    new = read_audio(tmp_path / "new.wav")
    assert (new.sample_rate, new.seconds) == (16_000, pytest.approx(0.5))


def test_wrong_arguments_are_told_in_one_sentence(capsys):
    with pytest.raises(InputError, match=r"nowhere\.wav: no such file"):
        main(["score", "nowhere.wav"])
    with pytest.raises(SystemExit, match="2"):
        main(["sample", "--out", "new.mp3"])
    assert "argument --out: new.mp3: end the name in .wav" in capsys.readouterr().err
