"""What items and groups are called where there is little room: the end of a path that tells it from the others."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import takewhile
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


def without_shared_words(names: Mapping[str, str]) -> dict[str, str]:
    """Names less the words that all of them begin and end with; as they are where that leaves nothing of one.

    "Waltz (bounce 1).wav" and "Waltz (bounce original).wav" are "1" and "original". Where one name is what the others
    go on from ("waltz.mid", "waltz_v2.mid") they keep their beginning.
    """
    end = _shared_start(name[::-1] for name in names.values())
    whole = [name[: len(name) - len(end)] for name in names.values()]
    start = _shared_start(whole)
    base = min(whole, key=len, default="")
    goes_on = all(name == base or (name.startswith(base) and not name[len(base)].isalnum()) for name in whole)
    short = whole if goes_on else [name[len(start) :] for name in whole]
    return dict(zip(names, short, strict=True)) if len(names) > 1 and all(short) else dict(names)


def _shared_start(texts: Iterable[str]) -> str:
    """What all texts begin with, up to the last of its characters that is no letter or digit."""
    same = takewhile(lambda characters: len(set(characters)) == 1, zip(*texts, strict=False))
    start = "".join(characters[0] for characters in same)
    while start and start[-1].isalnum():
        start = start[:-1]
    return start


def natural_order(name: str) -> tuple[list[tuple[int, str]], str]:
    """A key that sorts names as people do: numbers by their value, capitals beside small letters."""
    parts = DIGITS.split(name.casefold())  # words and numbers in turn
    return [(int(part) if number % 2 else 0, part) for number, part in enumerate(parts)], name


def _tails(parts: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    return (parts[-depth:] for depth in range(1, len(parts) + 1))
