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
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import chain

import numpy as np

from audio.signal.blocks import excerpts
from audio.signal.waveform import Sound, prepare_mono

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


FRAMES_A_STEP = 2
"""What is heard is told in steps of so many frames."""
STEPS_PER_SECOND = FrameConfig().frames_per_second / FRAMES_A_STEP
ACTIVE_DB = -60.0
"""A frame is active where its loudest band reaches this level."""


def quantised_frames(sound: Sound, config: FrameConfig = FrameConfig()) -> np.ndarray:
    """Any sound to levels, uint8 [T, n_bands]; raises InputError where it is too quiet to normalise.

    Beside the levels, 2.75 kB a second, the memory it takes does not depend on the sound's length.
    """
    return levels_of(prepare_mono(sound, config.sample_rate, config.loudness_lufs), config)


def levels_of(sound: Sound, config: FrameConfig = FrameConfig()) -> np.ndarray:
    """Mono sound of N samples, at the recipe's rate and loudness, to levels uint8 [ceil(N / hop), n_bands]."""
    levels = np.empty((-(-sound.n_samples // config.hop_samples), config.n_bands), dtype=np.uint8)
    n_done = 0
    for power in power_spectra(sound, config):
        levels[n_done : n_done + len(power)] = levels_of_power(power, config)
        n_done += len(power)
    return levels


def power_spectra(sound: Sound, config: FrameConfig = FrameConfig()) -> Iterator[np.ndarray]:
    """Mono sound, at the recipe's rate and loudness, to the frames' power spectra, float64 [n, window / 2 + 1].

    One-sided; a full-scale sine sums to 1 over the bins it spreads to (Parseval).
    """
    window, hop = config.window_samples, config.hop_samples
    n_frames = -(-sound.n_samples // hop)
    spans = (
        (start * hop, (min(start + BLOCK_FRAMES, n_frames) - 1) * hop + window)
        for start in range(0, n_frames, BLOCK_FRAMES)
    )
    hann = _hann(window)
    scale = 4.0 / (window * np.sum(hann**2))
    silence = np.zeros((1, window // 2), dtype=np.float32)
    for samples in excerpts(chain([silence], sound.blocks(), [silence]), spans):
        frames = np.lib.stride_tricks.sliding_window_view(samples[0], window)[::hop]  # [n, window]
        spectrum = np.fft.rfft(frames * hann, axis=1)  # float64, as the window is
        yield (spectrum.real**2 + spectrum.imag**2) * scale


def levels_of_power(power: np.ndarray, config: FrameConfig = FrameConfig()) -> np.ndarray:
    """Frames' power spectra [n, window / 2 + 1] to levels uint8 [n, n_bands]."""
    floor = 10.0 ** (config.floor_db / 10.0)
    decibels = 10.0 * np.log10(np.maximum(power @ _bands(config), floor))
    levels = np.rint((decibels - config.floor_db) / config.step_db)
    return np.clip(levels, 0, config.n_levels - 1).astype(np.uint8)


def active_frames(levels: np.ndarray, config: FrameConfig = FrameConfig()) -> np.ndarray:
    """Which of the frames [T, n_bands] have a band that reaches ACTIVE_DB: bool [T]."""
    return levels.max(axis=1) >= (ACTIVE_DB - config.floor_db) / config.step_db


def in_steps(of_frames: np.ndarray) -> np.ndarray:
    """Whether it is so in any frame of a step: bool [T, ...] to uint8 [ceil(T / FRAMES_A_STEP), ...]."""
    padded = np.pad(of_frames, [(0, -len(of_frames) % FRAMES_A_STEP), *[(0, 0)] * (of_frames.ndim - 1)])
    return padded.reshape(-1, FRAMES_A_STEP, *of_frames.shape[1:]).any(axis=1).astype(np.uint8)


def _hann(n_samples: int) -> np.ndarray:
    """Periodic Hann window [n_samples]."""
    return 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(n_samples) / n_samples)


@lru_cache(maxsize=4)
def _bands(config: FrameConfig) -> np.ndarray:
    """The bands' weights [window / 2 + 1, n_bands]."""
    bin_hz = config.sample_rate / config.window_samples
    pitches = np.arange(config.min_pitch - 1, config.max_pitch + 2)
    centres = 440.0 * 2.0 ** ((pitches - 69) / 12.0)
    centre = centres[1:-1]
    low = np.minimum(centres[:-2], centre - bin_hz)
    high = np.maximum(centres[2:], centre + bin_hz)
    frequency = np.arange(config.window_samples // 2 + 1)[:, None] * bin_hz
    rising, falling = (frequency - low) / (centre - low), (high - frequency) / (high - centre)
    return np.clip(np.minimum(rising, falling), 0.0, None)
