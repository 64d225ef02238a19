"""Loading models of quantised frames: only those that were trained on the very frames that this version makes."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from audio.spectral.frames import FrameConfig
from losscal.errors import WeightsError
from losscal.weights import load_state, load_weights

Model = TypeVar("Model", bound=nn.Module)


def load_frame_model(path: Path, kind: str, build: Callable[[Mapping[str, Any]], Model]) -> Model:
    """The model of `kind` in a weights file, made by `build` from its configs by name; in evaluation mode.

    Raises WeightsError where the file is missing, broken or of other frames than ours.
    """
    state, story = load_weights(path, kind=kind)
    if story["frames_hash"] != FrameConfig().hash:
        raise WeightsError(f"{path}: was trained on frames of another recipe than this version makes; train it anew.")
    model = build(story["configs"])
    load_state(model, state, path)
    return model.eval()
