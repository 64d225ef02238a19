"""What the rooms that score an item hand back: a part of its entry, and what is to be said of it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from typing import Any, Generic, TypeVar

from bridge.items.entry import Moment
from losscal.errors import InputError, in_words

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


def part_of(make: Callable[[], Part[Value]], source: str) -> Part[Value]:
    """What `make` returns; whatever it raises is the part's one problem. source: what failed, for the message."""
    try:
        with told_of(source):
            return make()
    except InputError as error:
        return Part(problems=(str(error),))


@contextmanager
def told_of(source: str) -> Iterator[None]:
    """Whatever is raised, foreseen or not, becomes an InputError: no failure of one item may cost the others."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(_sentence(error, source)) from error


def _sentence(error: Exception, source: str) -> str:
    """What was raised, and what to do."""
    is_want_of_memory = isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and "memory" in str(error)  # as torch tells it
    )
    if is_want_of_memory:
        return f"{source}: takes more memory than there is; end other programs, use fewer --workers, or cut it."
    if isinstance(error, OSError):
        return f"{source}: the system refuses ({error.strerror or error}); mend that and run the command again."
    return f"{source}: failed ({in_words(error)}); please report this file."


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
