"""Sound, in memory or in a file of any length: read in blocks, mixed down, resampled, brought to a loudness.

Whatever is done to a sound gives another sound, made anew from the first one's blocks in every pass, so that a
recording of hours needs no more memory than one of minutes. A recording is as long as what can be decoded
(`audio.signal.containers`), and what cannot be scored is refused with one sentence: missing, not audio, empty, shorter
than it declares, NaN or infinite samples, silence, channels that cancel each other.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from audio.signal.blocks import BLOCK_SAMPLES, blocks_of, excerpts
from audio.signal.containers import streams_of
from audio.signal.decoding import MAX_FILE_BYTES, decoded, measured
from audio.signal.loudness import GATING_SECONDS, MAX_CHANNELS, integrated_loudness
from audio.signal.resampling import resampled, resampled_length
from audio.signal.streams import Stream
from losscal.errors import InputError
from losscal.files import check_regular_file
from losscal.processes.progress import watched

AUDIO_SUFFIXES = frozenset(
    {".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".w64"}
)
"""What a file that libsndfile reads is called; others are not looked at in folders."""
UNDECODED_SUFFIXES = frozenset(
    {".m4a", ".m4b", ".mp4", ".aac", ".wma", ".ape", ".wv", ".mka", ".webm", ".amr", ".dsf", ".ac3"}
)
"""What files of sound are called that no decoder here reads."""
SILENCE_PEAK = 2.0**-15
"""A file whose samples all lie below one step of 16-bit audio is silent."""
CANCELLATION_DB = -40.0
"""The mean of 64 channels that have nothing in common lies 18 dB below them; this far below lies one that cancels."""


class Sound(Protocol):
    """What scorers take: full scale = 1, at least one sample, all of them finite.

    source: the file as named by the user, for messages. sample_rate: Hz. n_samples: of each channel.
    """

    source: str
    sample_rate: int
    n_channels: int
    n_samples: int

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return self.n_samples / self.sample_rate

    def blocks(self) -> Iterator[np.ndarray]:
        """A new pass over the whole sound: float32 [n_channels, n], n >= 1, n_samples in all."""
        ...


@dataclass(frozen=True)
class Waveform(Sound):
    """Sound in memory: samples float32 [channels, N], N >= 1."""

    samples: np.ndarray
    sample_rate: int
    source: str

    def __post_init__(self) -> None:
        samples = self.samples
        if samples.dtype != np.float32 or samples.ndim != 2 or samples.shape[0] == 0:
            raise ValueError(f"samples: need float32 [channels, N], got {samples.dtype} {samples.shape}")
        _check_length(samples.shape[1], self.source)
        _check_finite(samples, self.source)

    @property
    def n_channels(self) -> int:
        """Channels."""
        return self.samples.shape[0]

    @property
    def n_samples(self) -> int:
        """Samples of each channel."""
        return self.samples.shape[1]

    def blocks(self) -> Iterator[np.ndarray]:
        """Views of the samples."""
        return blocks_of(self.samples)


@dataclass(frozen=True)
class Recording(Sound):
    """An audio file, read anew in every pass; `open_audio` makes it.

    streams: what is decoded in turn. n_samples: of all of them.
    """

    path: Path
    sample_rate: int
    n_channels: int
    n_samples: int
    streams: tuple[Stream, ...]

    @property
    def source(self) -> str:
        """The path."""
        return str(self.path)

    def blocks(self) -> Iterator[np.ndarray]:
        """Read the file; raises InputError where it is broken, not finite, and at its end where it is silent."""
        n_read, peak = 0, 0.0
        n_blocks = math.ceil(self.n_samples / BLOCK_SAMPLES)
        for frames in watched(decoded(self.path, self.streams), desc=self.path.name, total=n_blocks):
            _check_finite(frames, self.source)
            n_read, peak = n_read + len(frames), max(peak, float(np.abs(frames).max()))
            yield np.ascontiguousarray(frames.T)
        if n_read != self.n_samples:
            raise InputError(
                f"{self.path}: ends after {n_read} of its {self.n_samples} samples; fetch or export it anew."
            )
        if peak < SILENCE_PEAK:
            raise InputError(f"{self.path}: is silent throughout; record or export it anew.")


@dataclass(frozen=True)
class Processed(Sound):
    """A sound made of another one's blocks, anew in every pass."""

    source: str
    sample_rate: int
    n_channels: int
    n_samples: int
    make_blocks: Callable[[], Iterator[np.ndarray]]

    @classmethod
    def of(cls, sound: Sound, make_blocks: Callable[[], Iterator[np.ndarray]], **changes: int) -> "Processed":
        """As `sound` is, but for the blocks and what else is named."""
        fields = {name: getattr(sound, name) for name in ("source", "sample_rate", "n_channels", "n_samples")}
        return cls(**(fields | changes), make_blocks=make_blocks)

    def blocks(self) -> Iterator[np.ndarray]:
        """Made as they are asked for."""
        return self.make_blocks()


