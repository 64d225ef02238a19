"""Seeded corruptions of sound, which a likelihood must rank below the original, and changes that it must not mind.

Each takes (waveform, rng, amount), the amount in a unit of its own, and returns a Waveform of the same rate, channels
and, but for `pad_silence`, length. Amounts out of range raise ValueError. Corruptions of the notes behind a sound are
symbolic.notes.corruption.
"""

from collections.abc import Callable
from dataclasses import replace
from math import ceil

import numpy as np

from audio.signal.waveform import Waveform
from losscal.corruptions import Corruptions

Corruption = Callable[[Waveform, np.random.Generator, float], Waveform]

BURST_SECONDS = 0.1
LOW_PASS_ORDER = 8

CORRUPTIONS: Corruptions[Corruption] = Corruptions()


@CORRUPTIONS.declare((0.01, 0.02, 0.05, 0.1, 0.25))
def noise_bursts(waveform: Waveform, rng: np.random.Generator, share: float) -> Waveform:
    """Add white noise, on average as strong as the sound, to a share of its tenths of a second, rounded up."""
    _check(share, "share", 0.0, 1.0)
    samples = waveform.samples
    slice_of = np.arange(samples.shape[1]) // ceil(BURST_SECONDS * waveform.sample_rate)
    n_slices = int(slice_of[-1]) + 1
    is_noisy = np.isin(slice_of, rng.permutation(n_slices)[: ceil(share * n_slices)])
    rms = np.sqrt(np.mean(samples.astype(np.float64) ** 2))
    return _with_samples(waveform, samples + is_noisy * rng.normal(0.0, rms, samples.shape))


@CORRUPTIONS.declare((6000.0, 4000.0, 2000.0, 1000.0, 500.0), "Hz")
def low_pass(waveform: Waveform, rng: np.random.Generator, cut_off_hz: float) -> Waveform:
    """Take away what lies above a frequency (Butterworth of order 8: -3 dB there, -48 dB an octave above)."""
    from scipy.signal import butter, sosfilt

    _check(cut_off_hz, "cut-off in Hz", 1.0, 0.499 * waveform.sample_rate)
    sections = butter(LOW_PASS_ORDER, cut_off_hz, fs=waveform.sample_rate, output="sos")
    return _with_samples(waveform, sosfilt(sections, waveform.samples, axis=1))


@CORRUPTIONS.declare((0.005, 0.02, 0.05, 0.2, 0.5))
def clip(waveform: Waveform, rng: np.random.Generator, share: float) -> Waveform:
    """Cut all peaks at the amplitude that a share of the samples exceeds."""
    _check(share, "share", 0.0, 1.0)
    limit = np.quantile(np.abs(waveform.samples), 1.0 - share)
    return _with_samples(waveform, np.clip(waveform.samples, -limit, limit))


@CORRUPTIONS.declare((5.0, 10.0, 20.0, 35.0, 50.0), "cents")
def detune(waveform: Waveform, rng: np.random.Generator, cents: float) -> Waveform:
    """Play it slower, and so flat by so many cents (tempo: 2.8 % slower for 50); what then comes too late is cut."""
    import soxr

    _check(cents, "cents", 0.0, 1200.0)
    slower = soxr.resample(waveform.samples.T, waveform.sample_rate, waveform.sample_rate * 2.0 ** (cents / 1200.0)).T
    return _with_samples(waveform, slower[:, : waveform.samples.shape[1]])


def gain(waveform: Waveform, rng: np.random.Generator, decibels: float) -> Waveform:
    """Make it louder or, below 0, quieter; peaks may exceed 1."""
    _check(decibels, "decibels", -100.0, 100.0)
    return _with_samples(waveform, waveform.samples * 10.0 ** (decibels / 20.0))


def pad_silence(waveform: Waveform, rng: np.random.Generator, seconds: float) -> Waveform:
    """Put so much silence before it and as much behind."""
    _check(seconds, "seconds", 0.0, 3600.0)
    n_samples = round(seconds * waveform.sample_rate)
    return _with_samples(waveform, np.pad(waveform.samples, ((0, 0), (n_samples, n_samples))))


CONTROLS: dict[str, Corruption] = {"gain": gain, "pad_silence": pad_silence}
"""Changes that leave the music as it is: a score that minds them judges the recording."""


def _with_samples(waveform: Waveform, samples: np.ndarray) -> Waveform:
    return replace(waveform, samples=np.ascontiguousarray(samples, dtype=np.float32))


def _check(amount: float, name: str, low: float, high: float) -> None:
    if not low <= amount <= high:
        raise ValueError(f"{name}: {amount} is outside {low:g}..{high:g}")
