"""`python -m train.diffusion`: train the diffusion model on renderings of the corpus."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from audio.diffusion.config import DiffusionConfig, EstimateConfig
from losscal.cli import run as run_command
from train.common import parse_flags
from train.configs import OptimConfig
from train.frames.data import FrameWindowConfig
from train.frames.flags import frame_configs, frame_parser, open_frames

if TYPE_CHECKING:
    from jsonargparse import ArgumentParser


CONFIGS = {
    **{"model": DiffusionConfig(), "windows": FrameWindowConfig(), "optim": OptimConfig()},
    "validation": EstimateConfig(),
    **frame_configs(),
}


def build_parser() -> "ArgumentParser":
    """The command line."""
    return frame_parser("train.diffusion", "Train the diffusion model on rendered excerpts.", "runs/diffusion", CONFIGS)


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the flags, render what is not cached, train, write <out>/diffusion.safetensors.

    Exit status 2 on wrong flags or no data.
    """
    parser = build_parser()
    flags = parse_flags(parser, argv, CONFIGS)

    from audio.diffusion.model import DiffusionModel
    from audio.diffusion.scoring import KIND
    from train.frames.diffusion_module import DiffusionModule
    from train.frames.run import opened, run

    with opened(parser, flags, KIND) as (path, trainer):
        frames = open_frames(flags)
        module = DiffusionModule(DiffusionModel(flags.model), flags.optim, flags.validation, flags.windows.seed)
        configs = {KIND: flags.model, "validation": flags.validation}
        run(trainer, module, frames, frames.sets(), path, kind=KIND, configs=configs, context_frames=0, flags=flags)


if __name__ == "__main__":
    run_command(main)
