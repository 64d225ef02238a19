"""Work that can be watched: its loops are handed to whoever wants to show how far they are.

Where it is long and lies deep down (a file's blocks, a model's windows), the loop says `watched`, and shows itself to
whoever is `watching` above, in the same thread. A command shows its loops as a `bar`, unless it is watched itself.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar

Step = TypeVar("Step")
Progress = Callable[..., Iterable[Any]]
"""Wraps what a loop goes through, as tqdm does; told in `desc` what is done and, where it is known, the `total`."""


def unwatched(steps: Iterable[Any], **told: Any) -> Iterable[Any]:
    """The progress that nobody looks at."""
    return steps


_WATCHING: ContextVar[Progress] = ContextVar("watching", default=unwatched)


@contextmanager
def watching(progress: Progress) -> Iterator[None]:
    """Let `progress` see the loops that are begun in the block."""
    token = _WATCHING.set(progress)
    try:
        yield
    finally:
        _WATCHING.reset(token)


def watched(steps: Iterable[Step], *, desc: str, total: int | None = None) -> Iterable[Step]:
    """A loop's steps, seen by whoever is watching."""
    return _WATCHING.get()(steps, desc=desc, total=total)


def bar(**shown: Any) -> Progress:
    """A command's bar on the terminal, none where there is no terminal; whoever is watching sees the loop instead.

    shown: as tqdm is told, "desc", "unit", "leave".
    """
    watcher = _WATCHING.get()
    if watcher is not unwatched:
        return partial(watcher, **shown)
    from tqdm import tqdm

    return partial(tqdm, disable=None, **shown)
