"""Sound from semitone-band frames, which hold neither phase nor anything finer than a semitone.

A sine for each piano key, as loud as its band, is the first guess. Then, as Griffin and Lim (1984) do with spectra,
two demands are met in turn: the short-time spectra get the band levels that were asked for, and become those of one
sound by overlapping and adding.
"""

import numpy as np

from audio.signal.waveform import Waveform
from audio.spectral.frames import FrameConfig, levels_of_power

FRAMES = FrameConfig()
MAX_STEP_DB = 6.0
"""A band is raised or lowered by up to so much at a time."""


def sound_of_levels(levels: np.ndarray, n_iterations: int = 30, config: FrameConfig = FRAMES) -> Waveform:
    """Mono sound whose frames come close to levels, uint8 [T, n_bands]; at the recipe's rate and loudness."""
    from scipy.signal import ShortTimeFFT
    from scipy.signal.windows import hann

    window = hann(config.window_samples, sym=False)
    transform = ShortTimeFFT(window, config.hop_samples, config.sample_rate)
    power_scale = 4.0 / (config.window_samples * np.sum(window**2))  # as audio.spectral.frames has it
    samples = _sines(levels, config)
    bins = _interpolation(transform.f, config)
    n_frames, n_samples = len(levels), len(samples)
    frame_of_slice = np.clip(np.arange(*transform.p_range(n_samples)), 0, n_frames - 1)  # slices jut out at the ends
    for _ in range(n_iterations):
        spectra = transform.stft(samples)  # complex [window / 2 + 1, slices]
        power = np.abs(spectra[:, -transform.p_min :][:, :n_frames]) ** 2 * power_scale
        missing_db = (levels - levels_of_power(power.T, config).astype(float)) * config.step_db
        gain_db = np.clip(missing_db, -MAX_STEP_DB, MAX_STEP_DB) @ bins  # [T, window / 2 + 1]
        samples = transform.istft(spectra * 10.0 ** (gain_db[frame_of_slice].T / 20.0), k1=n_samples)
    return Waveform(samples[None].astype(np.float32), config.sample_rate, "resynthesis")


def _centres(config: FrameConfig) -> np.ndarray:
    """Frequencies of the bands' keys in Hz [n_bands]."""
    return 440.0 * 2.0 ** ((np.arange(config.min_pitch, config.max_pitch + 1) - 69) / 12.0)


def _sines(levels: np.ndarray, config: FrameConfig) -> np.ndarray:
    """The sum of a sine for each band, its amplitude following the levels [T, n_bands]: float64 [T * hop]."""
    seconds = np.arange(len(levels) * config.hop_samples) / config.sample_rate
    frame_seconds = np.arange(len(levels)) / config.frames_per_second
    phases = np.random.default_rng(0).uniform(0.0, 2.0 * np.pi, config.n_bands)  # equal ones would make a click
    amplitudes = np.where(levels > 0, 10.0 ** ((config.floor_db + config.step_db * levels) / 20.0), 0.0)
    samples = np.zeros(len(seconds))
    for centre, phase, amplitude in zip(_centres(config), phases, amplitudes.T, strict=True):
        samples += np.interp(seconds, frame_seconds, amplitude) * np.sin(2.0 * np.pi * centre * seconds + phase)
    return samples


def _interpolation(frequencies: np.ndarray, config: FrameConfig) -> np.ndarray:
    """Weights [n_bands, bins] that interpolate values at the bands' centres to `frequencies`, linearly in pitch."""
    pitch = np.log(np.maximum(frequencies, 1.0))
    return np.stack([np.interp(pitch, np.log(_centres(config)), of_band) for of_band in np.eye(config.n_bands)])
