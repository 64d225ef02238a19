"""The frames that the spectral model reads: levels of 88 semitone bands, 31.25 times a second, in half-decibel steps.

Recipe: mono at 16 kHz and -23 LUFS; power spectrum of 2048 samples under a Hann window every 512; one triangular band
for each piano key; decibels of a full-scale sine, floored at -80, rounded to 0.5 dB. A frame is centred on its sample,
beyond the file's ends there is silence, and N samples give ceil(N / 512) frames.

Bands: key p has its centre at f(p) = 440 * 2^((p - 69) / 12) Hz and falls linearly to zero at the neighbouring keys'
centres. Below about 130 Hz keys lie closer together than the 7.8 Hz of one FFT bin; there the triangle's feet are one
bin away from the centre, which is linear interpolation of the power spectrum at f(p).
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import lru_cache

import numpy as np

from audio.waveform import Waveform, normalise, resample, to_mono

BLOCK_FRAMES = 1024
"""Frames computed at once; bounds the memory (one block's spectra take 32 MB)."""


@dataclass(frozen=True)
class FrameConfig:
    """The recipe of the frames; its hash ties a model's weights to it."""

    sample_rate: int = 16_000
    loudness_lufs: float = -23.0
    window_samples: int = 2048
    hop_samples: int = 512
    min_pitch: int = 21
    max_pitch: int = 108
    floor_db: float = -80.0
    ceiling_db: float = 0.0
    step_db: float = 0.5

    @property
    def n_bands(self) -> int:
        """Semitone bands of a frame."""
        return self.max_pitch - self.min_pitch + 1

    @property
    def n_levels(self) -> int:
        """Levels of a band: the floor is 0, the ceiling n_levels - 1."""
        return round((self.ceiling_db - self.floor_db) / self.step_db) + 1

    @property
    def frames_per_second(self) -> float:
        """Frame rate in Hz."""
        return self.sample_rate / self.hop_samples

    @property
    def hash(self) -> str:
        """Hex SHA-256 of the recipe."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


ACTIVE_DB = -60.0
"""A frame is active where its loudest band reaches this level."""


def quantised_frames(waveform: Waveform, config: FrameConfig = FrameConfig()) -> np.ndarray:
    """Any waveform to levels, uint8 [T, n_bands]; raises InputError where it is too quiet to normalise."""
    sound = normalise(resample(to_mono(waveform), config.sample_rate), config.loudness_lufs)
    return levels_of_samples(sound.samples[0], config)


def levels_of_samples(samples: np.ndarray, config: FrameConfig = FrameConfig()) -> np.ndarray:
    """Mono samples [N], at the recipe's rate and loudness, to levels uint8 [ceil(N / hop), n_bands]."""
    window, hop = config.window_samples, config.hop_samples
    n_frames = -(-len(samples) // hop)
    padded = np.zeros((n_frames - 1) * hop + window, dtype=np.float32)
    padded[window // 2 : window // 2 + len(samples)] = samples[: len(padded) - window // 2]
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]  # [T, window]
    levels = np.empty((n_frames, config.n_bands), dtype=np.uint8)
    for start in range(0, n_frames, BLOCK_FRAMES):
        levels[start : start + BLOCK_FRAMES] = _quantise(frames[start : start + BLOCK_FRAMES], config)
    return levels


def active_fraction(levels: np.ndarray, config: FrameConfig = FrameConfig()) -> float:
    """Share of the frames [T, n_bands] whose loudest band reaches ACTIVE_DB."""
    threshold = (ACTIVE_DB - config.floor_db) / config.step_db
    return float(np.mean(levels.max(axis=1) >= threshold))


def _quantise(frames: np.ndarray, config: FrameConfig) -> np.ndarray:
    """Unwindowed frames [T, window] to levels [T, n_bands]."""
    hann, bands = _window_and_bands(config)
    spectrum = np.fft.rfft(frames * hann, axis=1)  # float64, as the window is
    # One-sided power, scaled so that a full-scale sine sums to 1 over the bins it spreads to (Parseval).
    power = (spectrum.real**2 + spectrum.imag**2) * (4.0 / (config.window_samples * np.sum(hann**2)))
    floor = 10.0 ** (config.floor_db / 10.0)
    decibels = 10.0 * np.log10(np.maximum(power @ bands, floor))
    levels = np.rint((decibels - config.floor_db) / config.step_db)
    return np.clip(levels, 0, config.n_levels - 1).astype(np.uint8)


@lru_cache(maxsize=4)
def _window_and_bands(config: FrameConfig) -> tuple[np.ndarray, np.ndarray]:
    """(periodic Hann window [window], band weights [window / 2 + 1, n_bands])."""
    hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(config.window_samples) / config.window_samples)
    bin_hz = config.sample_rate / config.window_samples
    pitches = np.arange(config.min_pitch - 1, config.max_pitch + 2)
    centres = 440.0 * 2.0 ** ((pitches - 69) / 12.0)
    centre = centres[1:-1]
    low = np.minimum(centres[:-2], centre - bin_hz)
    high = np.maximum(centres[2:], centre + bin_hz)
    frequency = np.arange(config.window_samples // 2 + 1)[:, None] * bin_hz
    rising, falling = (frequency - low) / (centre - low), (high - frequency) / (high - centre)
    return hann, np.clip(np.minimum(rising, falling), 0.0, None)
