"""The exceptions whose message is meant for the person at the keyboard."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DAMAGE = (ArithmeticError, AttributeError, EOFError, LookupError, OSError, TypeError, ValueError, csv.Error)
"""What reading raises of a file that one of our commands wrote, and something has changed since."""


class InputError(ValueError):
    """A file or argument of the user's cannot be used.

    The message is one plain sentence naming the file, what is wrong with it and what to do; command lines print it
    without a traceback, and a batch records it and goes on with its other items.
    """


class WeightsError(RuntimeError):
    """A weights file is missing, truncated, of another format or model; the message says which and what to do."""


def in_words(error: Exception) -> str:
    """An exception of any kind in a few words on one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


@contextmanager
def told_as_damage(place: str | Path, remedy: str) -> Iterator[None]:
    """What reading damaged files in a folder raises becomes an InputError that names it and what to do."""
    try:
        yield
    except InputError:
        raise
    except DAMAGE as error:
        raise InputError(f"{place}: damaged ({in_words(error)}); {remedy}.") from error