def open_audio(path: str | Path) -> Recording:
    """Any width and rate of WAV, FLAC, OGG, MP3, AIFF, AU, CAF and W64, of up to 24 hours.

    Raises InputError where the file is missing, no regular file, too large, not readable as audio, empty, shorter than
    it declares, or made of parts that do not fit. What only its samples tell is found in the first pass, see
    `Recording.blocks`.
    """
    path = Path(path)
    if path.suffix.lower() == ".raw":
        raise InputError(f"{path}: raw samples have no header to read; export them as WAV or FLAC.")
    check_regular_file(path, "audio", MAX_FILE_BYTES)
    streams = streams_of(path)
    sample_rate, n_channels, n_samples = measured(path, streams)
    _check_length(n_samples, str(path))
    return Recording(path, sample_rate, n_channels, n_samples, streams)


def read_audio(path: str | Path) -> Waveform:
    """A whole file into memory; raises InputError as `open_audio` and `Recording.blocks` do."""
    return in_memory(open_audio(path))


def in_memory(sound: Sound) -> Waveform:
    """The whole of a sound."""
    return Waveform(np.concatenate(list(sound.blocks()), axis=1), sound.sample_rate, sound.source)


def cut(sound: Sound, first: int, last: int) -> Sound:
    """The samples first..last-1, 0 <= first <= last <= n_samples; raises InputError where there are none."""
    _check_length(last - first, sound.source)
    spans = [(start, min(start + BLOCK_SAMPLES, last)) for start in range(first, last, BLOCK_SAMPLES)]
    return Processed.of(sound, lambda: excerpts(sound.blocks(), spans), n_samples=last - first)


def to_mono(sound: Sound) -> Sound:
    """The mean of the channels; its blocks end with an InputError where these cancel each other."""

    def blocks() -> Iterator[np.ndarray]:
        power_of_channels = power_of_mean = 0.0
        for block in sound.blocks():
            mean = np.mean(block, axis=0, keepdims=True, dtype=np.float32)
            power_of_channels += float(np.vdot(block, block)) / len(block)
            power_of_mean += float(np.vdot(mean, mean))
            yield mean
        if power_of_mean < power_of_channels * 10 ** (CANCELLATION_DB / 10):
            raise InputError(
                f"{sound.source}: its channels are in opposite phase and cancel each other when they are mixed to "
                "mono; invert one channel or export only one."
            )

    return Processed.of(sound, blocks, n_channels=1)


