"""Frozen dataclasses as JSON values and back, by the names and types of their fields."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache, partial
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from losscal.errors import InputError

Record = TypeVar("Record")


def to_json(value: Any) -> Any:
    """The JSON value of dataclasses, mappings and sequences of any depth; new dicts and lists throughout.

    A dataclass with a method `to_json` is what that returns, any other a dict of its fields in their order.
    """
    if is_dataclass(value):
        return value.to_json() if hasattr(value, "to_json") else fields_to_json(value)
    if isinstance(value, Mapping):
        return {key: to_json(of_key) for key, of_key in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(element) for element in value]
    return value


def fields_to_json(record: Any) -> dict[str, Any]:
    """A dataclass as a dict of its fields in their order, whatever its own `to_json` may do."""
    return {of.name: to_json(getattr(record, of.name)) for of in fields(record)}


def record_of(kind: type[Record], json: Any) -> Record:
    """The dataclass `kind` of a JSON object, the inverse of `fields_to_json`.

    Fields are read by their types: texts, finite numbers, dataclasses (by their own `from_json` where they have one),
    tuples of any length and mappings of what can be read, each of them or None; all else is taken as it is. A field
    with a default may be absent. Raises InputError for a key that `kind` does not have, for one it needs, and for a
    value of another type.
    """
    if not isinstance(json, Mapping):
        raise InputError(f"{kind.__name__}: is {json!r:.40}, no JSON object; make the file again.")
    needed = {of.name: of.default is MISSING and of.default_factory is MISSING for of in fields(kind)}
    unknown = [name for name in json if name not in needed]
    missing = [name for name, is_needed in needed.items() if is_needed and name not in json]
    if unknown or missing:
        told = [f"unknown are {', '.join(unknown)}"] if unknown else []
        told += [f"missing are {', '.join(missing)}"] if missing else []
        raise InputError(f"{kind.__name__}: of its keys {' and '.join(told)}; make the file again with this version.")
    readers = _readers(kind)
    values = {}
    for name, value in json.items():
        try:
            values[name] = readers[name](value)
        except _WrongTypeError as error:
            raise InputError(f"{kind.__name__}: {name} {error}; make the file again with this version.") from error
    return kind(**values)


class _WrongTypeError(TypeError):
    """What a JSON value is and what it should be."""


def is_finite_number(value: Any) -> bool:
    """Whether a JSON value is a number that a float can hold: no NaN, no infinity, no whole number beyond them."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


@cache
def _readers(kind: type) -> dict[str, Callable[[Any], Any]]:
    """What makes each field of a dataclass of its JSON value."""
    hints = get_type_hints(kind)
    return {of.name: _reader(hints[of.name]) for of in fields(kind)}


def _checked(value: Any, is_right: bool, what: str) -> Any:
    if not is_right:
        raise _WrongTypeError(f"is {value!r:.40}, which is no {what}")
    return value


_LEAVES: dict[Any, Callable[[Any], Any]] = {
    str: lambda value: _checked(value, isinstance(value, str), "text"),
    bool: lambda value: _checked(value, isinstance(value, bool), "truth value"),
    int: lambda value: _checked(value, isinstance(value, int) and is_finite_number(value), "whole number"),
    float: lambda value: _checked(value, is_finite_number(value), "finite number"),
}


def _reader(hint: Any) -> Callable[[Any], Any]:
    if hint in _LEAVES:
        return _LEAVES[hint]
    if is_dataclass(hint):
        read_object = getattr(hint, "from_json", None) or partial(record_of, hint)
        return lambda value: read_object(_checked(value, isinstance(value, Mapping), "JSON object"))
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is UnionType and NoneType in arguments and len(arguments) == 2:
        (other,) = (argument for argument in arguments if argument is not NoneType)
        read = _reader(other)
        return lambda value: None if value is None else read(value)
    if origin is tuple:
        read = _reader(arguments[0])
        return lambda values: tuple(map(read, _checked(values, isinstance(values, list | tuple), "list")))
    if origin is Mapping:
        read = _reader(arguments[1])
        return lambda values: {
            key: read(value) for key, value in _checked(values, isinstance(values, Mapping), "JSON object").items()
        }
    return lambda value: value
