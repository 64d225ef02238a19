"""Seeded corruptions of sound, which a likelihood must rank below the original, and changes that it must not mind.

Each takes (waveform, rng, amount), the amount in a unit of its own, and returns a Waveform of the same rate, channels
and, but for `pad_silence`, length. Amounts out of range raise ValueError. Corruptions of the notes behind a sound are
symbolic.notes.corruption.
"""

import io
from collections.abc import Callable
from dataclasses import replace
from math import ceil

import numpy as np

from audio.signal.acoustics import decibels, equalise, in_room, noise_floor, room_response
from audio.signal.waveform import Waveform
from losscal.corruptions import Corruptions

Corruption = Callable[[Waveform, np.random.Generator, float], Waveform]

BURST_SECONDS = 0.1
LOW_PASS_ORDER = 8
WET = 0.3
"""Share of a room's sound in the whole power: heard clearly, some metres away."""
MICROPHONE_NOISE_DB = -60.0
"""Of the sound's power."""
MP3_KBPS = {True: (32, 320), False: (8, 160)}
"""What libsndfile's compression of 1 and 0 mean, at sample rates of 32 kHz and more and below that."""
MP3_FULL_RATE = 32_000

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


def gain(waveform: Waveform, rng: np.random.Generator, gain_db: float) -> Waveform:
    """Make it louder or, below 0, quieter; peaks may exceed 1."""
    _check(gain_db, "decibels", -100.0, 100.0)
    return _with_samples(waveform, waveform.samples * decibels(gain_db))


def pad_silence(waveform: Waveform, rng: np.random.Generator, seconds: float) -> Waveform:
    """Put so much silence before it and as much behind."""
    _check(seconds, "seconds", 0.0, 3600.0)
    n_samples = round(seconds * waveform.sample_rate)
    return _with_samples(waveform, np.pad(waveform.samples, ((0, 0), (n_samples, n_samples))))


def room(waveform: Waveform, rng: np.random.Generator, rt60_seconds: float) -> Waveform:
    """Play it in a synthetic room of a reverberation time, WET of the power; each channel hears the room elsewhere."""
    _check(rt60_seconds, "reverberation time in seconds", 0.05, 10.0)
    responses = (room_response(waveform.sample_rate, rt60_seconds, rng) for _ in range(waveform.n_channels))
    return _with_samples(
        waveform, np.stack([in_room(*of, WET) for of in zip(waveform.samples, responses, strict=True)])
    )


def microphone(waveform: Waveform, rng: np.random.Generator, most_db: float) -> Waveform:
    """Equalise it by up to so many decibels, and add noise of MICROPHONE_NOISE_DB to each channel."""
    _check(most_db, "decibels", 0.0, 24.0)
    sound = equalise(waveform.samples.astype(np.float64), waveform.sample_rate, most_db, rng)
    rms = np.sqrt(np.mean(sound**2))
    noise = np.stack([noise_floor(waveform.n_samples, MICROPHONE_NOISE_DB, rng) for _ in sound])
    return _with_samples(waveform, sound + rms * noise)


def mp3(waveform: Waveform, rng: np.random.Generator, kbps: float) -> Waveform:
    """Encode it as MP3 of a constant rate in kbit/s, the nearest that there is, and decode it."""
    import soundfile

    low, high = MP3_KBPS[waveform.sample_rate >= MP3_FULL_RATE]
    _check(kbps, "kbit/s", low, high)
    file = io.BytesIO()
    compression = (high - kbps) / (high - low)
    options = {"format": "MP3", "bitrate_mode": "CONSTANT", "compression_level": compression}
    soundfile.write(file, waveform.samples.T, waveform.sample_rate, **options)
    file.seek(0)
    decoded, _ = soundfile.read(file, dtype="float32", always_2d=True)
    return _with_samples(waveform, decoded.T)


CONTROLS: dict[str, Corruption] = {
    "gain": gain,
    "pad_silence": pad_silence,
    "room": room,
    "microphone": microphone,
    "mp3": mp3,
}
"""Changes that leave the music as it is: a score that minds them judges the recording."""


def _with_samples(waveform: Waveform, samples: np.ndarray) -> Waveform:
    return replace(waveform, samples=np.ascontiguousarray(samples, dtype=np.float32))


def _check(amount: float, name: str, low: float, high: float) -> None:
    if not low <= amount <= high:
        raise ValueError(f"{name}: {amount} is outside {low:g}..{high:g}")
