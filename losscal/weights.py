"""Weights on disk: bf16 safetensors with their story in the metadata, loaded strictly or refused in one sentence."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from losscal.errors import WeightsError
from losscal.files import atomic_path

FORMAT_VERSION = "1"


def save_weights(path: str | Path, state: Mapping[str, torch.Tensor], *, kind: str, story: Mapping[str, Any]) -> None:
    """Write `state` in bf16 under the model kind's name.

    `story` holds JSON values (config, tokeniser hash, data hash, training command, commit, validation figures) and
    comes back from `load_weights` as it went in.
    """
    metadata = {"format_version": FORMAT_VERSION, "kind": kind, "story": json.dumps(story, sort_keys=True)}
    tensors = {name: value.detach().to(torch.bfloat16).contiguous().cpu() for name, value in state.items()}
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(tensors, metadata=metadata))


def load_weights(path: str | Path, *, kind: str) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Read (state in float32, story).

    Raises WeightsError where the file is missing, truncated, no safetensors file, or holds another kind of model.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"{path}: no such weights file; train it or give its folder with --weights.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format_version") != FORMAT_VERSION or "story" not in metadata:
                raise WeightsError(f"{path}: not a LossCal weights file of format {FORMAT_VERSION}; train it anew.")
            if metadata.get("kind") != kind:
                raise WeightsError(f"{path}: holds a {metadata.get('kind')!r} model where {kind!r} is needed.")
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 (safe_open is no mapping)
    except SafetensorError as error:
        raise WeightsError(f"{path}: truncated or not a safetensors file ({error}); fetch or train it anew.") from error
    return state, json.loads(metadata["story"])


def load_state(module: torch.nn.Module, state: Mapping[str, torch.Tensor], path: str | Path) -> None:
    """Load `state` into `module` strictly; raises WeightsError naming `path` where a name or a shape differs."""
    try:
        module.load_state_dict(dict(state), strict=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise WeightsError(f"{path}: does not fit the model its own metadata describes: {reason}") from error


def git_commit() -> str | None:
    """The commit of the working directory's checkout, None outside one."""
    result = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return result.stdout.strip() or None
