"""The score of a recording: its sums, its ratio to the background model, its curve, and what is refused."""

import dataclasses
import hashlib
import json

import numpy as np
import pytest
import torch

from audio.signal.waveform import Waveform
from audio.spectral.config import BACKGROUND_KIND, KIND, SpectralLMConfig
from audio.spectral.frames import STEPS_PER_SECOND, FrameConfig, active_frames, in_steps, quantised_frames
from audio.spectral.hearing import Hearing
from audio.spectral.model import SpectralLM
from audio.spectral.scoring import SpectralLMScorer, SpectralScore, sounding_span
from losscal.errors import InputError, WeightsError
from losscal.files import sha256_of
from losscal.weights import save_weights

pytestmark = pytest.mark.processor
SMALL = SpectralLMConfig(
    channels=8, n_layers=2, band_context=2, cell_channels=8, past_steps=1, lower_reach=2, hearing_channels=4
)
RATE, OUR_FRAMES = STEPS_PER_SECOND, FrameConfig().hash


def random_model(seed: int = 0, config: SpectralLMConfig = SMALL, hearing_seed: int = 0) -> SpectralLM:
    """Every weight is moved; what hears depends on its own seed, and hears much."""
    torch.manual_seed(seed)
    model = SpectralLM(config).eval()
    torch.manual_seed(hearing_seed)
    hearing = Hearing(model.hearing.config)
    model.hearing.load_state_dict(hearing.state_dict())
    with torch.no_grad():
        torch.manual_seed(seed)
        for name, parameter in model.named_parameters():
            if not name.startswith("hearing"):
                parameter.add_(0.2 * torch.randn_like(parameter))
        model.hearing.head.weight.mul_(10.0)
        model.hearing.head.bias.fill_(-1.0)
    return model


def save(folder, kind=KIND, seed=0, config=SMALL, frames_hash=OUR_FRAMES):
    story = {"configs": {KIND: dataclasses.asdict(config)}, "frames_hash": frames_hash}
    save_weights(folder / f"{kind}.safetensors", random_model(seed, config).state_dict(), kind=kind, story=story)


