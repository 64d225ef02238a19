"""Weights on disk: bf16 safetensors with their story in the metadata, loaded strictly or refused in one sentence."""

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch.overrides import TorchFunctionMode

from losscal.errors import WeightsError
from losscal.files import atomic_path

FORMAT_VERSION = "1"
SPARE_NUMBERS = 1 << 22
"""What a model may make beside twice the numbers of its weights while it is built."""

Config = TypeVar("Config")
Module = TypeVar("Module", bound=torch.nn.Module)


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

    Raises WeightsError where the file is missing, truncated, no safetensors file, holds another kind of model, tensors
    that are no floats, or numbers that are not finite.
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
                raise WeightsError(
                    f"{path}: holds a {metadata.get('kind')!r} model where {kind!r} is needed; give the file of one."
                )
            state = {name: _floats(file.get_tensor(name), name, path) for name in file.keys()}  # noqa: SIM118 (safe_open is no mapping)
    except SafetensorError as error:
        raise WeightsError(f"{path}: truncated or not a safetensors file ({error}); fetch or train it anew.") from error
    return state, _story(metadata["story"], path)


def _floats(tensor: torch.Tensor, name: str, path: Path) -> torch.Tensor:
    """The tensor in float32; raises WeightsError where it is of integers or not finite."""
    if not tensor.is_floating_point():
        raise WeightsError(f"{path}: {name} holds {tensor.dtype}, no floats; fetch or train it anew.")
    if not tensor.isfinite().all():
        raise WeightsError(f"{path}: {name} holds numbers that are not finite; fetch or train it anew.")
    return tensor.float()


def _story(text: str, path: Path) -> dict[str, Any]:
    try:
        story = json.loads(text)
    except ValueError as error:
        raise WeightsError(f"{path}: its metadata is no JSON ({error}); fetch or train it anew.") from error
    if not isinstance(story, dict):
        raise WeightsError(f"{path}: its metadata is {story!r:.40}, no JSON object; fetch or train it anew.")
    return story


def story_value(story: Mapping[str, Any], key: str, path: str | Path) -> Any:
    """What a story says of `key`; raises WeightsError where it says nothing."""
    if key not in story:
        raise WeightsError(f"{path}: its metadata lacks {key!r}; fetch or train it anew.")
    return story[key]


def config_of(kind: type[Config], story: Mapping[str, Any], name: str, path: str | Path) -> Config:
    """The config `name` of a story as the dataclass `kind`.

    Raises WeightsError where it is missing, has a key that `kind` has not, or a value that `kind` refuses.
    """
    configs = story_value(story, "configs", path)
    values = configs.get(name) if isinstance(configs, dict) else None
    if not isinstance(values, dict):
        raise WeightsError(f"{path}: its metadata lacks the config {name!r}; fetch or train it anew.")
    unknown = sorted(values.keys() - get_type_hints(kind).keys())
    if unknown:
        raise WeightsError(f"{path}: {name}.{unknown[0]} is no setting of this version; train it anew.")
    return config_from_json(kind, values, name, path)


def config_from_json(kind: type[Config], values: Any, name: str, path: str | Path) -> Config:
    """A JSON object as the dataclass `kind`, without the keys that `kind` has not.

    name: where it stands in the file `path`. Raises WeightsError for anything else and for a value that `kind` refuses.
    """
    if not isinstance(values, dict):
        raise WeightsError(f"{path}: {name} is {values!r:.40}, no JSON object; fetch it anew.")
    types = get_type_hints(kind)
    known = {key: value for key, value in values.items() if key in types}
    for key, value in known.items():
        if not _is_of_type(value, types[key]):
            raise WeightsError(
                f"{path}: {name}.{key} is {value!r:.40}, which is no {types[key]}; fetch or train it anew."
            )
    try:
        return kind(**known)
    except ValueError as error:
        raise WeightsError(f"{path}: {name}.{error}; fetch or train it anew.") from error


