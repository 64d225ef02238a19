"""Checkpoints of public models: found by folder or by hub name, loaded whole or refused."""

import json
from importlib.util import find_spec
from math import prod
from pathlib import Path
from typing import Any

from losscal.errors import InputError, WeightsError, in_words
from losscal.files import check_regular_file, sha256_of

WEIGHTS_PATTERN = "model*.safetensors"
INDEX_FILE = "model.safetensors.index.json"
GENERATION_FILE = "generation_config.json"
MAX_JSON_BYTES = 16 << 20
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


def read_json_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file of a checkpoint; raises InputError where there is none."""
    check_regular_file(path, "a JSON file", MAX_JSON_BYTES)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: is no JSON ({str(error)[:100]}); fetch the checkpoint anew.") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: holds {values!r:.40}, no JSON object; fetch the checkpoint anew.")
    return values


def model_type(folder: Path) -> str:
    """What a checkpoint of transformers calls its architecture; raises InputError where it does not say."""
    config = folder / "config.json"
    kind = read_json_object(config).get("model_type") if config.exists() else None
    if not isinstance(kind, str):
        raise InputError(f"{folder}: holds no config.json of transformers; give a checkpoint of transformers.")
    return kind


def weights_files(folder: Path) -> list[Path]:
    """The weights that transformers reads: one file, or those that the index names, all of them in the folder itself.

    A link there may lead anywhere: the hub's cache is made of links. Raises InputError where the index is broken, names
    a file elsewhere, or a file is missing.
    """
    whole, index = folder / "model.safetensors", folder / INDEX_FILE
    if whole.exists() or not index.exists():
        return [whole] if whole.exists() else sorted(folder.glob(WEIGHTS_PATTERN))
    values = read_json_object(index)
    names = values.get("weight_map")
    if not isinstance(names, dict) or not names or not isinstance(values.get("metadata"), dict):
        raise InputError(f"{index}: lacks the objects weight_map and metadata; fetch the checkpoint anew.")
    for tensor, name in names.items():
        if not isinstance(name, str) or Path(name).name != name or not Path(name).match(WEIGHTS_PATTERN):
            raise InputError(
                f"{index}: {tensor} lies in {name!r:.80}, no {WEIGHTS_PATTERN} of the folder; fetch it anew."
            )
    files = [folder / name for name in sorted(set(names.values()))]
    for file in files:
        if not file.is_file():
            raise InputError(f"{file}: is named by {INDEX_FILE} but is no file; fetch the checkpoint anew.")
    return files


def load_transformers_model(folder: Path, class_name: str) -> Any:
    """The folder's model as that class of transformers, in fp32, for inference.

    Raises InputError where transformers is missing or the model of another kind, WeightsError where the weights are
    broken or do not fill the model.
    """
    if find_spec("transformers") is None:
        raise InputError(f"{folder}: needs the package transformers; install it with pip install 'transformers>=5'.")
    import torch
    import transformers
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError

    from losscal.weights import check_size

    if "quantization_config" in read_json_object(folder / "config.json"):
        raise InputError(f"{folder}: its weights are quantised (quantization_config); give a checkpoint that is not.")
    if (folder / GENERATION_FILE).exists():
        read_json_object(folder / GENERATION_FILE)
    files = weights_files(folder)
    kind = getattr(transformers, class_name)
    try:
        n_held = sum(_numbers_in(file) for file in files)
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
        check_size(lambda: getattr(kind, "from_config", kind)(config), n_held, folder)
        model, info = kind.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True, local_files_only=True, output_loading_info=True
        )
    except (SafetensorError, OSError, RuntimeError) as error:
        raise WeightsError(f"{folder}: cannot be loaded ({_one_line(error)}); fetch the checkpoint anew.") from error
    except (ValueError, StrictDataclassError) as error:
        raise InputError(f"{folder}: is no {class_name} ({_one_line(error)}); give one.") from error
    except (ArithmeticError, AttributeError, ImportError, LookupError, TypeError) as error:  # of values it never checks
        raise WeightsError(
            f"{folder}: config.json and {GENERATION_FILE} make no {class_name} ({in_words(error)}); fetch both anew."
        ) from error
    # transformers fills what a file lacks with random weights and goes on.
    absent = sorted({*info["missing_keys"], *(str(entry) for entry in info["mismatched_keys"])})
    if absent:
        raise WeightsError(f"{folder}: lacks {len(absent)} weights of its model, {absent[0]} first; fetch it anew.")
    for name, tensor in model.state_dict().items():
        if not tensor.isfinite().all():
            raise WeightsError(f"{folder}: {name} holds numbers that are not finite; fetch the checkpoint anew.")
    return model.eval()


def _numbers_in(file: Path) -> int:
    """How many numbers a safetensors file holds, by its header."""
    from safetensors import safe_open

    with safe_open(file, framework="pt") as tensors:
        return sum(prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118 (no mapping)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def sha256_of_weights(folder: Path) -> str:
    """Hex SHA-256 of a checkpoint's weights file, of all of them in name order where there are several."""
    return sha256_of(*sorted(folder.glob(WEIGHTS_PATTERN)))
