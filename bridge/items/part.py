"""What the rooms that score an item hand back: a part of its entry, and what is to be said of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Generic, TypeVar

from bridge.items.entry import Moment
from losscal.errors import InputError

Value = TypeVar("Value")


@dataclass(frozen=True)
class Part(Generic[Value]):
    """A part of an entry, None where it failed or the item has none.

    warnings, problems: sentences; a problem makes the item one that failed.
    """

    value: Value | None = None
    moments: tuple[Moment, ...] = ()
    warnings: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def part_of(make: Callable[[], Part[Value]]) -> Part[Value]:
    """What `make` returns; an InputError that it raises is the part's one problem."""
    try:
        return make()
    except InputError as error:
        return Part(problems=(str(error),))


def check_finite(view: str, figures: Mapping[str, Any], source: str) -> None:
    """Raise InputError for a view that holds NaN or an infinity, which no JSON and no table may carry."""
    if not _is_finite(figures):
        raise InputError(f"{source}: {view} gave a number that is not finite; please report this file.")


def _is_finite(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or isfinite(value)
