"""What lies between the strings of a piano and the file, part by part: equalisers, a synthetic room, a noise floor."""

import numpy as np


def decibels(value: float) -> float:
    """The amplitude ratio of a level difference in dB."""
    return 10.0 ** (value / 20.0)


def equalise(samples: np.ndarray, sample_rate: int, most_db: float, rng: np.random.Generator) -> np.ndarray:
    """A low shelf, a peak and a high shelf, each with a random corner and a gain within `most_db` either way."""
    from scipy.signal import sosfilt

    sections = [
        low_shelf(_corner(rng, 60.0, 400.0, sample_rate), rng.uniform(-most_db, most_db), sample_rate),
        peak(
            _corner(rng, 150.0, 4000.0, sample_rate), rng.uniform(-most_db, most_db), rng.uniform(0.5, 3.0), sample_rate
        ),
        high_shelf(_corner(rng, 1500.0, 6000.0, sample_rate), rng.uniform(-most_db, most_db), sample_rate),
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


def in_room(samples: np.ndarray, response: np.ndarray, wet: float) -> np.ndarray:
    """The sound of a room added, `wet` of the power: as long as before, with about as much power, [..., N]."""
    from scipy.signal import fftconvolve

    reverberant = fftconvolve(samples, response, axes=-1)[..., : samples.shape[-1]]
    return np.sqrt(1.0 - wet) * samples + np.sqrt(wet) * reverberant


def room_response(sample_rate: int, rt60_seconds: float, rng: np.random.Generator) -> np.ndarray:
    """An impulse response [N] of energy 1: low-passed noise that falls by 60 dB in `rt60_seconds`, some ms late."""
    from scipy.signal import butter, sosfilt

    seconds = np.arange(round(rt60_seconds * sample_rate)) / sample_rate
    noise = rng.standard_normal(len(seconds)) * decibels(-60.0) ** (seconds / rt60_seconds)
    corner_hz = _corner(rng, 1500.0, 7000.0, sample_rate)
    response = sosfilt(butter(1, corner_hz, fs=sample_rate, output="sos"), noise)
    delay = np.zeros(round(rng.uniform(0.0, 0.03) * sample_rate))
    return np.concatenate([delay, response / np.linalg.norm(response)])


def noise_floor(n_samples: int, level_db: float, rng: np.random.Generator) -> np.ndarray:
    """Noise [n_samples] of a root mean square of `level_db`, flat or falling towards the treble like tape and rooms."""
    from scipy.signal import lfilter

    darkness = rng.uniform(0.0, 0.95)
    noise = lfilter([1.0], [1.0, -darkness], rng.standard_normal(n_samples))
    return noise * (decibels(level_db) * np.sqrt(1.0 - darkness**2))


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number that is as likely to lie in each octave between the two."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _corner(rng: np.random.Generator, low: float, high: float, sample_rate: int) -> float:
    """A corner in Hz, below all that the sample rate holds."""
    return min(log_uniform(rng, low, high), 0.45 * sample_rate)
