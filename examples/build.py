"""Rebuild the examples: Wagner's Bridal Chorus, two corruptions of it, and eight pieces that the model wrote.

The corruptions and two of the pieces are pairs of a MIDI file and its rendering (mono, 16 kHz, 16 bit), the other
pieces MIDI files alone. MANIFEST.json names the weights that wrote the pieces, the arithmetic they were drawn in, the
command of each, and every file's SHA-256.
"""

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from bridal_chorus import write_bridal_chorus

from audio.signal.waveform import Waveform
from bridge.render import render, write_audio
from losscal.files import atomic_path, sha256_of
from symbolic.generate import main as generate
from symbolic.models.registry import weights_path
from symbolic.notes.cleaning import read_midi
from symbolic.notes.corruption import CORRUPTIONS
from symbolic.notes.performance import write_midi
from symbolic.sampling.decoding.row_product import Arithmetic

FOLDER = Path(__file__).parent
THEME = "bridal_chorus"
CORRUPTED = {
    f"{THEME}_wrong_notes": ("semitone", 0.05),
    f"{THEME}_random": ("random_pitches", 1.0),
}
"""Name of an example to the corruption it is the theme's, and the share of notes."""
SEED, CORRUPTION_SEED = 5, 7
PROMPT = f"examples/{THEME}.mid"
GENERATED = {
    "generated_by_events": "--seconds 15",
    "generated_by_vqvae": "--seconds 15 --model vqvae",
    "generated/chopin": "--seconds 30 --composer Chopin",
    "generated/johann_sebastian_bach": "--seconds 30 --composer 'Johann Sebastian Bach'",
    "generated/chopin_and_debussy": "--seconds 30 --composer Chopin:0.5,Debussy:0.5",
    "generated/romantic_by_vqvae": "--seconds 30 --era romantic --model vqvae",
    "generated/three_minutes_in_a_form": '--seconds 180 --form "A-A\'-B-A" --candidates 2',
    f"generated/{THEME}_continued": f"--seconds 20 --prompt {PROMPT} --keep-seconds 10",
}
"""Name of a piece to the flags of its command: how it was asked for."""
FADE_SECONDS = 0.25
SAMPLE_RATE = 16_000


def write_midi_files(folder: Path) -> None:
    """Write all examples' notes into `folder`."""
    write_bridal_chorus(folder / f"{THEME}.mid")
    theme = read_midi(folder / f"{THEME}.mid").performance
    for name, (corruption, amount) in CORRUPTED.items():
        write_midi(
            CORRUPTIONS[corruption](theme, np.random.default_rng(CORRUPTION_SEED), amount), folder / f"{name}.mid"
        )
    (folder / "generated").mkdir(exist_ok=True)
    for earlier in (folder / "generated").glob("*.mid"):
        earlier.unlink()
    for name, flags in GENERATED.items():
        generate(["--overwrite", *shlex.split(flags_of(name, flags).replace("examples/", f"{folder}/"))])


def flags_of(name: str, flags: str) -> str:
    """All flags of a piece's command, run from the checkout."""
    return f"--seed {SEED} --candidates 8 {flags} --out examples/{name}.mid"


def write_rendering(midi: Path, longest_seconds: float) -> None:
    """Write the WAV file beside `midi`, faded out where it is cut at `longest_seconds`."""
    samples = render(midi, sample_rate=SAMPLE_RATE).mean(axis=0, keepdims=True)  # [1, N]
    longest = round(longest_seconds * SAMPLE_RATE)
    if samples.shape[1] > longest:
        fade = round(FADE_SECONDS * SAMPLE_RATE)
        samples = samples[:, :longest].copy()
        samples[:, -fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    write_audio(midi.with_suffix(".wav"), Waveform(samples, SAMPLE_RATE, str(midi)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the examples and their manifest into this file's folder."""
    write_midi_files(FOLDER)
    for midi in sorted(FOLDER.glob("*.mid")):
        is_generated = midi.stem.startswith("generated_")
        write_rendering(midi, longest_seconds=17.0 if is_generated else 19.5)  # 3 MB together
    manifest = {
        "weights": sha256_of(weights_path()),
        "arithmetic": asdict(Arithmetic.here()),
        "commands": {name: f"python -m symbolic.generate {flags_of(name, flags)}" for name, flags in GENERATED.items()},
        "files": {
            path.relative_to(FOLDER).as_posix(): sha256_of(path)
            for path in sorted(FOLDER.rglob("*"))
            if path.suffix in (".mid", ".wav")
        },
    }
    with atomic_path(FOLDER / "MANIFEST.json") as path:
        path.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
