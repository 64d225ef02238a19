"""What a recording's frames say without any model: pitch classes, pitches, onsets and timbre.

All four stand on the sound that `audio.spectral.frames` reads (mono, 16 kHz, -23 LUFS; a frame each 32 ms): three on
its levels of semitone bands, timbre on mel bands of the same frames. They describe; none of them is a likelihood.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from audio.signal.waveform import Sound, prepare_mono, without_dc
from audio.spectral.frames import ACTIVE_DB, BLOCK_FRAMES, FrameConfig, levels_of_power, power_spectra
from losscal.errors import InputError

FRAMES = FrameConfig()
ACTIVE_LEVEL = np.uint8((ACTIVE_DB - FRAMES.floor_db) / FRAMES.step_db)
PITCH_CLASSES = 12
N_MELS = 40
LOWEST_MEL_HZ = 20.0
N_MFCC = 13
ONSET_REACH_FRAMES = 2
"""An attack is spread over the window of a frame: levels are compared over this distance."""
ONSET_PROMINENCE_DB = 0.5
"""A peak of the bands' mean rise is an onset where it stands out by this much."""


@dataclass(frozen=True)
class Descriptors:
    """Descriptions of T frames, FRAMES.frames_per_second a second.

    is_active: bool [T], whether the loudest band lies above ACTIVE_DB.
    chroma: float32 [T, 12], see `chroma_of_levels`.
    pitch_shares: float64 [n_bands], the active frames' shares of power by semitone band, partials included, summed.
    onset_seconds: float64 [n], see `onsets_of_levels`.
    mfcc_db: float32 [T, N_MFCC], see `mel_cepstrum`.
    """

    is_active: np.ndarray
    chroma: np.ndarray
    pitch_shares: np.ndarray
    onset_seconds: np.ndarray
    mfcc_db: np.ndarray


def describe(sound: Sound) -> Descriptors:
    """Any sound's descriptors; they take 6 kB a second, and nothing else grows with its length.

    Raises InputError where it is too quiet to normalise, or where no band ever lies above ACTIVE_DB.
    """
    spectra = power_spectra(prepare_mono(without_dc(sound), FRAMES.sample_rate, FRAMES.loudness_lufs))
    parts = [(levels_of_power(power), mel_cepstrum(power)) for power in spectra]
    levels, mfcc_db = (np.concatenate(blocks) for blocks in zip(*parts, strict=True))
    is_active = levels.max(axis=1) > ACTIVE_LEVEL
    if not is_active.any():
        raise InputError(f"{sound.source}: nothing sounds in the range of a piano; give a recording of one.")
    return Descriptors(
        is_active=is_active,
        chroma=_by_block(chroma_of_levels, levels),
        pitch_shares=_by_block(_pitch_shares, levels[is_active]).sum(axis=0),
        onset_seconds=onsets_of_levels(levels),
        mfcc_db=mfcc_db,
    )


def chroma_of_levels(levels: np.ndarray) -> np.ndarray:
    """uint8 [T, n_bands] to pitch classes from C upwards, float32 [T, 12], each row of mean 0 and norm 1 or all zero.

    A row sums the decibels above ACTIVE_DB over the octaves. Its mean is taken out because rows that are never negative
    are alike whatever sounds: between unrelated pieces their cosine is about 0.8, without the mean about 0.1.
    """
    excess = np.maximum(_decibels(levels) - ACTIVE_DB, 0.0)
    pitch_class = np.arange(FRAMES.min_pitch, FRAMES.max_pitch + 1) % PITCH_CLASSES
    chroma = (excess @ np.eye(PITCH_CLASSES)[pitch_class]).astype(np.float32)
    chroma -= chroma.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(chroma, axis=1, keepdims=True)
    return np.divide(chroma, norm, out=np.zeros_like(chroma), where=norm > 0.0)


def onsets_of_levels(levels: np.ndarray) -> np.ndarray:
    """uint8 [T, n_bands] to the times in seconds, float64 [n], at which the bands rise most on average."""
    from scipy.signal import find_peaks

    reach = ONSET_REACH_FRAMES
    floored = np.maximum(np.pad(levels, ((reach, 1), (0, 0))), ACTIVE_LEVEL)
    earlier, later = floored[:-reach], floored[reach:]
    rise_db = FRAMES.step_db * (np.maximum(later, earlier) - earlier).mean(axis=1)
    peaks, _ = find_peaks(np.pad(rise_db, 1), prominence=ONSET_PROMINENCE_DB)
    return (peaks - 1) / FRAMES.frames_per_second


def mel_cepstrum(power: np.ndarray) -> np.ndarray:
    """Frames' power spectra, as `power_spectra` makes them, to MFCC 1..N_MFCC in dB, float32 [n, N_MFCC].

    The orthonormal DCT-II of the decibels in N_MELS mel bands (Davis and Mermelstein 1980), floored as the frames are.
    Coefficient 0, the level, is left out. The norm of a difference divided by sqrt(N_MELS) is therefore the root mean
    square difference, in dB, of two mel spectra that are smoothed and equally loud.
    """
    from scipy.fft import dct

    decibels = 10.0 * np.log10(np.maximum(power @ _mel_weights(), 10.0 ** (FRAMES.floor_db / 10.0)))
    return dct(decibels, norm="ortho", axis=1)[:, 1 : N_MFCC + 1].astype(np.float32)


def _by_block(function: Callable[[np.ndarray], np.ndarray], levels: np.ndarray) -> np.ndarray:
    """`function` of BLOCK_FRAMES rows at a time, its results joined: what it needs by the way stays small."""
    return np.concatenate(
        [function(levels[start : start + BLOCK_FRAMES]) for start in range(0, len(levels), BLOCK_FRAMES)]
    )


def _pitch_shares(levels: np.ndarray) -> np.ndarray:
    """Active frames' levels [T, n_bands] to [1, n_bands], the sum of each frame's shares of power."""
    power = 10.0 ** (_decibels(levels) / 10.0)
    return (power / power.sum(axis=1, keepdims=True)).sum(axis=0, keepdims=True)


def _decibels(levels: np.ndarray) -> np.ndarray:
    return FRAMES.floor_db + FRAMES.step_db * levels.astype(np.float64)


@cache
def _mel_weights() -> np.ndarray:
    """Triangular bands of equal width in mel = 2595 log10(1 + f / 700): float64 [window / 2 + 1, N_MELS]."""
    highest = 2595.0 * np.log10(1.0 + FRAMES.sample_rate / 2 / 700.0)
    lowest = 2595.0 * np.log10(1.0 + LOWEST_MEL_HZ / 700.0)
    edges = 700.0 * (10.0 ** (np.linspace(lowest, highest, N_MELS + 2) / 2595.0) - 1.0)
    frequency = np.fft.rfftfreq(FRAMES.window_samples, 1.0 / FRAMES.sample_rate)[:, None]
    rising = (frequency - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequency) / (edges[2:] - edges[1:-1])
    return np.clip(np.minimum(rising, falling), 0.0, None)
