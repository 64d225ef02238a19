"""Sound files of every format as bytes, for the tests that cut, join and damage them."""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import soundfile


@dataclass(frozen=True)
class Format:
    """What libsndfile calls it, and what its files are called."""

    name: str
    subtype: str
    suffix: str

    def __str__(self) -> str:
        return f"{self.name}-{self.subtype}"


FORMATS = tuple(
    Format(*words.split())
    for words in (
        "WAV PCM_16 .wav",
        "WAV FLOAT .wav",
        "WAV IMA_ADPCM .wav",
        "RF64 PCM_16 .wav",
        "W64 PCM_24 .w64",
        "AIFF PCM_16 .aiff",
        "AU PCM_16 .au",
        "CAF PCM_16 .caf",
        "CAF ALAC_16 .caf",
        "FLAC PCM_16 .flac",
        "OGG VORBIS .ogg",
        "OGG OPUS .opus",
        "MP3 MPEG_LAYER_III .mp3",
    )
)
RATE = 16_000


def music(seconds: float = 1.0, seed: int = 0, rate: int = RATE, channels: int = 1) -> np.ndarray:
    """Tones that fade in, and a little noise: float64 [n, channels]."""
    t = np.arange(round(seconds * rate)) / rate
    tones = sum(0.1 * np.sin(2 * np.pi * frequency * t) for frequency in (220.0 + seed, 331.0, 1234.0))
    noise = np.random.default_rng(seed).standard_normal((len(t), channels))
    return (tones * np.minimum(1.0, t / seconds))[:, None] + 0.01 * noise


def encoded(format: Format, samples: np.ndarray, rate: int = RATE, **options: object) -> bytes:
    """A file with these samples."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=format.name, subtype=format.subtype, **options)
    return file.getvalue()


def mutated(files: list[bytes], seed: int) -> Iterator[tuple[int, bytes]]:
    """Endless damaged files, each with the index of the one that it was made of."""
    rng = np.random.default_rng(seed)
    edges = [0, 1, 0x7F, 0x80, 0xFF]
    while True:
        which = int(rng.integers(len(files)))
        data = bytearray(files[which])
        near_start = int(rng.integers(min(len(data), int(rng.choice([64, 256, len(data)])))))
        size = int(rng.choice([1, 2, 4, 100, 3000]))
        match int(rng.integers(6)):
            case 0:
                data[near_start] ^= 1 << int(rng.integers(8))
            case 1:
                for at in rng.integers(min(len(data), 1024), size=4):
                    data[at] = int(rng.choice(edges))
            case 2:
                del data[int(rng.integers(len(data))) :]
            case 3:
                del data[near_start : near_start + size]
            case 4:
                data[near_start:near_start] = rng.bytes(size)
            case 5:
                other = files[int(rng.integers(len(files)))]
                data[int(rng.integers(len(data))) :] = other[int(rng.integers(len(other))) :]
        yield which, bytes(data)
