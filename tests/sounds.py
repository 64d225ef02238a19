"""Sound for the tests of flat memory: as long as wanted, made as it is read."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

from audio.signal.waveform import Sound


class Hum(Sound):
    """A stereo tone of any length that is never held as a whole."""

    source, sample_rate, n_channels = "hum", 44_100, 2

    def __init__(self, seconds: int) -> None:
        self.n_samples = seconds * self.sample_rate

    def blocks(self):
        second = np.sin(2 * np.pi * 440 * np.arange(self.sample_rate) / self.sample_rate).astype(np.float32)
        for _ in range(self.n_samples // self.sample_rate):
            yield np.stack([second, second])


def peak_bytes(function: Callable[[], Any]) -> int:
    """The most that Python and NumPy hold at a time while `function` runs."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def added_bytes_per_second(function: Callable[[int], Any], short_seconds: int, long_seconds: int) -> float:
    """By how much the peak rises with each second of sound; mono at 16 kHz, held as a whole, would take 64,000."""
    function(short_seconds)  # what is imported and cached once is not part of it
    short, long = (peak_bytes(lambda seconds=seconds: function(seconds)) for seconds in (short_seconds, long_seconds))
    return (long - short) / (long_seconds - short_seconds)
