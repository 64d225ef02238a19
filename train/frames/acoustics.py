"""What a piano recording goes through between the strings and the file, drawn at random for each training excerpt.

A tuning off A4 = 440 Hz, an equaliser for the instrument and the microphone, a synthetic room, then a recorder: a
level, which full scale may clip, over a noise floor. Loudness is normalised afterwards, so the level matters only
against those two.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from losscal.settings import Range, Settings, Share, require

Decibels = Annotated[float, Range(0, 100)]
ReverberationSeconds = Annotated[float, Range(0, 100, low_open=True)]
NoiseDecibels = Annotated[float, Range(-200, 0)]


@dataclass(frozen=True)
class AcousticsConfig(Settings):
    """How far recordings differ.

    Args:
        tuning_cents: the tuning is off by up to so much either way, and the tempo with it (by 1.2 % for 20 cents).
        equaliser_db: two shelves and a peak raise or lower by up to so much.
        room_share: share of the recordings made in a room that is heard.
        min_rt60_seconds: shortest reverberation time of a room, until its sound has fallen by 60 dB.
        max_rt60_seconds: longest reverberation time.
        max_wet: highest share of the room's sound in the whole power.
        gain_db: the level is raised or lowered by up to so much.
        noise_share: share of the recordings with a noise floor.
        min_noise_db: lowest root mean square of the noise, in decibels of full scale.
        max_noise_db: highest.
    """

    tuning_cents: Annotated[float, Range(0, 1200)] = 20.0
    equaliser_db: Decibels = 9.0
    room_share: Share = 0.7
    min_rt60_seconds: ReverberationSeconds = 0.2
    max_rt60_seconds: ReverberationSeconds = 2.5
    max_wet: Share = 0.6
    gain_db: Decibels = 12.0
    noise_share: Share = 0.5
    min_noise_db: NoiseDecibels = -80.0
    max_noise_db: NoiseDecibels = -50.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for low, high in (("min_rt60_seconds", "max_rt60_seconds"), ("min_noise_db", "max_noise_db")):
            least, most = getattr(self, low), getattr(self, high)
            require(least <= most, f"{low} {least}: is above {high} {most}")


def record(
    samples: np.ndarray, sample_rate: int, config: AcousticsConfig, rng: np.random.Generator
) -> tuple[np.ndarray, int]:
    """Mono float32 [N] at `sample_rate` Hz to (recorded float32 [N], the rate in Hz that it has to be played at).

    The rate differs from the one given by the tuning alone.
    """
    cents = rng.uniform(-config.tuning_cents, config.tuning_cents)
    sound = equalise(samples.astype(np.float64), sample_rate, config.equaliser_db, rng)
    if rng.random() < config.room_share:
        sound = reverberate(sound, sample_rate, config, rng)
    sound = np.clip(sound * decibels(rng.uniform(-config.gain_db, config.gain_db)), -1.0, 1.0)
    if rng.random() < config.noise_share:
        sound += noise_floor(len(sound), rng.uniform(config.min_noise_db, config.max_noise_db), rng)
    return sound.astype(np.float32), round(sample_rate * 2.0 ** (cents / 1200.0))


def decibels(value: float) -> float:
    """The amplitude ratio of a level difference in dB."""
    return 10.0 ** (value / 20.0)


def equalise(samples: np.ndarray, sample_rate: int, most_db: float, rng: np.random.Generator) -> np.ndarray:
    """A low shelf, a peak and a high shelf, each with a random corner and a gain within `most_db` either way."""
    from scipy.signal import sosfilt

    sections = [
        low_shelf(_log_uniform(rng, 60.0, 400.0), rng.uniform(-most_db, most_db), sample_rate),
        peak(_log_uniform(rng, 150.0, 4000.0), rng.uniform(-most_db, most_db), rng.uniform(0.5, 3.0), sample_rate),
        high_shelf(_log_uniform(rng, 1500.0, 6000.0), rng.uniform(-most_db, most_db), sample_rate),
    ]
    return sosfilt(np.stack(sections), samples)


def low_shelf(corner_hz: float, gain_db: float, sample_rate: int) -> np.ndarray:
    """Second-order section [6] of slope 1 (Bristow-Johnson, Audio EQ Cookbook, lowShelf)."""
    return _shelf(corner_hz, gain_db, sample_rate, sign=1.0)


def high_shelf(corner_hz: float, gain_db: float, sample_rate: int) -> np.ndarray:
    """Second-order section [6] of slope 1 (Bristow-Johnson, Audio EQ Cookbook, highShelf)."""
    return _shelf(corner_hz, gain_db, sample_rate, sign=-1.0)


def _shelf(corner_hz: float, gain_db: float, sample_rate: int, sign: float) -> np.ndarray:
    """The high shelf is the low shelf with the cosine's terms of the other sign in the right places."""
    a, omega = decibels(gain_db / 2.0), 2.0 * np.pi * corner_hz / sample_rate
    cosine, slope = sign * np.cos(omega), 2.0 * np.sqrt(a) * np.sin(omega) / np.sqrt(2.0)
    b0, b2 = a * ((a + 1) - (a - 1) * cosine + slope), a * ((a + 1) - (a - 1) * cosine - slope)
    a0, a2 = (a + 1) + (a - 1) * cosine + slope, (a + 1) + (a - 1) * cosine - slope
    b1, a1 = 2 * a * ((a - 1) - (a + 1) * cosine) * sign, -2 * ((a - 1) + (a + 1) * cosine) * sign
    return np.array([b0, b1, b2, a0, a1, a2]) / a0


