"""`python -m train.spectral_lm`: train the audio model, or its background model, on what is heard in renderings."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from audio.spectral.config import BACKGROUND_KIND, KIND, SpectralLMConfig
from losscal.cli import run as run_command
from train.common import parse_flags
from train.configs import OptimConfig
from train.frames.data import FrameWindowConfig
from train.frames.excerpts import ShuffleConfig
from train.frames.flags import frame_configs, frame_parser, open_frames
from train.frames.misheard import MisheardConfig

if TYPE_CHECKING:
    from jsonargparse import ArgumentParser


CONFIGS = {
    **{"model": SpectralLMConfig(), "windows": FrameWindowConfig(), "optim": OptimConfig()},
    **frame_configs(),
    "shuffle": ShuffleConfig(),
    "misheard": MisheardConfig(),
}


def build_parser() -> "ArgumentParser":
    """The command line."""
    parser = frame_parser(
        "train.spectral_lm", "Train the spectral model on rendered excerpts.", "runs/spectral_lm", CONFIGS
    )
    parser.add_argument("--background", action="store_true", help="train the background model, on shuffled notes")
    parser.add_argument(
        "--hearing",
        type=str | None,
        default=None,
        help="weights of python -m train.spectral_hearing (default: with --init its own, else the shipped ones)",
    )
    parser.add_argument("--init", type=str | None, default=None, help="weights of either model to start from")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the flags, render what is not cached, train, write <out>/spectral_lm[_background].safetensors.

    Exit status 2 on wrong flags or no data.
    """
    parser = build_parser()
    flags = parse_flags(parser, argv, CONFIGS)

    from audio.spectral.model import SpectralLM
    from train.frames.heard import heard_sets, music_without_sound, take_hearing
    from train.frames.module import SpectralModule, start_from
    from train.frames.run import opened, run

    kind = BACKGROUND_KIND if flags.background else KIND
    shuffle = flags.shuffle if flags.background else None
    with opened(parser, flags, kind) as (path, trainer):
        model = SpectralLM(flags.model)
        if flags.init is not None:
            start_from(model, flags.init)
        else:
            take_hearing(model, flags.hearing)
        frames = open_frames(flags, shuffle)
        sets = heard_sets(model.hearing, frames, music_without_sound(flags, shuffle))
        module = SpectralModule(model, flags.optim)
        configs, context = {KIND: flags.model, "misheard": flags.misheard}, flags.model.context_steps
        run(trainer, module, frames, sets, path, kind=kind, configs=configs, context_frames=context, flags=flags)


if __name__ == "__main__":
    run_command(main)
