"""Performances in a temporary file, so that memory does not grow with how many there are."""

from collections.abc import Iterator
from tempfile import TemporaryFile
from types import TracebackType

import numpy as np

from symbolic.notes.performance import NOTE_DTYPE, Performance


class Spool:
    """Performances in the order in which they were added, read anew in every pass; the file goes with the block."""

    def __init__(self) -> None:
        self._file = TemporaryFile()  # noqa: SIM115 (closed with the block)
        self._counts: list[int] = []

    def __enter__(self) -> "Spool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, performance: Performance) -> None:
        """Put a performance behind the others; no pass may be under way."""
        self._counts.append(len(performance))
        self._file.write(performance.notes.tobytes())

    def __iter__(self) -> Iterator[Performance]:
        place = 0
        for count in self._counts:
            self._file.seek(place)
            data = self._file.read(count * NOTE_DTYPE.itemsize)
            place += len(data)
            yield Performance(np.frombuffer(data, NOTE_DTYPE))
