"""The frames measure what their recipe says, wherever a file is cut into blocks."""

import numpy as np
import pytest
from pyloudnorm import Meter
from sounds import Hum, added_bytes_per_second

from audio.signal import blocks
from audio.signal.waveform import Waveform
from audio.spectral import frames
from audio.spectral.frames import FrameConfig, active_frames, levels_of, quantised_frames

CONFIG = FrameConfig()


def tone(frequency: float, seconds: float, amplitude: float = 0.5) -> np.ndarray:
    t = np.arange(round(seconds * CONFIG.sample_rate)) / CONFIG.sample_rate
    return (amplitude * np.sin(2 * np.pi * frequency * t)).astype(np.float32)


def levels_of_samples(samples: np.ndarray) -> np.ndarray:
    return levels_of(Waveform(samples[None], CONFIG.sample_rate, "samples"))


def decibels(level: np.ndarray) -> np.ndarray:
    return CONFIG.floor_db + CONFIG.step_db * level


def test_the_recipe():
    assert (CONFIG.n_bands, CONFIG.n_levels, CONFIG.frames_per_second) == (88, 161, 31.25)


@pytest.mark.parametrize("n_samples", [1, 511, 512, 513, 16_000])
def test_every_sample_lies_in_a_frame(n_samples):
    assert levels_of_samples(np.full(n_samples, 0.1, dtype=np.float32)).shape == (-(-n_samples // 512), 88)


@pytest.mark.parametrize("pitch", [21, 33, 45, 60, 69, 84, 96, 108])
def test_a_key_s_fundamental_is_loudest_in_its_own_band(pitch):
    levels = levels_of_samples(tone(440.0 * 2 ** ((pitch - 69) / 12), 1.0))[15]
    assert levels[pitch - 21] == levels.max()


def test_level_of_a_sine_on_a_bin_by_hand():
    # Under a Hann window a sine on bin 128 (1000 Hz) puts 2/3 of its power there and 1/6 on each neighbour.
    levels = levels_of_samples(tone(1000.0, 1.0))[15]
    f = {p: 440.0 * 2 ** ((p - 69) / 12) for p in (82, 83, 84)}
    shares = {1000.0 - 7.8125: 1 / 6, 1000.0: 2 / 3, 1000.0 + 7.8125: 1 / 6}
    in_band = sum(share * (f[84] - hz) / (f[84] - f[83]) for hz, share in shares.items())
    assert decibels(levels[83 - 21]) == pytest.approx(10 * np.log10(0.25 * in_band), abs=0.26)


def test_half_the_amplitude_is_6_db_less():
    difference = levels_of_samples(tone(440.0, 1.0))[15].max() - int(
        levels_of_samples(tone(440.0, 1.0, 0.25))[15].max()
    )
    assert difference * CONFIG.step_db == pytest.approx(6.0, abs=0.5)


def test_silence_is_level_zero_and_overload_the_highest():
    assert not levels_of_samples(np.zeros(4096, dtype=np.float32)).any()
    assert levels_of_samples(tone(440.0, 1.0, 100.0)).max() == CONFIG.n_levels - 1


def test_a_click_shows_only_in_the_frames_around_it():
    samples = np.zeros(16_000, dtype=np.float32)
    samples[8000] = 1.0
    active = np.flatnonzero(levels_of_samples(samples).max(axis=1))
    assert active[0] >= (8000 - 1024) / 512 and active[-1] <= (8000 + 1024) / 512 and 8000 // 512 in active


def test_blocks_change_nothing(monkeypatch):
    samples = np.random.default_rng(0).normal(0, 0.1, 50_000).astype(np.float32)
    whole = levels_of_samples(samples)
    monkeypatch.setattr(frames, "BLOCK_FRAMES", 7)
    np.testing.assert_array_equal(levels_of_samples(samples), whole)


@pytest.mark.parametrize("sample_rate", [16_000, 44_100])
@pytest.mark.parametrize("block_samples", [997, 1 << 20])
def test_the_blocks_that_sound_arrives_in_change_nothing(monkeypatch, sample_rate, block_samples):
    samples = np.random.default_rng(1).normal(0, 0.1, (2, 3 * sample_rate + 5)).astype(np.float32)
    sound = Waveform(samples, sample_rate, "noise")
    wanted = quantised_frames(sound)
    monkeypatch.setattr(blocks, "BLOCK_SAMPLES", block_samples)
    np.testing.assert_array_equal(quantised_frames(sound), wanted)


def test_frames_are_those_of_the_whole_array_at_once():
    sound = Waveform(tone(440.0, 4.0)[None] + tone(3000.0, 4.0)[None], CONFIG.sample_rate, "tones")
    gain = 10 ** ((CONFIG.loudness_lufs - Meter(16_000).integrated_loudness(sound.samples[0])) / 20)
    samples = gain * sound.samples[0]
    padded = np.pad(samples, 1024)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2048)
    spectra = np.abs(np.fft.rfft([padded[t * 512 :][:2048] * hann for t in range(125)])) ** 2
    bins = np.arange(1025) * 7.8125
    f = 440 * 2 ** ((np.arange(68, 109) - 69) / 12)  # from key 69 on, where bands reach to the neighbouring keys
    for band in range(1, 40):
        power = spectra @ np.interp(bins, f[band - 1 : band + 2], [0, 1, 0]) * 4 / (2048 * np.sum(hann**2))
        wanted = np.clip(np.rint((10 * np.log10(np.maximum(power, 1e-8)) + 80) / 0.5), 0, 160)
        assert np.abs(quantised_frames(sound)[:, 68 + band - 21] - wanted).max() <= 1


def test_memory_does_not_grow_with_the_length():
    level_bytes_per_second = 88 * CONFIG.frames_per_second
    added = added_bytes_per_second(lambda seconds: quantised_frames(Hum(seconds)), 70, 210)
    assert added < 2 * level_bytes_per_second + 6_400  # the levels, and the blocks that they are joined of, may grow


@pytest.mark.parametrize("gain", [0.05, 2.0])
def test_gain_and_channels_hardly_matter(gain):
    """Loudness is normalised; only levels at a rounding edge may move, by one step."""
    mono = tone(440.0, 1.0) + tone(660.0, 1.0, 0.2)
    reference = quantised_frames(Waveform(mono[None], 16_000, "a")).astype(int)
    louder = quantised_frames(Waveform(np.stack([mono, mono]) * np.float32(gain), 16_000, "b")).astype(int)
    assert np.abs(reference - louder).max() <= 1
    assert np.mean(reference != louder) < 0.02


def test_active_fraction_counts_the_sounding_frames():
    levels = np.zeros((10, 88), dtype=np.uint8)
    levels[:4, 30] = 40  # -60 dB
    levels[4:, 30] = 39
    assert active_frames(levels).mean() == 0.4


def test_another_recipe_has_another_hash():
    assert FrameConfig().hash == CONFIG.hash != FrameConfig(hop_samples=256).hash