def without_dc(sound: Sound) -> Sound:
    """Less the mean of each channel, an offset that nobody hears; measured at once, in one pass.

    A sound whose offset lies below one step of 16-bit audio is left as it is. A high-pass would follow an offset that
    changes, but turns the phases of low notes and so moves every clean recording. Raises InputError where there is
    nothing but an offset, and as the sound's blocks do.
    """
    totals, lowest, highest = 0.0, np.inf, -np.inf
    for block in sound.blocks():
        totals = totals + block.sum(axis=1, keepdims=True, dtype=np.float64)
        lowest = np.minimum(lowest, block.min(axis=1, keepdims=True))
        highest = np.maximum(highest, block.max(axis=1, keepdims=True))
    offset = (totals / sound.n_samples).astype(np.float32)  # [channels, 1]
    if np.abs(offset).max() < SILENCE_PEAK:
        return sound
    if (highest - lowest).max() < SILENCE_PEAK:
        raise InputError(
            f"{sound.source}: holds a constant offset (DC) and no sound; check what was recorded, and record it anew."
        )
    return Processed.of(sound, lambda: (block - offset for block in sound.blocks()))


def resample(sound: Sound, sample_rate: int) -> Sound:
    """At `sample_rate` Hz, see `audio.signal.resampling`; raises InputError where not a sample is left."""
    n_samples = resampled_length(sound.n_samples, sound.sample_rate, sample_rate)
    if n_samples == 0:
        raise InputError(f"{sound.source}: too short to resample to {sample_rate} Hz; give a longer recording.")

    def blocks() -> Iterator[np.ndarray]:
        return resampled(sound.blocks(), sound.sample_rate, sample_rate, sound.n_channels, sound.n_samples)

    return Processed.of(sound, blocks, sample_rate=sample_rate, n_samples=n_samples)


def loudness_lufs(sound: Sound) -> float:
    """Integrated, gated loudness (ITU-R BS.1770-4) in LUFS; one pass.

    A clip shorter than one gating block of 400 ms is repeated until it fills one. Raises InputError where every block
    lies below the absolute gate of -70 LUFS, and for more than the five channels that the standard weights.
    """
    if sound.n_channels > MAX_CHANNELS:
        raise InputError(
            f"{sound.source}: has {sound.n_channels} channels, BS.1770 weights {MAX_CHANNELS}; mix it down."
        )
    n_missing = math.ceil(GATING_SECONDS * sound.sample_rate) - sound.n_samples
    blocks = sound.blocks()
    if n_missing > 0:
        blocks = blocks_of(np.pad(in_memory(sound).samples, ((0, 0), (0, n_missing)), mode="wrap"))
    lufs = integrated_loudness(blocks, sound.sample_rate, sound.n_channels)
    if not np.isfinite(lufs):
        raise InputError(
            f"{sound.source}: is all but silent, quieter than -70 LUFS throughout; raise its level or give another."
        )
    return lufs


def normalise(sound: Sound, lufs: float) -> Sound:
    """At an integrated loudness of `lufs`; peaks may exceed 1. Measures at once, and raises as `loudness_lufs` does."""
    gain = np.float32(10.0 ** ((lufs - loudness_lufs(sound)) / 20.0))
    return Processed.of(sound, lambda: (block * gain for block in sound.blocks()))


def prepare_mono(sound: Sound, sample_rate: int, lufs: float) -> Sound:
    """Mono, at `sample_rate` Hz, then at `lufs`; raises InputError as `to_mono`, `resample` and `normalise` do."""
    return normalise(resample(to_mono(sound), sample_rate), lufs)


def mono_blocks(sound: Sound, sample_rate: int, lufs: float) -> Iterator[np.ndarray]:
    """The samples of `prepare_mono`, float32 [n] blocks."""
    return (block[0] for block in prepare_mono(sound, sample_rate, lufs).blocks())


def _check_length(n_samples: int, source: str) -> None:
    if n_samples == 0:
        raise InputError(f"{source}: holds no audio frame; record or export it anew.")


def _check_finite(samples: np.ndarray, source: str) -> None:
    if not np.isfinite(samples).all():
        raise InputError(f"{source}: holds NaN or infinite samples; export it anew.")
