"""How usual a piece is, apart from any model: figures of its notes beside those of held-out real music of its length.

The quantiles of held-out windows, and of the notes a second of training pieces' openings, lie beside this module;
`python -m symbolic.typical --data DIR` makes them.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from pathlib import Path

import numpy as np

from losscal.references import GRID, References, ViewReference
from symbolic.notes.descriptors import self_similarity
from symbolic.notes.melodies import Melodies
from symbolic.notes.performance import Performance

HELD_OUT_FILE = Path(__file__).with_name("held_out.json")
OPENING_PACES_FILE = Path(__file__).with_name("opening_paces.json")
LENGTHS_SECONDS = (15, 30, 60, 120, 180)
"""Of the held-out windows."""
LAGS_SECONDS = (1, 4, 16)
REPEATED_NOTES = 8


def notes_per_second(performance: Performance) -> float:
    """Over the seconds to the last offset."""
    return len(performance) / performance.seconds


def repeated_runs(performance: Performance) -> float:
    """The share of its runs of REPEATED_NOTES notes, by interval, that it has had before; NaN where there are none."""
    repeated, runs = Melodies([performance]).repeats(REPEATED_NOTES)[0]
    return float(repeated / runs) if runs else float("nan")


def alike_after(performance: Performance, lag_seconds: int) -> float:
    """The mean cosine of the pitch classes of seconds so far apart; NaN where there are none."""
    cosines, seconds = self_similarity(performance, lag_seconds)
    return float(cosines / seconds) if seconds else float("nan")


FIGURES: dict[str, Callable[[Performance], float]] = {
    "notes_per_second": notes_per_second,
    "repeated_runs": repeated_runs,
    **{f"alike_after_{lag}_s": partial(alike_after, lag_seconds=lag) for lag in LAGS_SECONDS},
}


@cache
def held_out_figures() -> Mapping[str, ViewReference]:
    """The quantiles of FIGURES by name, over held-out windows of LENGTHS_SECONDS."""
    return References.load([HELD_OUT_FILE]).by_view


@cache
def opening_paces() -> ViewReference:
    """The quantiles of the notes a second of training pieces' first LENGTHS_SECONDS."""
    return References.load([OPENING_PACES_FILE]).by_view["notes_per_second"]


def paces_of_openings(openings: Mapping[int, Iterable[Performance]], data_hash: str) -> References:
    """The same of openings by their seconds; data_hash: of the corpus they are from."""
    paces = {seconds: [notes_per_second(music) for music in of_length] for seconds, of_length in openings.items()}
    return References({"notes_per_second": ViewReference.of_values(data_hash, "notes_per_second", paces)})


def quantiles_of(windows: Mapping[int, Iterable[Performance]], data_hash: str) -> References:
    """The same of held-out windows by their seconds; data_hash: of the corpus they are from.

    A length at which most windows lack a figure is left out of that.
    """
    by_length = {seconds: list(of_length) for seconds, of_length in windows.items()}
    values = {
        name: {seconds: _measured(map(figure, music)) for seconds, music in by_length.items()}
        for name, figure in FIGURES.items()
    }
    return References(
        {
            name: ViewReference.of_values(
                data_hash,
                name,
                {seconds: of for seconds, of in lengths.items() if 2 * len(of) > len(by_length[seconds])},
            )
            for name, lengths in values.items()
        }
    )


def typicalities(performance: Performance) -> dict[str, float]:
    """Of each figure that the piece has: 1 in the middle of held-out music about as long, 0 beyond all of it."""
    return {
        name: place_in_middle(reference.quantiles[reference.nearest_length(performance.seconds)], value)
        for name, reference in held_out_figures().items()
        if np.isfinite(value := FIGURES[name](performance))
    }


def place_in_middle(quantiles: np.ndarray, value: float) -> float:
    """2 min(q, 1 - q) of the share q of held-out values below `value`, those equal to it on the better side.

    quantiles: rising, at GRID.
    """
    up_to = np.searchsorted(quantiles, value, side="right") / len(GRID)
    from_on = 1 - np.searchsorted(quantiles, value, side="left") / len(GRID)
    return float(min(1.0, 2 * min(up_to, from_on)))


def _measured(values: Iterable[float]) -> list[float]:
    return [value for value in values if np.isfinite(value)]
