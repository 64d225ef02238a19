"""The symbolic model on disk: saving it with its story, loading it strictly."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from losscal.errors import WeightsError
from losscal.weights import config_of, load_module, load_weights, save_weights, story_value
from symbolic.models.configs import SHIPPED_WEIGHTS
from symbolic.models.phrases.config import PhraseConfig
from symbolic.models.phrases.model import PhraseGPT
from symbolic.tokens.events import vocabulary_hash


def save_model(path: str | Path, state: Mapping[str, Tensor], *, story: Mapping[str, Any]) -> None:
    """Write a model's state; `story["configs"]["phrases"]` must rebuild it. The vocabulary's hash is added."""
    save_weights(path, state, kind=PhraseGPT.name, story={**story, "vocabulary_hash": vocabulary_hash()})


def load_model(path: str | Path) -> tuple[PhraseGPT, dict[str, Any]]:
    """(model in fp32, evaluation mode; its story). Raises WeightsError where the file does not hold such a model."""
    state, story = load_weights(path, kind=PhraseGPT.name)
    if story_value(story, "vocabulary_hash", path) != vocabulary_hash():
        raise WeightsError(f"{path}: was trained on another event vocabulary than this version reads; train it anew.")
    config = config_of(PhraseConfig, story, "phrases", path)
    return load_module(lambda: PhraseGPT(config), state, path), story


def weights_path(weights_dir: Path | None = None) -> Path:
    """Where the weights lie: in `weights_dir`, by default with the package."""
    return (weights_dir or SHIPPED_WEIGHTS) / f"{PhraseGPT.name}.safetensors"
