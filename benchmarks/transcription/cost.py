"""How long hearing takes and how much memory: a recording repeated to some length, heard in a process of its own."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from audio.signal.waveform import Processed, Waveform, read_audio
from benchmarks.speed import peak_mib
from bridge.transcription.opening import open_transcriber
from losscal.processes.workers import WorkerPool

EXAMPLE = Path(__file__).parents[2] / "examples/bridal_chorus.wav"


def cost_row(name: str, seconds: float) -> list[str]:
    """Seconds, core-seconds a second of sound, times real time, and peak memory in MiB."""
    with WorkerPool(1) as pool:
        return pool.submit(_cost_row, name, seconds).result()


def repeated(sound: Waveform, seconds: float) -> Processed:
    """A sound again and again, `seconds` long, made as it is read."""
    n_samples = round(seconds * sound.sample_rate)

    def blocks() -> Iterator[np.ndarray]:
        for first in range(0, n_samples, sound.n_samples):
            yield sound.samples[:, : n_samples - first]

    return Processed.of(sound, blocks, n_samples=n_samples)


def _cost_row(name: str, seconds: float) -> list[str]:
    transcriber = open_transcriber(name)
    sound = read_audio(EXAMPLE)
    transcriber.transcribe(repeated(sound, 1.0))  # what the first call sets up is no cost of the length
    core, wall = time.process_time(), time.perf_counter()
    heard = repeated(sound, seconds)
    transcriber.transcribe(heard)
    core, wall = time.process_time() - core, time.perf_counter() - wall
    return [f"{seconds:g}", f"{core / heard.seconds:.2f}", f"{heard.seconds / wall:.1f}", f"{peak_mib():.0f}"]
