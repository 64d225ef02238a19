"""`python -m benchmarks.audio_speed`: how many seconds of sound each view scores in a second.

The sound is a noisy chord in stereo at 44.1 kHz, resampling included; the figure is the fastest of three runs after one
that is not counted. spectral_lm has its shipped weights. The others have random ones, on which speed does not depend:
MusicGen in the shape of facebook/musicgen-small but for its text encoder, which no condition needs, Audiobox in the
package's, the diffusion model in its own.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from benchmarks.speed import fastest_seconds
from losscal.cli import EXIT_DONE, in_range, log, run, write_result
from losscal.settings import Seconds
from losscal.statistics import markdown_table

if TYPE_CHECKING:
    from audio.scorer import Scorer
    from audio.signal.waveform import Waveform

SAMPLE_RATE = 44_100
MUSICGEN_CODEC = {
    "sampling_rate": 32_000,
    "upsampling_ratios": [8, 5, 4, 4],
    "codebook_size": 2048,
    "target_bandwidths": [2.2],
    "num_filters": 64,
    "use_causal_conv": False,
    "use_conv_shortcut": False,
}
"""facebook/encodec_32khz, where it is not EnCodec as transformers builds it by default."""
MUSICGEN_TEXT = {"d_model": 16, "d_ff": 16, "d_kv": 8, "num_layers": 1, "num_heads": 2}


class Timed(NamedTuple):
    """A scorer, what is said of it, and the parameters it computes with."""

    scorer: "Scorer"
    label: str
    parameters: int


def spectral_lm(weights: Path | None) -> Timed:
    """With the background model where that is there."""
    from audio.spectral.scoring import SpectralLMScorer

    scorer = SpectralLMScorer.load(weights)
    models = [model for model in (scorer.model, scorer.background) if model is not None]
    return Timed(scorer, " and ".join(("spectral_lm", "its background")[: len(models)]), sum(map(n_parameters, models)))


def musicgen(weights: Path | None) -> Timed:
    """Of random weights."""
    import transformers

    from audio.musicgen.checkpoint import MusicGen
    from audio.musicgen.scoring import MusicGenScorer

    config = transformers.MusicgenConfig(
        text_encoder=transformers.T5Config(**MUSICGEN_TEXT).to_dict(),
        audio_encoder=transformers.EncodecConfig(**MUSICGEN_CODEC).to_dict(),
        decoder=transformers.MusicgenDecoderConfig().to_dict(),  # by default musicgen-small's
    )
    model = transformers.MusicgenForConditionalGeneration(config)
    scorer = MusicGenScorer(MusicGen(model, Path("random"), ""))
    return Timed(scorer, "musicgen, random weights", n_parameters(model))


def audiobox(weights: Path | None) -> Timed:
    """Of random weights."""
    from audiobox_aesthetics.model.aes import AesMultiOutput

    from audio.audiobox import AXES, AudioboxScorer

    model = AesMultiOutput(target_transform={axis: {"mean": 5.0, "std": 1.0} for axis in AXES})
    return Timed(AudioboxScorer(model, ""), "audiobox, random weights", n_parameters(model))


def diffusion(weights: Path | None) -> Timed:
    """Of random weights."""
    from audio.diffusion.config import DiffusionConfig
    from audio.diffusion.model import DiffusionModel
    from audio.diffusion.scoring import DiffusionScorer

    model = DiffusionModel(DiffusionConfig())
    return Timed(DiffusionScorer(model, ""), "diffusion, random weights", n_parameters(model))


VIEWS: Mapping[str, Callable[[Path | None], Timed]] = {
    "spectral_lm": spectral_lm,
    "musicgen": musicgen,
    "audiobox": audiobox,
    "diffusion": diffusion,
}


def n_parameters(model: Any) -> int:
    """Of a torch module."""
    return sum(parameter.numel() for parameter in model.parameters())


def noisy_chord(seconds: float) -> "Waveform":
    """An A major triad in white noise, stereo."""
    from audio.signal.waveform import Waveform

    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    sound = sum(np.sin(2 * np.pi * hertz * t) for hertz in (220.0, 277.2, 329.6))
    noise = np.random.default_rng(1).normal(0.0, 0.1, (2, len(t)))
    return Waveform((0.1 * (sound + noise)).astype(np.float32), SAMPLE_RATE, "chord")


def row(view: str, weights: Path | None, seconds: float) -> list[str]:
    """A view's line of the table; its model is gone afterwards."""
    timed = VIEWS[view](weights)
    sound = noisy_chord(seconds)
    rate = seconds / fastest_seconds(lambda: timed.scorer.score(sound))
    return [timed.label, f"{timed.parameters / 1e6:.1f} M", f"{rate:.2g} x"]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audio_speed", description=__doc__)
    parser.add_argument("--weights", type=Path, help="folder of weights of spectral_lm other than the shipped ones")
    parser.add_argument(
        "--seconds", type=in_range(Seconds), default=30.0, help="length of the sound (default %(default)g)"
    )
    parser.add_argument("--views", nargs="+", choices=VIEWS, default=list(VIEWS), help="default: all")
    flags = parser.parse_args(argv)
    import torch

    rows = []
    for view in flags.views:
        log(f"timing {view}")
        rows.append(row(view, flags.weights, flags.seconds))
    write_result(f"{flags.seconds:g} s of sound, {torch.get_num_threads()} threads\n")
    write_result(markdown_table(["view", "parameters", "times real time"], rows))
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
