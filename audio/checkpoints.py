"""Checkpoints of public models: found by folder or by hub name, loaded whole or refused."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from losscal.errors import InputError, WeightsError
from losscal.files import sha256_of

WEIGHTS_PATTERN = "model*.safetensors"
HUB_FILES = ["*.json", "*.txt", "*.model", WEIGHTS_PATTERN]
"""What is fetched of a hub repository; pickled weights are not."""


def checkpoint_folder(checkpoint: str | Path, *, fetch: bool = True) -> Path:
    """The folder itself, or the hub's local copy of the checkpoint so named, which `fetch` may download once.

    Raises InputError where it is not to be had or holds no safetensors weights.
    """
    folder = Path(checkpoint) if Path(checkpoint).is_dir() else _hub_copy(str(checkpoint), fetch)
    if not any(folder.glob(WEIGHTS_PATTERN)):
        raise InputError(f"{checkpoint}: holds no {WEIGHTS_PATTERN}; give a checkpoint saved as safetensors.")
    return folder


def _hub_copy(name: str, fetch: bool) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    try:
        return Path(snapshot_download(name, allow_patterns=HUB_FILES, local_files_only=not fetch))
    except HFValidationError as error:
        raise InputError(f"{name}: no such folder, and no name on the hub; give one or the other.") from error
    except RepositoryNotFoundError as error:
        raise InputError(f"{name}: not to be found on the hub, or closed; check the name.") from error
    except LocalEntryNotFoundError as error:
        reason = "the hub cannot be reached to fetch it; go online once" if fetch else "it was never fetched; do so"
        raise InputError(f"{name}: no such folder, and {reason} or give a folder.") from error
    except HfHubHTTPError as error:
        raise InputError(f"{name}: the hub does not give it ({error.response.status_code}); give a folder.") from error


def model_type(folder: Path) -> str:
    """What a checkpoint of transformers calls its architecture; raises InputError where it does not say."""
    try:
        return json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder}: holds no config.json of transformers; give a checkpoint of transformers."
        ) from error


def load_transformers_model(folder: Path, class_name: str) -> Any:
    """The folder's model as that class of transformers, in fp32, for inference.

    Raises InputError where transformers is missing or the model of another kind, WeightsError where the weights are
    broken or do not fill the model.
    """
    if find_spec("transformers") is None:
        raise InputError(f"{folder}: needs the package transformers; install it with pip install 'transformers>=5'.")
    import torch
    import transformers
    from safetensors import SafetensorError

    try:
        model, info = getattr(transformers, class_name).from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True, local_files_only=True, output_loading_info=True
        )
    except (SafetensorError, OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(f"{folder}: cannot be loaded ({reason}); fetch the checkpoint anew.") from error
    except ValueError as error:
        raise InputError(f"{folder}: is no {class_name} ({' '.join(str(error).split())[:200]}); give one.") from error
    # transformers fills what a file lacks with random weights and goes on.
    absent = sorted({*info["missing_keys"], *(str(entry) for entry in info["mismatched_keys"])})
    if absent:
        raise WeightsError(f"{folder}: lacks {len(absent)} weights of its model, {absent[0]} first; fetch it anew.")
    return model.eval()


def sha256_of_weights(folder: Path) -> str:
    """Hex SHA-256 of a checkpoint's weights file, of all of them in name order where there are several."""
    return sha256_of(*sorted(folder.glob(WEIGHTS_PATTERN)))
