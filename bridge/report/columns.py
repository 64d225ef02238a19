"""Where each figure of an item lies in the report, and its unit: the columns of report.csv and of the workbook."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from bridge.items.entry import ItemEntry
from bridge.report.report import Report
from bridge.views.declarations import REPORTED
from losscal.views import REPORT_KEYS, Figure, Half, TableColumn, View


@dataclass(frozen=True)
class ReportColumn:
    """A column of figures: its name, the keys on the way from an entry to its value, and the value's unit.

    shown: how it stands in the table of text, where it does; what belongs to no view stands before the views there.
    """

    name: str
    keys: tuple[str | int, ...]
    unit: str = ""
    shown: TableColumn | None = None


BY_COMPOSER, NATS_BY_COMPOSER = "by_composer", "nats/note if it is by the composer"
HEARD_NOTES = TableColumn("heard", 6, 0, "heard: notes that a transcriber heard in the recording, and views of them.")
FIRST = (
    *(ReportColumn(name, (name,)) for name in ("id", "group", "midi", "wav", "rendered")),
    ReportColumn("notes", ("symbolic", "notes"), "notes", TableColumn("notes", 7, 0)),
    ReportColumn("seconds", ("symbolic", "seconds"), "s", TableColumn("seconds", 8, 1)),
    ReportColumn("heard_notes", ("heard", "notes"), "notes", HEARD_NOTES),
    ReportColumn("heard_seconds", ("heard", "seconds"), "s"),
    ReportColumn("heard_first_note_seconds", ("heard", "first_note_seconds"), "s"),
    ReportColumn("heard_by", ("heard", "transcriber")),
    ReportColumn("audio_seconds", ("audio", "seconds"), "s"),
)
LAST = (
    ReportColumn("match_chroma_similarity", ("match", "chroma_similarity"), "0 to 1"),
    ReportColumn("match_offset_seconds", ("match", "offset_seconds"), "s"),
    *(
        ReportColumn(f"heard_against_read_{name}", ("heard_against_read", name), "notes")
        for name in ("matched", "missing", "extra", "moved", "repitched")
    ),
    ReportColumn("heard_against_read", ("heard_against_read", "text")),
    ReportColumn("sequenced_grid_seconds", ("symbolic", "sequenced", "grid_seconds"), "s"),
    ReportColumn("sequenced_share_on_grid", ("symbolic", "sequenced", "share_on_grid"), "share of onsets"),
    ReportColumn("sequenced_distinct_velocities", ("symbolic", "sequenced", "distinct_velocities"), "values"),
    ReportColumn("looped_share", ("symbolic", "looped_share"), "0 to 1"),
    *(ReportColumn(name, (name,)) for name in ("warnings", "error")),
)
"""What is no view's stands before and behind the views."""


def shown_of_items() -> tuple[ReportColumn, ...]:
    """The columns of no view that the table of text shows."""
    return tuple(column for column in (*FIRST, *LAST) if column.shown is not None)


def figure_column(view: View, figure: Figure) -> ReportColumn:
    """The column of a view's figure; of a list, that of the list as a whole."""
    name = f"{view.name}_{figure.column or figure.key}"
    return ReportColumn(name, (*view.report_keys, *figure.path), figure.unit, figure.shown)


def _of_views(views: Iterable[View], half: Half) -> tuple[ReportColumn, ...]:
    """The columns of all views of a half: first their own figures, then those that lie deeper, without lists."""
    figures = [(view, figure) for view in views if view.half == half for figure in view.figures if not figure.is_list]
    figures.sort(key=lambda of_view: of_view[1].under is not None)
    return tuple(figure_column(*of_view) for of_view in figures)


def columns_of(report: Report) -> tuple[ReportColumn, ...]:
    """The columns that every report has, then those that depend on what was asked.

    These are a column for each place of the figures that are lists, one for each composer that a view was asked about,
    and the figures of plug-ins.
    """
    views = report.views()
    plugins = [view for name, view in views.items() if name not in REPORTED]
    ours, theirs = ([*chain(*(_of_views(of, half) for half in REPORT_KEYS))] for of in (REPORTED.values(), plugins))
    lists, composers = _of_lists(report, views.values()), _of_composers(report, views.values())
    return (*FIRST, *ours, *LAST, *lists, *composers, *theirs)


def _of_lists(report: Report, views: Iterable[View]) -> Iterator[ReportColumn]:
    for view in views:
        for column in (figure_column(view, figure) for figure in view.figures if figure.is_list):
            length = max((len(entry.at(column.keys) or ()) for entry in report.items), default=0)
            for place in range(length):
                yield ReportColumn(f"{column.name}_{place + 1}", (*column.keys, place), column.unit)


def _of_composers(report: Report, views: Iterable[View]) -> Iterator[ReportColumn]:
    for view in (view for view in views if view.knows_composers):
        keys = (*view.report_keys, BY_COMPOSER)
        for name in dict.fromkeys(name for entry in report.items for name in entry.at(keys) or {}):
            yield ReportColumn(f"{view.name}_by_{name}", (*keys, name), NATS_BY_COMPOSER)


def units_of(views: Iterable[View]) -> dict[str, str]:
    """The unit of each figure that has one, by the keys on the way to it, joined by dots."""
    of_views = [figure_column(view, figure) for view in views for figure in view.figures]
    return {".".join(column.keys): column.unit for column in (*FIRST, *of_views, *LAST) if column.unit}


def item_rows(items: Iterable[ItemEntry], columns: Sequence[ReportColumn]) -> Iterator[list[Any]]:
    """The cells of each item: numbers as they are, lists as text, None where there is nothing."""
    for entry in items:
        values = (entry.at(column.keys) for column in columns)
        yield ["; ".join(map(str, value)) if isinstance(value, list | tuple) else value for value in values]