@pytest.fixture
def weights_dir(tmp_path):
    save(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def scorer() -> SpectralLMScorer:
    return SpectralLMScorer(random_model(0), "hash", random_model(1))


def chords(seconds: float = 6.0, seed: int = 0) -> np.ndarray:
    """A struck chord of random notes each half second, at 16 kHz."""
    rng, t = np.random.default_rng(seed), np.arange(8000) / 16_000
    bars = [sum(np.sin(2 * np.pi * f * t) for f in rng.uniform(100, 2000, 4)) for _ in range(round(2 * seconds))]
    return np.concatenate([0.1 * bar * np.exp(-4 * t) for bar in bars]).astype(np.float32)


def waveform(samples: np.ndarray) -> Waveform:
    return Waveform(samples[None].astype(np.float32), 16_000, "chords.wav")


def test_a_tone_is_remarked_on_and_a_melody_is_not(scorer):
    seconds = np.arange(6 * 16_000) / 16_000
    tone = 0.2 * np.sin(2 * np.pi * 440.0 * seconds)
    assert scorer.score(waveform(tone))["remarks"] == (
        "hardly music: one semitone is the loudest in 100% of its sound",
    )
    melody = 0.2 * np.sin(2 * np.pi * np.repeat([440.0, 494.0, 523.0, 440.0, 392.0, 440.0], 16_000) * seconds)
    for other in (melody, tone[: 4 * 16_000]):  # of four seconds little can be told
        assert "remarks" not in scorer.score(waveform(other))


def test_the_report_has_the_contract_s_keys_as_json(weights_dir):
    scorer = SpectralLMScorer.load(weights_dir)
    sound = waveform(np.concatenate([chords(1.0), np.zeros(8000), chords(1.0)]))
    report, score = scorer.score(sound), scorer.score_sound(sound)
    assert list(report) == [
        "nll_nats",
        "nll_nats_per_second",
        "llr_nats_per_second",
        "percentile",
        "typicality",
        "active_fraction",
        "curve",
    ]
    assert json.loads(json.dumps(report)) == report
    assert score.step_nats.dtype == np.float64 and score.step_nats.shape == (40,)
    assert report["nll_nats"] == pytest.approx(score.step_nats.sum())
    assert report["nll_nats_per_second"] == pytest.approx(report["nll_nats"] / 2.5)
    assert 0.8 < report["active_fraction"] < 0.9
    assert list(report["curve"]) == ["start_seconds", "nll_nats_per_second", "active_fraction"]
    assert report["llr_nats_per_second"] is report["percentile"] is report["typicality"] is None
    described = scorer.describe()
    assert (described.sample_rate, described.loudness_lufs) == (16_000, -23.0)
    assert described.weights_sha256 == scorer.weights_sha256 == sha256_of(weights_dir / "spectral_lm.safetensors")


def test_the_ratio_is_of_the_active_frames_by_their_seconds(scorer):
    levels = quantised_frames(waveform(np.concatenate([chords(2.0), np.zeros(16_000)])))
    score = scorer.score_levels(levels, 3.0, "chords")
    is_active = in_steps(active_frames(levels)) > 0
    assert 0 < is_active.sum() < len(is_active)
    assert score.step_nats.shape == is_active.shape
    nats = (score.background_nats - score.step_nats)[is_active].sum()
    assert score.llr_nats_per_second == pytest.approx(nats / (is_active.sum() / RATE))


def test_identical_models_have_no_ratio_and_exchanged_ones_the_opposite(scorer):
    sound = waveform(chords())
    model, background = scorer.model, scorer.background
    assert SpectralLMScorer(model, "", model).score_sound(sound).llr_nats_per_second == 0.0
    there, back = (SpectralLMScorer(a, "", b).score_sound(sound) for a, b in ((model, background), (background, model)))
    assert there.llr_nats_per_second == pytest.approx(-back.llr_nats_per_second)
    assert there.llr_nats_per_second != 0.0


def test_silence_behind_changes_no_ratio_and_silence_before_only_the_first_frames(scorer):
    levels, silence = quantised_frames(waveform(chords())), np.zeros((100, 88), dtype=np.uint8)
    plain = scorer.score_levels(levels, 6.0, "")
    behind = scorer.score_levels(np.concatenate([levels, silence]), 9.2, "")
    before = scorer.score_levels(np.concatenate([silence, levels]), 9.2, "")
    rounding = 1e-6 * plain.nll_nats_per_second  # a ratio is the difference of two figures as large as this
    assert behind.llr_nats_per_second == pytest.approx(plain.llr_nats_per_second, abs=rounding)
    assert behind.nll_nats_per_second < plain.nll_nats_per_second
    context = SMALL.context_steps
    np.testing.assert_allclose(before.background_nats[50 + context :], plain.background_nats[context:], rtol=1e-4)
    np.testing.assert_allclose(before.step_nats[50 + context :], plain.step_nats[context:], rtol=1e-4)


def test_gain_hardly_changes_the_ratio(scorer):
    plain, other = (scorer.score_sound(waveform(chords(seed=seed))).llr_nats_per_second for seed in (0, 1))
    for gain in (0.31, 3.9):
        changed = scorer.score_sound(waveform(gain * chords())).llr_nats_per_second
        assert abs(changed - plain) < 0.1 * abs(other - plain)


def test_silence_at_the_ends_of_a_file_costs_its_seconds_and_nothing_else(scorer):
    samples = chords()[100:]
    padded = np.concatenate([np.zeros(16_123), samples, 1e-5 * np.ones(20_000)])
    plain, changed = (scorer.score_sound(waveform(x)) for x in (samples, padded))
    np.testing.assert_allclose(changed.step_nats, plain.step_nats, rtol=1e-3)
    assert changed.llr_nats_per_second == pytest.approx(plain.llr_nats_per_second, rel=1e-4)
    assert changed.nll_nats == pytest.approx(plain.nll_nats, rel=1e-4)
    assert changed.nll_nats_per_second == pytest.approx(changed.nll_nats / len(padded) * 16_000)
    assert changed.active_fraction * len(padded) == pytest.approx(plain.active_seconds * 16_000)
    assert changed.lead_seconds == pytest.approx(16_123 / 16_000, abs=1e-3)
    np.testing.assert_array_equal(changed.curve()["start_seconds"], changed.lead_seconds + np.arange(6))


@pytest.mark.parametrize("offset", [0.01, -0.02, 0.2])
def test_an_offset_that_nobody_hears_moves_no_figure_and_silence_is_still_cut(scorer, offset):
    """To a thousandth, as docs/spectral_lm.md states."""
    sound = np.concatenate([np.zeros(16_123), chords()[100:], np.zeros(20_000)])
    plain, changed = (scorer.score_sound(waveform(sound + shift)) for shift in (0.0, offset))
    assert changed.lead_seconds == pytest.approx(plain.lead_seconds, abs=1e-3)
    for figure in ("nll_nats", "llr_nats_per_second", "active_fraction"):
        assert getattr(changed, figure) == pytest.approx(getattr(plain, figure), rel=1e-3)


@pytest.mark.parametrize("block", [7, 1000])
def test_the_sounding_span_ignores_gain_blocks_and_channels(block, monkeypatch):
    monkeypatch.setattr("audio.signal.blocks.BLOCK_SAMPLES", block)
    samples = np.zeros((2, 5000), dtype=np.float32)
    samples[0, 1234], samples[1, 3456] = 0.5, -0.0006
    samples[0, 10] = samples[1, 4990] = 0.0004  # below 60 dB under the loudest
    for gain in (1.0, 0.013, 77.0):
        assert sounding_span(Waveform(gain * samples, 16_000, "")) == (1234, 3457)
    assert sounding_span(Waveform(np.ones((1, 50), dtype=np.float32), 16_000, "")) == (0, 50)


def test_the_curve_sums_to_the_totals(scorer):
    levels = quantised_frames(waveform(np.concatenate([chords(3.5), np.zeros(32_000)])))
    score = scorer.score_levels(levels, 5.5, "chords")
    curve = score.curve()
    assert curve.dtype.names == ("start_seconds", "nll_nats_per_second", "active_fraction", "llr_nats_per_second")
    np.testing.assert_array_equal(curve["start_seconds"], np.arange(6.0))
    n_steps = np.bincount((np.arange(len(score.step_nats)) / RATE).astype(int))
    assert n_steps.sum() == 86 and set(n_steps[:-1]) == {15, 16}
    seconds = n_steps / RATE
    assert (curve["nll_nats_per_second"] * seconds).sum() == pytest.approx(score.nll_nats)
    active_seconds = (curve["active_fraction"] * seconds).sum()
    assert active_seconds == pytest.approx(score.is_active.sum() / RATE)
    llr_nats = score.llr_nats_per_second * active_seconds
    assert (curve["llr_nats_per_second"] * seconds).sum() == pytest.approx(llr_nats)
    assert curve["llr_nats_per_second"][-1] == curve["active_fraction"][-1] == 0.0
    assert scorer.score(waveform(chords()))["curve"]["llr_nats_per_second"]


def test_a_curve_of_less_than_a_second_has_one_row():
    score = SpectralScore(np.full(10, 3.0), None, np.ones(10, dtype=bool), 0.64)
    assert score.curve().tolist() == [(0.0, pytest.approx(3.0 * RATE), 1.0)]
    assert score.llr_nats_per_second is None


def test_mostly_silent_recordings_are_refused(weights_dir):
    sound = waveform(np.concatenate([chords(0.5), np.zeros(20 * 16_000)]))
    with pytest.raises(InputError, match=r"chords\.wav: only .*% of it is louder than -60 dB"):
        SpectralLMScorer.load(weights_dir).score(sound)


def test_a_background_model_beside_the_model_is_loaded(weights_dir):
    assert SpectralLMScorer.load(weights_dir).background is None
    save(weights_dir, kind=BACKGROUND_KIND, seed=1)
    scorer = SpectralLMScorer.load(weights_dir)
    assert scorer.score(waveform(chords()))["llr_nats_per_second"] != 0.0
    files = [(weights_dir / f"{kind}.safetensors").read_bytes() for kind in (KIND, BACKGROUND_KIND)]
    assert scorer.weights_sha256 == hashlib.sha256(files[0] + files[1]).hexdigest()


@pytest.mark.parametrize("kind", [KIND, BACKGROUND_KIND])
def test_broken_and_foreign_weights_are_refused(weights_dir, kind):
    path = weights_dir / f"{kind}.safetensors"
    save(weights_dir, kind=kind, frames_hash="other")
    with pytest.raises(WeightsError, match=rf"{kind}\.safetensors: .*another recipe"):
        SpectralLMScorer.load(weights_dir)
    story = {"configs": {KIND: dataclasses.asdict(SMALL) | {"channels": 16}}, "frames_hash": FrameConfig().hash}
    save_weights(path, random_model().state_dict(), kind=kind, story=story)
    with pytest.raises(WeightsError, match=rf"{kind}\.safetensors: does not fit"):
        SpectralLMScorer.load(weights_dir)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match=rf"{kind}\.safetensors: truncated"):
        SpectralLMScorer.load(weights_dir)


def test_absent_weights_and_a_background_of_another_size_are_refused(weights_dir):
    with pytest.raises(WeightsError, match="no such weights file"):
        SpectralLMScorer.load(weights_dir / "elsewhere")
    save(weights_dir, kind=BACKGROUND_KIND, config=dataclasses.replace(SMALL, channels=16))
    with pytest.raises(WeightsError, match=r"spectral_lm_background\.safetensors: is of another size"):
        SpectralLMScorer.load(weights_dir)
