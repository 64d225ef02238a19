"""The streams of a sound file through libsndfile: what they are, within which limits, and their samples in turn."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from audio.signal.blocks import BLOCK_SAMPLES
from audio.signal.streams import Stream, StreamFile
from losscal.errors import InputError
from losscal.files import name_for_c

if TYPE_CHECKING:
    from soundfile import SoundFile

MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 4_000, 768_000
"""Hz that recordings are made at."""
MAX_FILE_CHANNELS = 64
MAX_FILE_BYTES = 16 << 30
MAX_FILE_SECONDS = 24 * 3600


def measured(path: Path, streams: Sequence[Stream]) -> tuple[int, int, int]:
    """The sample rate in Hz, the channels, and the samples of each in all streams.

    Raises InputError where one of these lies beyond the limits, the streams differ, or one holds less than it declares.
    """
    formats, n_samples = set(), 0
    with path.open("rb") as file:
        for stream in streams:
            with _decoder(path, file, stream) as decoder:
                _check_stream(path, stream, decoder)
                formats.add((decoder.samplerate, decoder.channels))
                n_samples += decoder.frames if stream.n_samples is None else stream.n_samples
    if len(formats) > 1:
        told = ", ".join(f"{rate} Hz and {channels} channels" for rate, channels in sorted(formats))
        raise InputError(f"{path}: is joined of parts that differ ({told}); split it or export it as one WAV.")
    ((sample_rate, n_channels),) = formats
    if n_samples > MAX_FILE_SECONDS * sample_rate:
        hours, limit = n_samples / sample_rate / 3600, MAX_FILE_SECONDS // 3600
        raise InputError(f"{path}: lasts {hours:.1f} hours, the limit is {limit}; cut it into parts.")
    return sample_rate, n_channels, n_samples


def decoded(path: Path, streams: Sequence[Stream]) -> Iterator[np.ndarray]:
    """The samples of all streams: float32 [n, channels], 1 <= n <= BLOCK_SAMPLES.

    Raises InputError where one is broken.
    """
    with path.open("rb") as file:
        for stream in streams:
            with _decoder(path, file, stream) as decoder:
                while len(frames := decoder.read(BLOCK_SAMPLES, dtype="float32", always_2d=True)):
                    yield frames


def _check_stream(path: Path, stream: Stream, decoder: "SoundFile") -> None:
    rate, n_channels = decoder.samplerate, decoder.channels
    if not MIN_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE:
        raise InputError(
            f"{path}: its header tells a sample rate of {rate} Hz, possible are {MIN_SAMPLE_RATE} to "
            f"{MAX_SAMPLE_RATE} Hz; export it anew."
        )
    if n_channels > MAX_FILE_CHANNELS:
        raise InputError(f"{path}: has {n_channels} channels, the limit is {MAX_FILE_CHANNELS}; mix it down.")
    if stream.n_declared_bytes is not None and stream.n_bytes < stream.n_declared_bytes:
        seconds = decoder.frames / rate
        declared = f"{stream.n_declared_bytes} bytes of sound"
        if stream.n_bytes:
            declared += f" ({seconds * stream.n_declared_bytes / stream.n_bytes:.2f} s)"
        raise InputError(
            f"{path}: is cut short: its header declares {declared}, {stream.n_bytes} ({seconds:.2f} s) are there; "
            "fetch or export it anew."
        )


@contextlib.contextmanager
def _decoder(path: Path, file: BinaryIO, stream: Stream) -> Iterator["SoundFile"]:
    """A stream of the open file at `path`, opened by libsndfile, whose errors are told as InputError."""
    import soundfile

    # A whole file is opened by its name: the library then reads it without a call into Python for every few samples.
    is_whole = stream.is_whole(path.stat().st_size)
    source = name_for_c(path) if is_whole else StreamFile(file, stream)
    try:
        with soundfile.SoundFile(source) as decoder:
            yield decoder
    except soundfile.LibsndfileError as error:
        reason = error.error_string.rstrip(".")
        raise InputError(f"{path}: cannot be read as audio ({reason}); export it as WAV.") from error
