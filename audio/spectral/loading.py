"""Loading models of quantised frames: only those that were trained on the very frames that this version makes."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from torch import nn

from audio.spectral.frames import FrameConfig
from losscal.errors import WeightsError
from losscal.weights import config_of, load_module, load_weights, story_value

Config = TypeVar("Config")
Model = TypeVar("Model", bound=nn.Module)


def load_frame_model(
    path: Path, *, kind: str, config_name: str, config: type[Config], model: Callable[[Config], Model]
) -> Model:
    """The model of `kind` in a weights file, made by `model` from its config; in evaluation mode.

    Raises WeightsError where the file is missing, broken or of other frames than ours.
    """
    state, story = load_weights(path, kind=kind)
    if story_value(story, "frames_hash", path) != FrameConfig().hash:
        raise WeightsError(f"{path}: was trained on frames of another recipe than this version makes; train it anew.")
    settings = config_of(config, story, config_name, path)
    return load_module(lambda: model(settings), state, path)
