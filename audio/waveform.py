"""Waveforms: whatever libsndfile reads, as float32 with its rate; downmix, resampling, loudness by ITU-R BS.1770.

What cannot be scored is refused here with one sentence: missing, not audio, empty, NaN or infinite samples, silence.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from losscal.errors import InputError

AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64"})
"""What a file that libsndfile reads is called; others are not looked at in folders."""
SILENCE_PEAK = 2.0**-15
"""A file whose samples all lie below one step of 16-bit audio is silent."""
LOUDNESS_BLOCK_SECONDS = 0.4
"""The gating block of BS.1770; shorter clips are repeated until they fill it."""


@dataclass(frozen=True)
class Waveform:
    """Sampled sound.

    samples: float32 [channels, N], N >= 1, full scale = 1. sample_rate: Hz. source: the file as named by the user, for
    messages.
    """

    samples: np.ndarray
    sample_rate: int
    source: str

    def __post_init__(self) -> None:
        samples = self.samples
        if samples.dtype != np.float32 or samples.ndim != 2 or samples.shape[0] == 0:
            raise ValueError(f"samples: need float32 [channels, N], got {samples.dtype} {samples.shape}")
        if samples.shape[1] == 0:
            raise InputError(f"{self.source}: holds no audio frame; record or export it anew.")
        if not np.isfinite(samples).all():
            raise InputError(f"{self.source}: holds NaN or infinite samples; export it anew.")

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return self.samples.shape[1] / self.sample_rate


def read_audio(path: str | Path) -> Waveform:
    """Read any format, width, rate and channel count of libsndfile.

    Raises InputError where the file is missing, not readable as audio, empty, not finite, or silent.
    """
    import soundfile

    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; give the path of an audio file.")
    if path.suffix.lower() == ".raw":
        raise InputError(f"{path}: raw samples have no header to read; export them as WAV or FLAC.")
    try:
        samples, sample_rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise InputError(
            f"{path}: cannot be read as audio ({error.error_string.rstrip('.')}); export it as WAV."
        ) from error
    waveform = Waveform(np.ascontiguousarray(samples.T), sample_rate, str(path))
    if _peak(waveform.samples) < SILENCE_PEAK:
        raise InputError(f"{path}: is silent; there is nothing to score.")
    return waveform


def to_mono(waveform: Waveform) -> Waveform:
    """The mean of the channels: samples [1, N]."""
    return replace(waveform, samples=waveform.samples.mean(axis=0, keepdims=True, dtype=np.float32))


def resample(waveform: Waveform, sample_rate: int) -> Waveform:
    """Band-limited resampling to `sample_rate` Hz (soxr, high quality; no delay)."""
    if waveform.sample_rate == sample_rate:
        return waveform
    import soxr

    samples = soxr.resample(waveform.samples.T, waveform.sample_rate, sample_rate).T
    if samples.shape[1] == 0:
        raise InputError(f"{waveform.source}: too short to resample to {sample_rate} Hz; give a longer recording.")
    return replace(waveform, samples=np.ascontiguousarray(samples), sample_rate=sample_rate)


def loudness_lufs(waveform: Waveform) -> float:
    """Integrated, gated loudness (ITU-R BS.1770-4) in LUFS.

    A clip shorter than one gating block of 400 ms is repeated until it fills one. Raises InputError where every block
    lies below the absolute gate of -70 LUFS, and for more than the five channels that the standard weights.
    """
    from pyloudnorm import Meter

    n_channels, n_samples = waveform.samples.shape
    if n_channels > 5:
        raise InputError(f"{waveform.source}: has {n_channels} channels, BS.1770 weights 5; mix it down.")
    shortest = int(np.ceil(LOUDNESS_BLOCK_SECONDS * waveform.sample_rate))
    samples = waveform.samples.T.astype(np.float64)  # [N, channels]
    if n_samples < shortest:
        samples = np.resize(samples, (shortest, n_channels))
    lufs = float(Meter(waveform.sample_rate).integrated_loudness(samples))
    if not np.isfinite(lufs):
        raise InputError(f"{waveform.source}: is quieter than -70 LUFS throughout; there is nothing to score.")
    return lufs


def normalise(waveform: Waveform, lufs: float) -> Waveform:
    """Scale to an integrated loudness of `lufs`; peaks may exceed 1. Raises InputError as `loudness_lufs` does."""
    gain = np.float32(10.0 ** ((lufs - loudness_lufs(waveform)) / 20.0))
    return replace(waveform, samples=waveform.samples * gain)


def _peak(samples: np.ndarray) -> float:
    return max(float(samples.max()), -float(samples.min()))
