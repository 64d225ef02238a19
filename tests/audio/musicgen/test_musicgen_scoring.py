"""The likelihood against one worked out code by code; windows, ends, channels and EnCodec in chunks."""

import math
from dataclasses import astuple, replace

import numpy as np
import pytest
import torch
from sounds import Hum, added_bytes_per_second
from tiny_musicgen import N_CODES, random_codes, random_model, tiny, tones

from audio.musicgen.checkpoint import MusicGen
from audio.musicgen.checks import CHECKS, figures_on, run_checks
from audio.musicgen.codec import ChunkConfig, decode, encode, encode_and_compare, prepared
from audio.musicgen.config import DEFAULT_WINDOWS, LOUDNESS_LUFS, WindowConfig
from audio.musicgen.scoring import MusicGenScore, MusicGenScorer, code_nats
from audio.musicgen.steps import windows
from audio.signal.waveform import Waveform, in_memory, loudness_lufs
from losscal.errors import InputError

pytestmark = pytest.mark.processor
KINDS = [("musicgen", 1), ("musicgen", 2), ("musicgen_melody", 1)]
SHORT = WindowConfig(window_seconds=0.4, context_seconds=0.1)  # 20 steps, of which 5 + 3 are context: 12 new ones each
SMALL_CHUNKS = ChunkConfig(frames=40, left_frames=20, right_frames=5)


def worked_out_nats(musicgen, codes, window_steps=10**6, new_steps=10**6):
    """-log p of each code, from passes that hold nothing but the steps before it; shares no code with the scorer."""
    channels = musicgen.channels
    prefix = musicgen.prefix(musicgen.condition())
    nats = np.zeros(codes.shape)
    for codebook in range(codes.shape[0]):
        for frame in range(codes.shape[1]):
            step = frame + codebook // channels
            window = max(0, math.ceil((step + 1 - window_steps) / new_steps))
            start = window * new_steps
            inputs = [[N_CODES] for _ in codes]
            for past_step in range(start, step):
                for row in range(codes.shape[0]):
                    past_frame = past_step - row // channels
                    is_code = start <= past_frame < codes.shape[1]
                    inputs[row].append(int(codes[row, past_frame]) if is_code else N_CODES)
            logits = musicgen.logits(torch.tensor(inputs)[None], prefix)[0, codebook, -1].double()
            nats[codebook, frame] = -torch.log_softmax(logits, dim=0)[codes[codebook, frame]]
    return nats


@pytest.mark.parametrize(("kind", "channels"), KINDS)
def test_nats_are_those_worked_out_code_by_code(kind, channels):
    musicgen = tiny(kind, channels)
    codes = random_codes(9, musicgen.n_codebooks)
    nats = code_nats(musicgen, codes, musicgen.condition())
    assert nats.dtype == np.float64 and nats.shape == codes.shape
    np.testing.assert_allclose(nats, worked_out_nats(musicgen, codes), atol=1e-5)


def test_windowed_nats_are_those_worked_out_code_by_code():
    codes = random_codes(31)  # 34 steps: windows from 0, 12 and 24
    nats = code_nats(tiny(), codes, tiny().condition(), SHORT)
    np.testing.assert_allclose(nats, worked_out_nats(tiny(), codes, window_steps=20, new_steps=12), atol=1e-5)
    single = code_nats(tiny(), codes, tiny().condition())
    fits = np.arange(31) + np.arange(4)[:, None] < 20
    np.testing.assert_allclose(nats[fits], single[fits], atol=1e-5)  # fp32 figures of about 9
    assert (np.abs(nats - single)[~fits] > 1e-3).any()


@pytest.mark.parametrize("n_steps", [1, 1500, 1501, 2247, 2248, 360_003])
def test_every_step_is_new_once_behind_fifteen_seconds_in_windows_of_thirty(n_steps):
    found = windows(tiny(), n_steps, DEFAULT_WINDOWS)
    assert [step for window in found for step in range(window.first, window.last)] == list(range(n_steps))
    for window in found:
        assert window.last - window.start <= 30 * 50
        assert window.start == 0 or window.first - window.start - 3 >= 15 * 50  # a codebook lags by up to 3 steps
        assert (window.new.start, window.new.stop) == (window.first - window.start, window.last - window.start)


