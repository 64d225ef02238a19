"""Work that can be watched: its loops are handed to whoever wants to show how far they are."""

from collections.abc import Callable, Iterable
from typing import Any

Progress = Callable[..., Iterable[Any]]
"""Wraps what a loop goes through, as tqdm does; told in `desc` what is done."""


def unwatched(steps: Iterable[Any], **told: Any) -> Iterable[Any]:
    """The progress that nobody looks at."""
    return steps