def peak(centre_hz: float, gain_db: float, q: float, sample_rate: int) -> np.ndarray:
    """Second-order section [6] (Bristow-Johnson, Audio EQ Cookbook, peakingEQ)."""
    a, omega = decibels(gain_db / 2.0), 2.0 * np.pi * centre_hz / sample_rate
    alpha, cosine = np.sin(omega) / (2.0 * q), np.cos(omega)
    return np.array([1 + alpha * a, -2 * cosine, 1 - alpha * a, 1 + alpha / a, -2 * cosine, 1 - alpha / a]) / (
        1 + alpha / a
    )


def reverberate(samples: np.ndarray, sample_rate: int, config: AcousticsConfig, rng: np.random.Generator) -> np.ndarray:
    """Add the sound of a room: as long as before, with about as much power."""
    from scipy.signal import fftconvolve

    response = room_response(sample_rate, _log_uniform(rng, config.min_rt60_seconds, config.max_rt60_seconds), rng)
    wet = rng.uniform(0.0, config.max_wet)
    return np.sqrt(1.0 - wet) * samples + np.sqrt(wet) * fftconvolve(samples, response)[: len(samples)]


def room_response(sample_rate: int, rt60_seconds: float, rng: np.random.Generator) -> np.ndarray:
    """An impulse response [N] of energy 1: low-passed noise that falls by 60 dB in `rt60_seconds`, some ms late."""
    from scipy.signal import butter, sosfilt

    seconds = np.arange(round(rt60_seconds * sample_rate)) / sample_rate
    noise = rng.standard_normal(len(seconds)) * decibels(-60.0) ** (seconds / rt60_seconds)
    response = sosfilt(butter(1, _log_uniform(rng, 1500.0, 7000.0), fs=sample_rate, output="sos"), noise)
    delay = np.zeros(round(rng.uniform(0.0, 0.03) * sample_rate))
    return np.concatenate([delay, response / np.linalg.norm(response)])


def noise_floor(n_samples: int, level_db: float, rng: np.random.Generator) -> np.ndarray:
    """Noise [n_samples] of a root mean square of `level_db`, flat or falling towards the treble like tape and rooms."""
    from scipy.signal import lfilter

    darkness = rng.uniform(0.0, 0.95)
    noise = lfilter([1.0], [1.0, -darkness], rng.standard_normal(n_samples))
    return noise * (decibels(level_db) * np.sqrt(1.0 - darkness**2))


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
