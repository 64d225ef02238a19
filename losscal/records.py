"""Frozen dataclasses as JSON values and back, by the names of their fields."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar

from losscal.errors import InputError

Record = TypeVar("Record")
Reader = Callable[[Any], Any]


def to_json(value: Any) -> Any:
    """The JSON value of dataclasses, mappings and sequences of any depth; new dicts and lists throughout.

    A dataclass with a method `to_json` is what that returns, any other a dict of its fields in their order.
    """
    if is_dataclass(value):
        if hasattr(value, "to_json"):
            return value.to_json()
        return fields_to_json(value)
    if isinstance(value, Mapping):
        return {key: to_json(of_key) for key, of_key in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(element) for element in value]
    return value


def fields_to_json(record: Any) -> dict[str, Any]:
    """A dataclass as a dict of its fields in their order, whatever its own `to_json` may do."""
    return {of.name: to_json(getattr(record, of.name)) for of in fields(record)}


def record_of(kind: type[Record], json: Any, **readers: Reader) -> Record:
    """The dataclass `kind` of a JSON object; the inverse of `fields_to_json`.

    readers: what makes a field of its JSON value, for each field that is not that value; null stays None. A field with
    a default may be absent. Raises InputError for a key that `kind` does not have, and for one it needs.
    """
    if not isinstance(json, Mapping):
        raise InputError(f"{kind.__name__}: is {json!r:.40}, no JSON object; make the file again.")
    known = {of.name: of.default is MISSING and of.default_factory is MISSING for of in fields(kind)}
    unknown = [name for name in json if name not in known]
    missing = [name for name, is_needed in known.items() if is_needed and name not in json]
    if unknown or missing:
        told = [f"unknown are {', '.join(unknown)}"] if unknown else []
        told += [f"missing are {', '.join(missing)}"] if missing else []
        raise InputError(f"{kind.__name__}: of its keys {' and '.join(told)}; make the file again with this version.")
    return kind(
        **{
            name: readers[name](value) if name in readers and value is not None else value
            for name, value in json.items()
        }
    )


def tuple_of(reader: Reader) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """A reader of a list whose elements `reader` reads; null among them stays None."""
    return lambda values: tuple(None if value is None else reader(value) for value in values)


def dict_of(reader: Reader) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """A reader of an object whose values `reader` reads; null among them stays None."""
    return lambda values: {key: None if value is None else reader(value) for key, value in values.items()}
