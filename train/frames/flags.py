"""The flags of commands that train on rendered frames, and the frames they ask for."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from losscal.cli import in_range
from losscal.errors import InputError
from losscal.settings import Settings, Workers
from train.common import add_config_flags, base_parser
from train.frames.acoustics import AcousticsConfig
from train.frames.data import FrameCache
from train.frames.excerpts import ExcerptConfig, ShuffleConfig, SoundRecipe
from train.frames.soundfonts import find_soundfonts

if TYPE_CHECKING:
    from jsonargparse import ArgumentParser, Namespace


def frame_parser(module: str, description: str, default_out: str, configs: Mapping[str, Settings]) -> "ArgumentParser":
    """A parser with the flags of every command that trains on frames, and those of its configs."""
    parser = base_parser(module, description, default_out)
    add_frame_flags(parser)
    add_config_flags(parser, configs)
    return parser


def add_frame_flags(parser: "ArgumentParser") -> None:
    """Which frames to train on: a folder of them, or what is rendered from --data."""
    parser.add_argument(
        "--frames",
        type=str | None,
        default=None,
        help="folder of frames made earlier, used instead of --data and --excerpts",
    )
    parser.add_argument(
        "--soundfonts",
        type=list[str] | None,
        default=None,
        help="paths of the SoundFonts to render with (default: those of data_manifest.yaml that are installed)",
    )
    parser.add_argument(
        "--frames-root", default="runs/frames", help="where frames rendered from --data are kept (%(default)s)"
    )
    parser.add_argument("--workers", type=in_range(Workers), default=os.cpu_count(), help="processes that render")


def frame_configs() -> dict[str, Settings]:
    """The configs of what is rendered, by the names that their flags begin with."""
    return {"excerpts": ExcerptConfig(), "acoustics": AcousticsConfig()}


def open_frames(flags: "Namespace", shuffle: ShuffleConfig | None = None) -> FrameCache:
    """The frames that `add_frame_flags` asked for, rendered first where they are not there yet.

    Raises InputError where there is no data, and where given frames are of shuffled notes but `shuffle` is None, or
    the other way round.
    """
    if flags.frames is None:
        from symbolic.data.corpus import Corpus

        sound = SoundRecipe(find_soundfonts(flags.soundfonts), flags.excerpts, flags.acoustics, shuffle)
        return FrameCache.prepare(Corpus.open(flags.data), sound, flags.frames_root, flags.workers)
    frames = FrameCache.open(flags.frames)
    if (frames.recipe["shuffle"] is None) != (shuffle is None):
        wanted = "as they were played" if shuffle is None else "out of order"
        raise InputError(f"{frames.folder}: its notes are not {wanted}; give other --frames, or leave them out.")
    return frames
