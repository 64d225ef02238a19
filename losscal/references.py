"""Percentile references: how likely held-out real music is, as quantile grids beside the weights they belong to.

A figure of one piece means little by itself. Beside the weights lie, for each view and for windows of some lengths, the
quantiles of the same figure over windows of held-out real pieces; a value becomes the share of them that are less
likely.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import log
from pathlib import Path
from typing import Any

import numpy as np

from losscal.errors import InputError
from losscal.files import atomic_path
from losscal.settings import require

REFERENCES_FILE = "references.json"
FORMAT_VERSION = 1
GRID = np.linspace(0.0, 1.0, 201)
LLR_SUFFIX = "_llr"
"""Behind a view's name: the references of its log-likelihood ratio."""
PER_SECOND_SUFFIX = "_per_second"
"""Behind a symbolic view's name: the references of its nats a second, of windows of notes like those of nats a note."""
FEW_NOTES = 32
"""Of fewer notes there is no percentile: the windows have 64 notes or more."""
HIGHER_IS_LIKELIER = frozenset({"llr_nats_per_second"})
"""Statistics of which more is better; of all others less is."""


@dataclass(frozen=True)
class ViewReference:
    """One view's held-out figures.

    quantiles: {window length: rising values [201] at GRID}; lengths are notes for a symbolic view, seconds for audio.
    windows: {window length: number of windows}. statistic: the report's key the values are of, see HIGHER_IS_LIKELIER.
    """

    weights_sha256: str
    statistic: str
    quantiles: Mapping[int, np.ndarray]
    windows: Mapping[int, int]

    @classmethod
    def of_values(cls, weights_sha256: str, statistic: str, values: Mapping[int, Sequence[float]]) -> "ViewReference":
        """From the figures of all windows, {window length: values}."""
        quantiles = {length: np.quantile(np.asarray(figures, np.float64), GRID) for length, figures in values.items()}
        return cls(weights_sha256, statistic, quantiles, {length: len(figures) for length, figures in values.items()})

    def nearest_length(self, length: float) -> int:
        """The window length nearest to `length` > 0 by ratio."""
        return min(self.quantiles, key=lambda candidate: abs(log(candidate / length)))

    def percentile(self, length: float, value: float) -> float:
        """Per cent of held-out windows of the nearest length that are less likely: 100 is likelier than all."""
        quantiles = self.quantiles[self.nearest_length(length)]
        share_below = float(np.interp(value, quantiles, GRID))
        return 100.0 * (share_below if self.statistic in HIGHER_IS_LIKELIER else 1.0 - share_below)

    def to_json(self) -> dict[str, Any]:
        """JSON values; six significant digits are far below the sampling error of a quantile."""
        lengths = {
            str(length): {"windows": self.windows[length], "quantiles": [float(f"{value:.6g}") for value in values]}
            for length, values in self.quantiles.items()
        }
        return {"weights_sha256": self.weights_sha256, "statistic": self.statistic, "lengths": lengths}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "ViewReference":
        """The inverse of `to_json`; raises ValueError, KeyError or TypeError for what `to_json` does not make."""
        lengths = {int(length): of_length for length, of_length in value["lengths"].items()}
        for length, of_length in lengths.items():
            quantiles = np.asarray(of_length["quantiles"], np.float64)
            is_rising = (
                quantiles.shape == GRID.shape and (np.diff(quantiles) >= 0).all() and np.isfinite(quantiles).all()
            )
            require(length > 0 and bool(is_rising), f"quantiles of windows of {length}")
        require(bool(lengths) and isinstance(value["statistic"], str), "no windows, or of no statistic")
        return cls(
            value["weights_sha256"],
            value["statistic"],
            {length: np.asarray(of_length["quantiles"]) for length, of_length in lengths.items()},
            {length: of_length["windows"] for length, of_length in lengths.items()},
        )


@dataclass(frozen=True)
class References:
    """The references of any number of views, by view name."""

    by_view: Mapping[str, ViewReference] = field(default_factory=dict)

    @classmethod
    def load(cls, paths: Iterable[str | Path]) -> "References":
        """Read what `save` wrote; a file that is absent holds no view. Raises InputError for one that is broken."""
        by_view: dict[str, ViewReference] = {}
        for path in map(Path, paths):
            if not path.is_file():
                continue
            try:
                content = json.loads(path.read_text(encoding="utf-8"))
                by_view |= {view: ViewReference.from_json(value) for view, value in content["views"].items()}
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
                raise InputError(f"{path}: not a references file; run python -m bridge.references again.") from error
        return cls(by_view)

    def save(self, path: str | Path) -> None:
        """Write the views as one JSON file."""
        views = {view: reference.to_json() for view, reference in sorted(self.by_view.items())}
        with atomic_path(path) as temporary:
            text = json.dumps({"version": FORMAT_VERSION, "views": views}, allow_nan=False)
            temporary.write_text(text + "\n", encoding="utf-8")

    def missing_because(self, view: str, weights_sha256: str, statistic: str | None = None) -> str | None:
        """Why `view` gets no percentile with these weights, or of no such statistic; None where it gets one."""
        if view not in self.by_view:
            return f"{view}: no percentile, it has no references; make them with python -m bridge.references."
        if self.by_view[view].weights_sha256 != weights_sha256:
            return f"{view}: no percentile, its references are of other weights; run python -m bridge.references again."
        made_of = self.by_view[view].statistic
        if statistic not in (None, made_of):
            return f"{view}: no percentile, its references are of {made_of}; run python -m bridge.references again."
        return None


def place_in_words(percentile: float) -> str:
    """A percentile in words, to stand before "real music"; "all" is said only of what is beyond the references."""
    if percentile >= 100.0:
        return "likelier than all"
    if percentile <= 0.0:
        return "less likely than all"
    return f"likelier than {min(max(round(percentile), 1), 99)} % of"


def typicality(percentile: float) -> float:
    """2 min(q, 1 - q) of q = percentile / 100: 1 in the middle of the held-out music, 0 at either end."""
    q = percentile / 100.0
    return 2.0 * min(q, 1.0 - q)