def test_windows_out_of_bounds_are_refused():
    for wrong in (
        {"window_seconds": 30.1},
        {"window_seconds": 0.0},
        {"context_seconds": 30.0},
        {"context_seconds": -1},
    ):
        with pytest.raises(ValueError, match=f"^{next(iter(wrong))} "):
            WindowConfig(**wrong)
    with pytest.raises(ValueError, match="fills the window"):
        windows(tiny(), 100, WindowConfig(window_seconds=0.4, context_seconds=0.36))
    with pytest.raises(InputError, match="a window of 203 steps exceeds the model's position table of 140"):
        code_nats(tiny(), random_codes(200), tiny().condition())


@pytest.mark.parametrize(("kind", "channels"), KINDS)
def test_all_proofs_hold(kind, channels):
    checks = list(run_checks(tiny(kind, channels)))
    assert len(checks) == len(CHECKS) and all(check.passed for check in checks), checks


class LooksAhead(MusicGen):
    def logits(self, inputs, *rest):
        return super().logits(inputs.roll(-2, dims=2), *rest)


class DependsOnTheWindow(MusicGen):
    def logits(self, inputs, *rest):
        return super().logits(inputs, *rest) * (1.0 + inputs.shape[2] / 100)


class SwapsCodebooks(MusicGen):
    delays = (0, 1, 3, 2)


class ForgetsItsCache(MusicGen):
    def logits(self, inputs, prefix, cache=None):
        return super().logits(inputs, prefix, cache and self.new_cache())


class GrowsItsTable(MusicGen):
    def logits(self, inputs, prefix, cache=None):
        return super().logits(inputs[..., : self.max_steps], prefix, cache)


@pytest.mark.parametrize(
    ("broken", "caught_by"),
    [
        (LooksAhead, {check.__name__ for check in CHECKS} - {"position_table"}),
        (DependsOnTheWindow, {"codebook_order", "windows_equal_single_passes", "prefix_consistency"}),
        (SwapsCodebooks, {"codebook_order"}),
        (ForgetsItsCache, {"drawn_as_scored"}),
        (GrowsItsTable, {"position_table"}),
    ],
)
def test_each_proof_catches_what_it_is_for(broken, caught_by):
    musicgen = broken(tiny().model, None, "")
    assert {check.__name__ for check in CHECKS if not check(musicgen, random_codes(110)).passed} == caught_by


def test_the_last_frame_is_scored_like_any_other():
    codes = random_codes(45)
    before = code_nats(tiny(), codes, tiny().condition(), SHORT)
    codes[:, -1] = (codes[:, -1] + 1) % N_CODES
    change = np.abs(code_nats(tiny(), codes, tiny().condition(), SHORT) - before)
    assert (before > 0).all() and (change[:, -1] > 1e-4).all()
    assert (change[:, :-3] == 0).all()  # the frames before it that see its first codebooks are the last three


def test_figures_of_a_score_are_sums_divided_once():
    nats = np.random.default_rng(1).uniform(1.0, 5.0, (4, 120))
    score = MusicGenScore(nats, frame_rate=50, seconds=2.39, reconstruction=None)
    np.testing.assert_allclose(score.cross_entropy, nats.sum(axis=1) / 120)
    assert score.perplexity == pytest.approx(math.exp(nats.sum() / 480))
    assert score.nll_nats_per_second == pytest.approx(nats.sum() / 2.39)
    of_seconds = [nats[:, :50].sum(), nats[:, 50:100].sum(), nats[:, 100:].sum() / 0.4]
    np.testing.assert_allclose(score.curve, of_seconds)


def test_uniform_weights_give_the_uniform_likelihood():
    musicgen = MusicGen(random_model(), None, "")
    for head in musicgen.model.decoder.lm_heads:
        head.weight.data.zero_()
    report = MusicGenScorer(musicgen, config=SHORT).score(tones(1.0))
    assert report["perplexity"] == pytest.approx(N_CODES)
    assert report["nll_nats_per_second"] == pytest.approx(4 * 50 * math.log(N_CODES))
    assert report["cross_entropy"] == pytest.approx([math.log(N_CODES)] * 4) and report["curve"]["start_seconds"] == [0]


def test_a_mono_checkpoint_hears_the_mean_of_the_channels_at_fixed_loudness():
    scorer = MusicGenScorer(tiny(), config=SHORT)
    stereo = tones(1.0, channels=2)
    mean = replace(stereo, samples=stereo.samples.mean(axis=0, keepdims=True))
    assert scorer.score(stereo) == scorer.score(mean) != scorer.score(replace(stereo, samples=stereo.samples[:1]))
    quieter = scorer.score(replace(mean, samples=mean.samples / 4))
    assert quieter["nll_nats_per_second"] == pytest.approx(scorer.score(mean)["nll_nats_per_second"], rel=0.01)
    sound = prepared(tiny(), tones(1.0, sample_rate=44_100))
    assert (sound.n_channels, sound.n_samples, sound.sample_rate) == (1, 32_000, 32_000)
    assert loudness_lufs(sound) == pytest.approx(LOUDNESS_LUFS, abs=0.05)
    with pytest.raises(InputError, match="silence: is all but silent, quieter than -70 LUFS"):
        scorer.score(Waveform(np.zeros((1, 32_000), np.float32), 32_000, "silence"))


