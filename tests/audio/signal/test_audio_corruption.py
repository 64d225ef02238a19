"""Corruptions of sound: seeded, as long as before, and doing what they say."""

import numpy as np
import pytest

from audio.signal.corruption import (
    CONTROLS,
    CORRUPTIONS,
    WET,
    clip,
    detune,
    gain,
    low_pass,
    microphone,
    mp3,
    noise_bursts,
    pad_silence,
    room,
)
from audio.signal.waveform import Waveform

RATE = 16_000
AMOUNTS = {
    **{"noise_bursts": 0.2, "low_pass": 1000.0, "clip": 0.1, "detune": 50.0},
    **{"gain": -6.0, "pad_silence": 0.5, "room": 0.5, "microphone": 6.0, "mp3": 64.0},
}


def noise(seconds=2.0, seed=1):
    samples = 0.1 * np.random.default_rng(seed).standard_normal((2, round(seconds * RATE)))
    return Waveform(samples.astype(np.float32), RATE, "noise")


def tone(hertz, seconds=2.0):
    samples = 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)
    return Waveform(samples[None].astype(np.float32), RATE, "tone")


def rng(seed=1):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("name", [*CORRUPTIONS, *CONTROLS])
def test_the_seed_decides_and_the_original_stays(name):
    change, sound = (CORRUPTIONS | CONTROLS)[name], noise()
    before = sound.samples.copy()
    once, again = (change(sound, rng(), AMOUNTS[name]) for _ in range(2))
    assert np.array_equal(sound.samples, before)
    assert np.array_equal(once.samples, again.samples)
    assert not np.array_equal(once.samples[:, : before.shape[1]], before)
    assert (once.sample_rate, once.source, once.samples.dtype) == (RATE, "noise", np.float32)


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("seconds", [2.0, 0.01])
def test_corruptions_keep_channels_and_length(name, seconds):
    assert CORRUPTIONS[name](noise(seconds), rng(), AMOUNTS[name]).samples.shape == noise(seconds).samples.shape


@pytest.mark.parametrize("name", ["noise_bursts", "clip", "detune", "gain", "pad_silence"])
def test_none_of_it_changes_nothing(name):
    change = (CORRUPTIONS | CONTROLS)[name]
    assert np.allclose(change(noise(), rng(), 0.0).samples, noise().samples, atol=1e-6)


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_noise_bursts_fill_the_share_with_noise_as_strong_as_the_sound(share):
    added = noise_bursts(tone(440.0), rng(), share).samples - tone(440.0).samples
    power_of_tenths = (added[0] ** 2).reshape(20, -1).mean(axis=1)
    noisy = power_of_tenths[power_of_tenths > 0]
    assert len(noisy) == round(20 * share)
    assert noisy == pytest.approx(0.125, rel=0.2)


def test_bursts_fall_elsewhere_with_another_seed():
    sound = noise()
    is_noisy = [(noise_bursts(sound, rng(seed), 0.2).samples != sound.samples).any(axis=0) for seed in (1, 2)]
    assert not np.array_equal(*is_noisy)


def test_low_pass_takes_away_what_lies_above_the_cut_and_nothing_else():
    frequency = np.fft.rfftfreq(2 * RATE, 1 / RATE)
    before, after = (np.abs(np.fft.rfft(w.samples[0])) ** 2 for w in (noise(), low_pass(noise(), rng(), 1000.0)))
    kept, lost = frequency < 700, frequency > 2000
    assert after[kept].sum() == pytest.approx(before[kept].sum(), rel=0.01)
    assert after[lost].sum() < 1e-4 * before[lost].sum()


@pytest.mark.parametrize("share", [0.02, 0.3])
def test_clipping_bounds_the_peaks_of_just_the_share(share):
    sound, clipped = noise(), clip(noise(), rng(), share)
    is_cut = sound.samples != clipped.samples
    limit = np.abs(clipped.samples).max()
    assert is_cut.mean() == pytest.approx(share, abs=1e-3)
    assert np.abs(sound.samples[~is_cut]).max() <= limit
    assert np.array_equal(clipped.samples[is_cut], limit * np.sign(sound.samples[is_cut]))


@pytest.mark.parametrize("cents", [20.0, 50.0, 100.0])
def test_detune_lowers_the_spectrum_by_the_cents_asked(cents):
    samples = detune(tone(1000.0, seconds=4.0), rng(), cents).samples[0]
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), n=8 * len(samples)))
    hertz = spectrum.argmax() * RATE / (8 * len(samples))
    assert 1200 * np.log2(1000.0 / hertz) == pytest.approx(cents, abs=0.2)


@pytest.mark.parametrize("decibels", [-12.0, 12.0])
def test_gain_is_in_decibels(decibels):
    assert np.allclose(gain(noise(), rng(), decibels).samples, noise().samples * 3.981 ** np.sign(decibels), rtol=1e-3)


def test_padding_surrounds_the_sound_with_silence():
    padded = pad_silence(noise(), rng(), 0.5).samples
    assert padded.shape == (2, 3 * RATE)
    assert np.array_equal(padded[:, RATE // 2 : -RATE // 2], noise().samples)
    assert not padded[:, : RATE // 2].any() and not padded[:, -RATE // 2 :].any()


def test_a_room_rings_on_beside_what_is_played_in_it():
    click = np.zeros((2, RATE), np.float32)
    click[:, 0] = 1.0
    ringing = room(Waveform(click, RATE, "click"), rng(), 0.5).samples
    assert ringing[:, 0] == pytest.approx(np.sqrt(1 - WET), abs=0.1)
    assert (ringing[:, RATE // 10] != 0).all() and not np.array_equal(*ringing)
    assert (ringing**2).sum() == pytest.approx(2.0, rel=0.2)


def test_a_microphone_colours_within_its_decibels_and_whispers():
    sound = noise(8.0)
    heard = microphone(sound, rng(), 6.0).samples
    before, after = (np.abs(np.fft.rfft(samples)).reshape(2, -1)[:, 1:] ** 2 for samples in (sound.samples, heard))
    gains_db = 10 * np.log10(after.reshape(2, 64, -1).mean(axis=2) / before.reshape(2, 64, -1).mean(axis=2))
    assert 1.0 < np.abs(gains_db).max() < 18.5  # three filters
    added = microphone(sound, rng(), 0.0).samples - sound.samples
    assert 10 * np.log10((added**2).mean() / (sound.samples**2).mean()) == pytest.approx(-60.0, abs=0.5)


@pytest.mark.parametrize("rate", [RATE, 44_100])
def test_an_mp3_is_the_sound_again_at_the_same_place_but_for_what_it_left_out(rate):
    sound = Waveform(np.vstack([tone(440.0).samples] * 2), rate, "tone")
    decoded = mp3(sound, rng(), 64.0).samples
    assert decoded.shape == sound.samples.shape
    middle = slice(RATE // 4, -RATE // 4)
    error = decoded[:, middle] - sound.samples[:, middle]
    assert 0 < (error**2).mean() < 1e-2 * (sound.samples**2).mean()


@pytest.mark.parametrize(
    ("change", "amount"),
    [
        *((noise_bursts, 1.1), (clip, -0.1), (low_pass, 0.0), (low_pass, 8000.0), (detune, -1.0)),
        *((pad_silence, -1.0), (room, 0.0), (microphone, 25.0), (mp3, 7.0)),
    ],
)
def test_amounts_out_of_range_are_refused(change, amount):
    with pytest.raises(ValueError, match=f"{amount} is outside"):
        change(noise(), rng(), amount)
