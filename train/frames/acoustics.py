"""What a piano recording goes through between the strings and the file, drawn at random for each training excerpt.

A tuning off A4 = 440 Hz, an equaliser for the instrument and the microphone, a synthetic room, then a recorder: a
level, which full scale may clip, over a noise floor. Loudness is normalised afterwards, so the level matters only
against those two.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from audio.signal.acoustics import decibels, equalise, in_room, log_uniform, noise_floor, room_response
from losscal.settings import Range, Settings, Share, require

Decibels = Annotated[float, Range(0, 100)]
ReverberationSeconds = Annotated[float, Range(0, 100, low_open=True)]
NoiseDecibels = Annotated[float, Range(-200, 0)]


@dataclass(frozen=True)
class AcousticsConfig(Settings):
    """How far recordings differ.

    Args:
        tuning_cents: the tuning is off by up to so much either way, and the tempo with it (by 1.7 % for 30 cents).
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

    tuning_cents: Annotated[float, Range(0, 1200)] = 30.0
    equaliser_db: Decibels = 12.0
    room_share: Share = 0.7
    min_rt60_seconds: ReverberationSeconds = 0.2
    max_rt60_seconds: ReverberationSeconds = 2.5
    max_wet: Share = 0.8
    gain_db: Decibels = 12.0
    noise_share: Share = 0.6
    min_noise_db: NoiseDecibels = -80.0
    max_noise_db: NoiseDecibels = -42.0

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


def reverberate(samples: np.ndarray, sample_rate: int, config: AcousticsConfig, rng: np.random.Generator) -> np.ndarray:
    """Add the sound of a room: as long as before, with about as much power."""
    response = room_response(sample_rate, log_uniform(rng, config.min_rt60_seconds, config.max_rt60_seconds), rng)
    return in_room(samples, response, rng.uniform(0.0, config.max_wet))
