"""Frames become a sound that has nearly the same frames."""

import numpy as np

from audio.signal.waveform import Waveform
from audio.spectral.frames import FrameConfig, levels_of
from audio.spectral.resynthesis import sound_of_levels

CONFIG = FrameConfig()


def chords(seconds: float) -> Waveform:
    """Two decaying chords of tones with overtones, one after the other."""
    t = np.arange(round(seconds * CONFIG.sample_rate)) / CONFIG.sample_rate
    samples = np.zeros_like(t)
    for onset, pitches in ((0.0, (48, 64, 67)), (0.5 * seconds, (50, 65, 69))):
        since = t - onset
        envelope = np.where(since >= 0, np.exp(-2.0 * np.maximum(since, 0.0)), 0.0)
        for pitch in pitches:
            for overtone in range(1, 6):
                frequency = overtone * 440.0 * 2 ** ((pitch - 69) / 12)
                samples += 0.1 / overtone * envelope * np.sin(2 * np.pi * frequency * since)
    return Waveform(samples[None].astype(np.float32), CONFIG.sample_rate, "chords")


def test_the_bands_of_chords_come_back():
    levels = levels_of(chords(1.5))
    sound = sound_of_levels(levels)
    assert sound.sample_rate == CONFIG.sample_rate and sound.n_samples == len(levels) * CONFIG.hop_samples
    error_db = np.abs(levels_of(sound).astype(float) - levels) * CONFIG.step_db
    loud = levels > (-50.0 - CONFIG.floor_db) / CONFIG.step_db
    assert np.mean(error_db[loud]) < 1.0 and np.percentile(error_db[loud], 95) < 3.0


def test_iterations_bring_the_bands_closer():
    levels = levels_of(chords(1.0))
    few, many = (np.abs(levels_of(sound_of_levels(levels, n)).astype(float) - levels).mean() for n in (0, 12))
    assert many < 0.5 * few


def test_silence_stays_silent():
    assert not sound_of_levels(np.zeros((5, 88), dtype=np.uint8), n_iterations=2).samples.any()
