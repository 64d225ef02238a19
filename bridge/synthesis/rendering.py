"""A rendering: what FluidSynth makes of a MIDI file, kept where it costs no memory however long it is."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Annotated

import numpy as np

from audio.signal.blocks import BLOCK_SAMPLES
from audio.signal.waveform import Sound
from bridge.synthesis.messages import Played
from bridge.synthesis.synthesiser import Synthesiser, default_soundfont, open_synthesiser
from losscal import midi
from losscal.errors import InputError
from losscal.processes.progress import watched
from losscal.settings import Number, Range

SampleRate = Annotated[int, Range(8_000, 96_000)]
"""In Hz."""
SAMPLE_RATE = 44_100
Gain = Annotated[float, Range(0, 10)]
"""FluidSynth's linear output gain."""
GAIN = 1.0
"""Dense loud piano then peaks near full scale."""
TAIL_SECONDS = 10.0
"""Sound is kept for at most this long after the last message."""
TAIL_FLOOR = 1e-4
"""The clip ends where the sound falls below this amplitude (-80 dB of full scale) for good."""
MAX_SECONDS = 6 * 3600.0
N_CHANNELS = 2
IN_MEMORY_BYTES = 1 << 26
"""A longer rendering lies in a temporary file: three minutes at 44.1 kHz."""


@dataclass(frozen=True)
class Rendering(Sound):
    """A clip of two channels in a file of interleaved float32 that goes when the clip goes.

    divisor: what the samples there are divided by, so that their peak is 1 at most.
    """

    source: str
    sample_rate: int
    n_samples: int
    divisor: np.float32
    file: SpooledTemporaryFile
    n_channels: int = N_CHANNELS

    def blocks(self) -> Iterator[np.ndarray]:
        """Read anew in every pass, float32 [2, n]."""
        n_bytes = N_CHANNELS * np.dtype(np.float32).itemsize  # of a sample of both channels
        for start in watched(range(0, self.n_samples, BLOCK_SAMPLES), desc=f"{Path(self.source).name}, as played"):
            self.file.seek(start * n_bytes)
            read = self.file.read(min(BLOCK_SAMPLES, self.n_samples - start) * n_bytes)
            yield np.ascontiguousarray(np.frombuffer(read, np.float32).reshape(-1, N_CHANNELS).T) / self.divisor


def play(
    file: midi.MidiFile,
    name: str,
    *,
    sample_rate: int = SAMPLE_RATE,
    soundfont: str | Path | None = None,
    gain: float = GAIN,
    from_first_note: bool = False,
) -> Rendering:
    """Play a parsed MIDI file, from its time zero or from its first note; `name` is for the messages.

    The release tail is kept for up to TAIL_SECONDS after the last note and cut where it falls below TAIL_FLOOR. The
    synthesiser writes floats, so nothing clips; where the peak is above 1 the whole clip is scaled down to a peak of 1.
    Raises InputError for a sample rate outside 8000..96000 Hz, a gain outside 0..10, a file that has no note or lasts
    longer than MAX_SECONDS, a broken SoundFont, and where the FluidSynth library is missing or the disk is full.
    """
    for name_of_number, number, allowed in (("sample rate", sample_rate, SampleRate), ("gain", gain, Gain)):
        try:
            Number.of(allowed).check(number)
        except ValueError as error:
            raise InputError(f"{name_of_number} {error}.") from error
    played = Played.of(file, name, from_first_note=from_first_note)
    if played.seconds[-1] > MAX_SECONDS:
        raise InputError(f"{name}: lasts {played.seconds[-1]:.0f} s, the limit is {MAX_SECONDS:.0f} s; split the file.")
    kept: SpooledTemporaryFile = SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 (the rendering holds it)
    n_samples, peak = 0, 0.0
    with _disk_errors(name), open_synthesiser(Path(soundfont or default_soundfont()), sample_rate, gain) as synthesiser:
        for start, samples, is_tail in _blocks(played, synthesiser, sample_rate):
            loudness = np.abs(samples).max(axis=0)
            peak = max(peak, float(loudness.max(initial=0.0)))
            if is_tail:
                loud = np.flatnonzero(loudness >= TAIL_FLOOR)
                n_samples = start + int(loud[-1]) + 1 if len(loud) else n_samples
            else:
                n_samples = start + samples.shape[1]
            kept.write(np.ascontiguousarray(samples.T).data)
    return Rendering(name, sample_rate, n_samples, np.float32(max(peak, 1.0)), kept)


def _blocks(played: Played, synthesiser: Synthesiser, sample_rate: int) -> Iterator[tuple[int, np.ndarray, bool]]:
    """(first sample, samples float32 [2, n], whether it is the tail) of the music and TAIL_SECONDS behind it."""
    now = 0

    def until(end: int) -> Iterator[tuple[int, np.ndarray]]:
        for start in range(now, end, BLOCK_SAMPLES):
            yield start, synthesiser.next_samples(min(BLOCK_SAMPLES, end - start))

    for seconds, status, (first, second) in watched(played.messages(), desc="playing", total=len(played.seconds)):
        at = round(seconds * sample_rate)
        yield from ((start, samples, False) for start, samples in until(at))
        synthesiser.send(status, first, second)
        now = at
    end = round((played.seconds[-1] + TAIL_SECONDS) * sample_rate)
    yield from ((start, samples, True) for start, samples in until(end))


@contextlib.contextmanager
def _disk_errors(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{name}: its rendering cannot be kept ({reason}); free some disk space.") from error
