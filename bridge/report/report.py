"""The report itself: what report.json holds, by attributes inside the program and by keys for its users."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from bridge.items.entry import ItemEntry
from bridge.versions.comparison import Agreement, GroupComparison
from bridge.views.declarations import views_of
from losscal.errors import InputError
from losscal.records import fields_to_json, record_of
from losscal.views import REPORT_KEYS, View

if TYPE_CHECKING:
    import pandas as pd

REPORT_VERSION = 1


@dataclass(frozen=True)
class Report:
    """Items, their groups, and what their figures stand on: the weights' SHA-256 and the unit of each view.

    passed_over: a sentence for each folder with files that are no music by their suffixes. soundfont: the file that
    MIDI files were played with, None where none was.
    """

    version: int
    created: str
    weights: Mapping[str, str]
    units: Mapping[str, str]
    context_policy: str
    items: tuple[ItemEntry, ...]
    groups: tuple[GroupComparison, ...] = ()
    agreement: Agreement | None = None
    passed_over: tuple[str, ...] = ()
    soundfont: str | None = None

    def views(self) -> dict[str, View]:
        """Our views, then those of other packages that gave any item figures, by name."""
        scored = (
            (half, of_half.scored)
            for half, key in REPORT_KEYS.items()
            for entry in self.items
            if (of_half := entry.half(key)) is not None
        )
        return views_of(scored, self.units)

    @property
    def shared_warnings(self) -> tuple[str, ...]:
        """What each of several items is remarked on with, in these very words."""
        first, *others = self.items or [None]
        if not others:
            return ()
        return tuple(text for text in first.warnings if all(text in entry.warnings for entry in others))

    def without_tables(self) -> Self:
        """The report where its tables are not kept."""
        return replace(self, items=tuple(entry.without_tables() for entry in self.items))

    def by_keys(self) -> "ReportByKeys":
        """The report as its users read it."""
        return ReportByKeys(fields_to_json(self))


def read_report(path: Path) -> Report:
    """The report of a report.json; raises InputError where the file holds none."""
    try:
        return record_of(Report, json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: no report of python -m bridge.score ({error}); give its report.json.") from error


class ReportByKeys(dict[str, Any]):
    """What report.json holds, by its keys (docs/report.md)."""

    def to_pandas(self) -> "pd.DataFrame":
        """A row an item; columns are the keys on the way to a value, joined by dots: "symbolic.events.percentile".

        Raises InputError where pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise InputError("to_pandas needs pandas: run pip install '.[pandas]' in LossCal's folder.") from error
        return pd.json_normalize(self["items"])
