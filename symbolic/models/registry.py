"""Symbolic models on disk: which class a weights file holds, saving with its story, loading strictly."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from losscal.errors import WeightsError
from losscal.weights import config_of, load_module, load_weights, save_weights, story_value
from symbolic.models.code_gpt import CodeGPT
from symbolic.models.configs import SHIPPED_WEIGHTS, GPTConfig, VQVAEConfig
from symbolic.models.event_gpt import EventGPT
from symbolic.models.phrases.config import PhraseConfig
from symbolic.models.phrases.model import PhraseGPT
from symbolic.models.vqvae import VQVAE
from symbolic.tokens.events import vocabulary_hash

CONFIGS = {
    EventGPT.name: {"gpt": GPTConfig},
    CodeGPT.name: {"gpt": GPTConfig, "vqvae": VQVAEConfig},
    VQVAE.name: {"vqvae": VQVAEConfig},
    PhraseGPT.name: {"phrases": PhraseConfig},
}
"""The configs that a model of each kind is made from, by their names in a weights file."""
_CLASSES = {EventGPT.name: EventGPT, CodeGPT.name: CodeGPT, VQVAE.name: VQVAE, PhraseGPT.name: PhraseGPT}


def build(kind: str, configs: Mapping[str, Any]) -> nn.Module:
    """An untrained model of a kind of CONFIGS from its configs by name."""
    if kind not in CONFIGS:
        raise ValueError(f"kind: {kind!r} is none of {', '.join(CONFIGS)}")
    return _CLASSES[kind](*(configs[name] for name in CONFIGS[kind]))


def save_model(path: str | Path, state: Mapping[str, Tensor], *, kind: str, story: Mapping[str, Any]) -> None:
    """Write a model's state; `story["configs"]` must rebuild it. The vocabulary's hash is added."""
    save_weights(path, state, kind=kind, story={**story, "vocabulary_hash": vocabulary_hash()})


def load_model(path: str | Path, *, kind: str) -> tuple[nn.Module, dict[str, Any]]:
    """(model in fp32, evaluation mode; its story). Raises WeightsError where the file does not hold such a model."""
    state, story = load_weights(path, kind=kind)
    if story_value(story, "vocabulary_hash", path) != vocabulary_hash():
        raise WeightsError(f"{path}: was trained on another event vocabulary than this version reads; train it anew.")
    configs = {name: config_of(config, story, name, path) for name, config in CONFIGS[kind].items()}
    return load_module(lambda: build(kind, configs), state, path), story


def weights_path(name: str, weights_dir: Path | None = None) -> Path:
    """Where the weights of "events" or "vqvae" lie: in `weights_dir`, by default with the package."""
    return (weights_dir or SHIPPED_WEIGHTS) / f"{name}.safetensors"