def _is_of_type(value: Any, annotation: Any) -> bool:
    """Whether a JSON value is what a config's field holds: a number, a text, or a list of one of them."""
    if get_origin(annotation) is tuple:
        return isinstance(value, list) and all(_is_of_type(element, get_args(annotation)[0]) for element in value)
    if annotation is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is annotation


def load_module(build: Callable[[], Module], state: Mapping[str, torch.Tensor], path: str | Path) -> Module:
    """The module that `build` makes, with `state`, in evaluation mode.

    A file's size bounds the memory that building takes. Raises WeightsError naming `path` where a name or a shape
    differs.
    """
    numbers = sum(tensor.numel() for tensor in state.values())
    try:
        with _NumberLimit(2 * numbers + SPARE_NUMBERS):
            module = build()
    except _TooManyNumbersError:
        with torch.device("meta"):  # shapes without memory; torch imports for seconds before it makes any
            _check_fit(build(), state, path)
        module = build()
    load_state(module, state, path)
    return module.eval()


def check_size(build: Callable[[], torch.nn.Module], n_held: int, path: str | Path) -> None:
    """Build shapes alone; raises WeightsError where they take far more than the `n_held` numbers of a weights file."""
    limit = 2 * n_held + SPARE_NUMBERS
    try:
        with torch.device("meta"), _NumberLimit(limit):
            module = build()
        n_made = sum(tensor.numel() for tensor in (*module.parameters(), *module.buffers()))
    except _TooManyNumbersError:
        n_made = limit + 1
    if n_made > limit:
        raise WeightsError(
            f"{path}: its config describes a larger model than the {n_held} numbers of its weights fill; fetch it anew."
        )


def load_state(module: torch.nn.Module, state: Mapping[str, torch.Tensor], path: str | Path) -> None:
    """Load `state` into `module` strictly; raises WeightsError naming `path` where a name or a shape differs."""
    _check_fit(module, state, path)
    module.load_state_dict(dict(state))


def misfits(needed: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor]) -> list[str]:
    """Which tensors of a state lack, exceed or differ in shape from those needed: what is held and needed, by name."""
    wanted, held = ({name: tuple(tensor.shape) for name, tensor in of.items()} for of in (needed, state))
    return [
        f"{name} is {held.get(name, 'missing')}, needed is {wanted.get(name, 'none')}"
        for name in sorted(wanted.keys() | held.keys())
        if wanted.get(name) != held.get(name)
    ]


def _check_fit(module: torch.nn.Module, state: Mapping[str, torch.Tensor], path: str | Path) -> None:
    differing = misfits(module.state_dict(), state)
    if differing:
        raise WeightsError(
            f"{path}: does not fit the model its own metadata describes: {differing[0]} ({len(differing)} such "
            "tensors); fetch or train it anew."
        )


class _TooManyNumbersError(MemoryError):
    """More was asked for than a limit allows."""


class _NumberLimit(TorchFunctionMode):
    """Raises _TooManyNumbersError before the tensors that are made within hold more than `left` numbers together."""

    def __init__(self, left: int) -> None:
        super().__init__()
        self.left = left

    def __torch_function__(
        self, func: Callable, types: Sequence[type], args: tuple = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func in (torch.empty, torch.zeros, torch.ones, torch.randn):
            size = args[0] if args and isinstance(args[0], Sequence) else args
            self.left -= prod(size)
            if self.left < 0:
                raise _TooManyNumbersError
        return func(*args, **(kwargs or {}))


def kind_of(path: str | Path) -> str | None:
    """The kind of model that a weights file says it holds; None where it says nothing. Raises WeightsError."""
    try:
        with safe_open(path, framework="pt") as file:
            return (file.metadata() or {}).get("kind")
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: missing, or not a safetensors file ({error}); fetch or train it anew.") from error


def git_commit() -> str | None:
    """The commit of the checkout that this module lies in, None outside one and where git is missing."""
    if not shutil.which("git"):
        return None
    command = ["git", "rev-parse", "HEAD"]
    result = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return result.stdout.strip() or None
