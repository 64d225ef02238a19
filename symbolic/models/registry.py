"""Symbolic models on disk: which class a weights file holds, saving with its story, loading strictly."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from losscal.errors import WeightsError
from losscal.weights import load_state, load_weights, save_weights
from symbolic.models.code_gpt import CodeGPT
from symbolic.models.configs import GPTConfig, VQVAEConfig
from symbolic.models.event_gpt import EventGPT
from symbolic.models.vqvae import VQVAE
from symbolic.tokens.events import vocabulary_hash

SHIPPED_WEIGHTS = Path(__file__).parents[1] / "weights"


def build(kind: str, configs: Mapping[str, Any]) -> nn.Module:
    """An untrained model of `kind` ("events", "vqvae" or "vqvae_autoencoder") from its configs by name."""
    if kind == EventGPT.name:
        return EventGPT(GPTConfig(**configs["gpt"]))
    if kind == CodeGPT.name:
        return CodeGPT(GPTConfig(**configs["gpt"]), VQVAEConfig(**configs["vqvae"]))
    if kind == VQVAE.name:
        return VQVAE(VQVAEConfig(**configs["vqvae"]))
    raise ValueError(f"kind: {kind!r} is none of {EventGPT.name!r}, {CodeGPT.name!r}, {VQVAE.name!r}")


def save_model(path: str | Path, state: Mapping[str, Tensor], *, kind: str, story: Mapping[str, Any]) -> None:
    """Write a model's state; `story["configs"]` must rebuild it. The vocabulary's hash is added."""
    save_weights(path, state, kind=kind, story={**story, "vocabulary_hash": vocabulary_hash()})


def load_model(path: str | Path, *, kind: str) -> tuple[nn.Module, dict[str, Any]]:
    """(model in fp32, evaluation mode; its story). Raises WeightsError where the file does not hold such a model."""
    state, story = load_weights(path, kind=kind)
    if story["vocabulary_hash"] != vocabulary_hash():
        raise WeightsError(f"{path}: was trained on another event vocabulary than this version reads; train it anew.")
    model = build(kind, story["configs"])
    load_state(model, state, path)
    return model.eval(), story


def weights_path(name: str, weights_dir: Path | None = None) -> Path:
    """Where the weights of "events" or "vqvae" lie: in `weights_dir`, by default with the package."""
    return (weights_dir or SHIPPED_WEIGHTS) / f"{name}.safetensors"
