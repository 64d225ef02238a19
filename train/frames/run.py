"""One training run on rendered frames, from data to weights file: the part that the audio models' commands share."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning
from jsonargparse import ArgumentParser, Namespace

from audio.spectral.frames import FrameConfig
from losscal.weights import save_weights
from train.common import best_figure, best_state, build_trainer, errors_as_usage, fit, story_of, weights_path
from train.frames.data import FrameCache, FrameSet
from train.frames.module import MONITOR, FrameData

log = logging.getLogger(__name__)


@contextmanager
def opened(parser: ArgumentParser, flags: Namespace, kind: str) -> Iterator[tuple[Path, lightning.Trainer]]:
    """Where the weights of this kind are to be written, and the trainer; seeded, and with errors told as usage."""
    lightning.seed_everything(flags.windows.seed)
    with errors_as_usage(parser):
        yield weights_path(flags, kind), build_trainer(flags, monitor=MONITOR)


def run(
    trainer: lightning.Trainer,
    module: lightning.LightningModule,
    frames: FrameCache,
    sets: Mapping[str, FrameSet],
    path: Path,
    *,
    kind: str,
    configs: dict[str, Any],
    context_frames: int,
    flags: Namespace,
) -> None:
    """Train the module's `model` on windows of `sets` behind `context_frames`; write its best state to `path`.

    sets: by split, what was made of `frames`.
    """
    data = FrameData(sets, flags.windows, context_frames)
    configs = configs | {"windows": flags.windows, "optim": flags.optim}
    fit(trainer, module, data, flags=flags, data_hash=frames.data_hash, configs=configs)
    story = story_of(flags.command, frames.data_hash, configs, best_figure(trainer))
    story |= {"frames": frames.recipe, "frames_hash": FrameConfig().hash}
    state = {name.removeprefix("model."): value for name, value in best_state(trainer, module).items()}
    save_weights(path, state, kind=kind, story=story)
    log.info("wrote %s", path)
