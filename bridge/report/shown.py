"""A report at work: read by its keys, and shown by a notebook as the page that report.html is, or a part of it.

The page stands in a frame of its own: its script and its policy are meant for a whole page, and nothing in it can reach
the notebook.
"""

from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from bridge.report.html import pieces_of_page
from bridge.report.report import Report, ReportByKeys
from bridge.report.table import text_table

if TYPE_CHECKING:
    import pandas as pd

SHOWN_ITEMS = 60
"""A larger report is too much for a notebook's file: it is shown as text."""
REPORT_HEIGHT, ITEM_HEIGHT = 720, 680
"""In pixels of the screen."""


class ItemByKeys(dict[str, Any]):
    """One of a report's "items" by its keys; in a notebook its roll, its least likely moments and its figures."""

    def __init__(self, keys: dict[str, Any], report: Report, folder: Path, kept: TemporaryDirectory | None) -> None:
        super().__init__(keys)
        self._shown = ScoredReport(report, folder, kept)

    def _repr_html_(self) -> str:
        return _framed(self._shown.report, self._shown.folder, ITEM_HEIGHT, is_item=True)


@dataclass(frozen=True, repr=False)
class ScoredReport:
    """A report and the folder where its tables lie; kept: that folder where it goes when the report goes."""

    report: Report
    folder: Path
    kept: TemporaryDirectory | None = None

    @property
    def items(self) -> list[ItemByKeys]:
        """The items, in the report's order."""
        own = [replace(self.report, items=(entry,), groups=(), agreement=None) for entry in self.report.items]
        keys = self.by_keys()["items"]
        return [ItemByKeys(of, report, self.folder, self.kept) for of, report in zip(keys, own, strict=True)]

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The groups of versions, each by its keys."""
        return self.by_keys()["groups"]

    def by_keys(self) -> ReportByKeys:
        """What report.json holds; the tables are named where they stay."""
        return (self.report if self.kept is None else self.report.without_tables()).by_keys()

    def to_pandas(self) -> "pd.DataFrame":
        """A row an item, see `ReportByKeys.to_pandas`."""
        return self.by_keys().to_pandas()

    def __repr__(self) -> str:
        return text_table(self.report)

    def _repr_html_(self) -> str:
        if len(self.report.items) > SHOWN_ITEMS:
            return f"<pre>{escape(repr(self))}</pre>"
        return _framed(self.report, self.folder, REPORT_HEIGHT)


def _framed(report: Report, folder: Path, height: int, *, is_item: bool = False) -> str:
    page = "".join(pieces_of_page(report, folder, is_item=is_item))
    return (
        f'<iframe title="LossCal report" sandbox="allow-scripts allow-modals" style="width: 100%; height: {height}px; '
        f'border: 0" srcdoc="{escape(page)}"></iframe>'
    )
