"""How far views agree with people who listened: rows that a listening test leaves for a calibration.

A row names the weights by which its view ranked, so that a calibration of others leaves it out.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from losscal.cli import log
from losscal.errors import InputError
from losscal.records import record_of
from losscal.views import HEARD_PREFIX

VERSION = 1


@dataclass(frozen=True)
class ListenersRow:
    """How far a view's order of so many stimuli is that of so many listeners: Spearman's, with its 95 % interval.

    spearman, interval: None where there is no order. alpha: Krippendorff's, how far the listeners agree. mode: what
    they were asked for, ratings or pairs.
    """

    view: str
    spearman: float | None
    interval: tuple[float | None, ...]
    stimuli: int
    listeners: int
    mode: str
    alpha: float | None
    weights_sha256: str | None


def read_rows(path: Path) -> list[ListenersRow]:
    """The views' rows of a listening.json; raises InputError where the file holds none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["version"] != VERSION:
            raise ValueError(f"version {content['version']}, read is {VERSION}")
        return [record_of(ListenersRow, row) for row in content["views"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: no results of python -m bridge.listen results ({error}); give its listening.json."
        ) from error


def rows_of_weights(paths: Sequence[Path], weights: Mapping[str, str]) -> Iterator[ListenersRow]:
    """The rows of these very weights, by view, in all files; the others are told of."""
    for path in paths:
        for row in read_rows(path):
            if row.weights_sha256 == weights.get(row.view.removeprefix(HEARD_PREFIX)):
                yield row
            else:
                log(f"left out: {path}: {row.view} ranked by other weights there; score the pieces again.")