def test_a_stereo_checkpoint_hears_two_channels_whose_codebooks_alternate():
    musicgen = tiny(channels=2)
    sound = prepared(musicgen, tones(1.0, channels=2))
    samples, codes = in_memory(sound).samples, encode(musicgen, sound)
    for channel in range(2):
        of_channel = torch.from_numpy(samples[None, channel : channel + 1])
        alone = musicgen.model.audio_encoder.encode(of_channel).audio_codes[0, 0]
        assert torch.equal(codes[channel::2], alone)
    decoded = decode(musicgen, codes)
    assert decoded.shape == (2, 32_000) and (decoded[0] != decoded[1]).any()
    of_mono = encode(musicgen, prepared(musicgen, tones(1.0)))
    assert torch.equal(of_mono[0::2], of_mono[1::2])


def test_chunks_bound_the_memory_and_change_few_codes(monkeypatch):
    musicgen, lengths = tiny(), []
    sound = prepared(musicgen, tones(3.99))  # 199.5 frames
    whole = encode(musicgen, sound)
    unwatched = musicgen.model.audio_encoder.encode
    monkeypatch.setattr(
        musicgen.model.audio_encoder, "encode", lambda part: lengths.append(part.shape[-1]) or unwatched(part)
    )
    chunked = encode(musicgen, sound, SMALL_CHUNKS)
    assert chunked.shape == whole.shape == (4, 200)
    assert len(lengths) == 5 and max(lengths) == 65 * 640
    assert (chunked != whole).double().mean() < 0.02, (chunked != whole).double().mean()
    np.testing.assert_allclose(decode(musicgen, whole, SMALL_CHUNKS), decode(musicgen, whole), atol=1e-3)


def test_coding_holds_a_few_chunks_of_a_long_sound():
    musicgen = tiny()

    def encoded(seconds):
        encode(musicgen, prepared(musicgen, Hum(seconds)), SMALL_CHUNKS)

    assert added_bytes_per_second(encoded, 8, 24) < 12_800  # of 128,000 at 32 kHz


def test_reconstruction_loss_is_that_of_the_whole_file():
    musicgen = tiny()
    sound = prepared(musicgen, tones(1.99))
    codes, loss = encode_and_compare(musicgen, sound)
    samples = in_memory(sound).samples
    decoded = decode(musicgen, codes)[:, : sound.n_samples]
    assert loss.waveform_l1 == pytest.approx(np.abs(samples - decoded).mean(), rel=1e-5)
    convergence, logs = [], []
    for size in (512, 1024, 2048):
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
        padded = [np.pad(part[0].astype(np.float64), (0, 4096)) for part in (samples, decoded)]
        starts = range(0, 100 * 640, 160)
        of_sound, of_decoded = (
            np.abs([np.fft.rfft(part[start : start + size] * hann) for start in starts]) for part in padded
        )
        convergence.append(np.linalg.norm(of_sound - of_decoded) / np.linalg.norm(of_sound))
        logs.append(np.abs(np.log(np.maximum(of_sound, 1e-5)) - np.log(np.maximum(of_decoded, 1e-5))).mean())
    assert loss.spectral_convergence == pytest.approx(np.mean(convergence), rel=1e-4)
    assert loss.log_magnitude_l1 == pytest.approx(np.mean(logs), rel=1e-3)
    all_that_came_before = ChunkConfig(frames=40, left_frames=100, right_frames=10)
    codes_in_chunks, in_chunks = encode_and_compare(musicgen, sound, all_that_came_before)
    assert torch.equal(codes_in_chunks, codes)
    assert astuple(in_chunks) == pytest.approx(astuple(loss), rel=1e-5)


def test_figures_on_a_recording():
    figures = figures_on(tiny(), tones(1.0))
    assert figures.pop("share of codes that chunked encoding changes") == 0.0  # shorter than a chunk
    assert all(0.0 < nats < 20.0 for nats in figures.values()) and len(figures) == 2
