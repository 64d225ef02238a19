"""`python -m train.spectral_hearing`: train what hears struck keys in frames, on renderings of the corpus.

Half of what it hears is as it was played and half has its notes out of order, so that it learns strings and no music.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from audio.spectral.config import HEARING_KIND, HearingConfig
from losscal.cli import run as run_command
from train.common import parse_flags
from train.configs import OptimConfig
from train.frames.data import FrameWindowConfig
from train.frames.excerpts import ShuffleConfig
from train.frames.flags import frame_configs, frame_parser, open_frames

if TYPE_CHECKING:
    from jsonargparse import ArgumentParser

SHUFFLED = ShuffleConfig().rules
CONFIGS = {
    "model": HearingConfig(),
    "windows": FrameWindowConfig(batch_size=8, window_frames=96, steps_per_epoch=200),
    "optim": OptimConfig(steps=1600, muon_lr=0.0, adamw_lr=3e-3),
    **frame_configs(),
    "shuffle": ShuffleConfig(rules=(*SHUFFLED, *("as_played",) * len(SHUFFLED))),
}


def build_parser() -> "ArgumentParser":
    """The command line."""
    return frame_parser("train.spectral_hearing", "Train what hears struck keys.", "runs/spectral_hearing", CONFIGS)


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the flags, render what is not cached, train, write <out>/spectral_hearing.safetensors.

    Exit status 2 on wrong flags or no data.
    """
    parser = build_parser()
    flags = parse_flags(parser, argv, CONFIGS)

    from audio.spectral.hearing import CONTEXT_FRAMES, Hearing
    from train.frames.hearing_module import HearingModule
    from train.frames.run import opened, run

    with opened(parser, flags, HEARING_KIND) as (path, trainer):
        frames = open_frames(flags, flags.shuffle)
        sets = {split: rendered.with_strikes() for split, rendered in frames.sets().items()}
        module = HearingModule(Hearing(flags.model), flags.optim, flags.windows.seed)
        configs, context = {HEARING_KIND: flags.model}, 2 * CONTEXT_FRAMES
        run(
            trainer, module, frames, sets, path, kind=HEARING_KIND, configs=configs, context_frames=context, flags=flags
        )


if __name__ == "__main__":
    run_command(main)
