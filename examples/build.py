"""Rebuild the examples: Wagner's Bridal Chorus, two corruptions of it, and a piece written by each model.

Each is a MIDI file and its rendering (mono, 16 kHz, 16 bit). MANIFEST.json names the weights that wrote the generated
pieces and every file's SHA-256.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from bridal_chorus import write_bridal_chorus

from bridge.render import render, write_audio
from losscal.files import atomic_path, sha256_of
from symbolic.cleaning import read_midi
from symbolic.corruption import CORRUPTIONS
from symbolic.generate import main as generate
from symbolic.performance import write_midi

FOLDER = Path(__file__).parent
WEIGHTS = FOLDER.parent / "symbolic" / "weights"
MODELS = ("events", "vqvae")
THEME = "bridal_chorus"
CORRUPTED = {
    f"{THEME}_wrong_notes": ("semitone", 0.05),
    f"{THEME}_random": ("random_pitches", 1.0),
}
"""Name of an example to the corruption it is the theme's, and the share of notes."""
SEED = 7
GENERATED_SECONDS, FADE_SECONDS = 15.5, 0.25
SAMPLE_RATE = 16_000


def write_midi_files(folder: Path) -> None:
    """Write all examples' notes into `folder`."""
    write_bridal_chorus(folder / f"{THEME}.mid")
    theme = read_midi(folder / f"{THEME}.mid").performance
    for name, (corruption, amount) in CORRUPTED.items():
        write_midi(CORRUPTIONS[corruption](theme, np.random.default_rng(SEED), amount), folder / f"{name}.mid")
    for model in MODELS:
        path = folder / f"generated_by_{model}.mid"
        generate(["--model", model, "--seconds", str(GENERATED_SECONDS), "--seed", str(SEED), "--out", str(path)])


def write_rendering(midi: Path, longest_seconds: float) -> None:
    """Write the WAV file beside `midi`, faded out where it is cut at `longest_seconds`."""
    samples = render(midi, sample_rate=SAMPLE_RATE).mean(axis=0, keepdims=True)  # [1, N]
    longest = round(longest_seconds * SAMPLE_RATE)
    if samples.shape[1] > longest:
        fade = round(FADE_SECONDS * SAMPLE_RATE)
        samples = samples[:, :longest].copy()
        samples[:, -fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    write_audio(midi.with_suffix(".wav"), samples, SAMPLE_RATE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the examples and their manifest into this file's folder."""
    write_midi_files(FOLDER)
    for midi in sorted(FOLDER.glob("*.mid")):
        is_generated = midi.stem.startswith("generated_")
        write_rendering(midi, longest_seconds=17.0 if is_generated else 19.5)  # 3 MB together
    manifest = {
        "weights": {model: sha256_of(WEIGHTS / f"{model}.safetensors") for model in MODELS},
        "files": {path.name: sha256_of(path) for path in sorted(FOLDER.iterdir()) if path.suffix in (".mid", ".wav")},
    }
    with atomic_path(FOLDER / "MANIFEST.json") as path:
        path.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
