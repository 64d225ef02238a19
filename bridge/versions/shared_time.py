"""What a version and its reference share in time, second by second: notes under one view, or rows of a curve."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from bridge.items.tables import nats_columns
from bridge.versions.differences import SharedSeconds

if TYPE_CHECKING:
    from bridge.views.notes import NotesScore
    from symbolic.notes.alignment import TimeMap
    from symbolic.notes.performance import Performance

Table = Mapping[str, np.ndarray]
EDGE_SECONDS = 0.05
"""Notes so little before or after the shared time are in it: an edit must not push its first note out."""


def shared_notes(
    version: Table, reference: Table, time_map: "TimeMap", view: str, attributes: Sequence[str]
) -> SharedSeconds:
    """The nats of some attributes and the notes, in the seconds by the reference's clock in which both have onsets.

    version, reference: per-note tables. time_map: of the version.
    """
    onsets = time_map.to_reference(version["onset_seconds"]), reference["onset_seconds"]
    start = max(onset.min() for onset in onsets)
    stop = min(onset.max() for onset in onsets)
    n_seconds = max(0, int(stop - start) + 1)
    columns: list[np.ndarray] = []
    for table, onset in zip((version, reference), onsets, strict=True):
        nats = sum(table[f"{view}_{attribute}_nats"] for attribute in attributes)
        is_shared = (onset >= start - EDGE_SECONDS) & (onset <= stop + EDGE_SECONDS)
        second = np.clip(onset[is_shared] - start, 0.0, max(0.0, stop - start)).astype(np.int64)
        columns += [np.bincount(second, nats[is_shared], n_seconds), np.bincount(second, minlength=n_seconds)]
    return SharedSeconds(*columns)


def per_note_columns(view: str, performance: "Performance", score: "NotesScore") -> dict[str, np.ndarray]:
    """Onsets and nats of N notes as a per-note table has them."""
    from symbolic.notes.performance import TICK_SECONDS

    return {"onset_seconds": performance.notes["onset_ticks"] * TICK_SECONDS} | nats_columns(view, score)


def shared_rows(version: Table, reference: Table, offset_seconds: float | None, column: str) -> SharedSeconds:
    """The whole rows of two curves that fall on each other, a row a second, their nats the lower the likelier.

    offset_seconds: how much later the music stands in the version; None: both begin where their sound does. column: of
    the nats; of a likelihood ratio, which is the higher the likelier, only active time counts.
    """
    is_ratio = column.startswith("llr")
    starts = version["start_seconds"], reference["start_seconds"]
    offset = starts[0][0] - starts[1][0] if offset_seconds is None else offset_seconds
    lag = round(starts[0][0] - offset - starts[1][0])  # of the version's first row behind the reference's
    n_rows = min(len(starts[0]) - max(-lag, 0), len(starts[1]) - max(lag, 0)) - 1  # the last row is a part of a second
    columns: list[np.ndarray] = []
    for table, first in ((version, max(-lag, 0)), (reference, max(lag, 0))):
        rows = slice(first, first + max(0, n_rows))
        nats = table[column][rows]
        columns += [-nats if is_ratio else nats, table["active_fraction"][rows] if is_ratio else np.ones(len(nats))]
    return SharedSeconds(*columns)
