"""What items and groups are called where there is little room: the end of a path that tells it from the others."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePath

DIGITS = re.compile(r"(\d+)")


def shortest_tails(paths: Iterable[str]) -> dict[str, str]:
    """By path, as many of its last parts as no other path ends with; all of it where another ends with it whole."""
    parts = {path: PurePath(path).parts for path in paths}
    shared = Counter(tail for of_path in parts.values() for tail in _tails(of_path))
    return {
        path: next((str(PurePath(*tail)) for tail in _tails(of_path) if shared[tail] == 1), path)
        for path, of_path in parts.items()
    }


def natural_order(name: str) -> tuple[list[tuple[int, str]], str]:
    """A key that sorts names as people do: numbers by their value, capitals beside small letters."""
    parts = DIGITS.split(name.casefold())  # words and numbers in turn
    return [(int(part) if number % 2 else 0, part) for number, part in enumerate(parts)], name


def _tails(parts: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    return (parts[-depth:] for depth in range(1, len(parts) + 1))
