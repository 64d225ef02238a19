"""The report as a table of text: what the command line prints, and which columns a summary shows."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from textwrap import wrap

from bridge.items.entry import ItemEntry
from bridge.report.answer import answer_lines, shortened
from bridge.report.columns import BY_COMPOSER, ReportColumn, figure_column, shown_of_items
from bridge.report.report import Report
from bridge.synthesis.synthesiser import DEFAULT_SOUNDFONT
from bridge.versions.comparison import GroupComparison
from bridge.versions.words import preferences, short_names_of
from losscal.text import in_one_line
from losscal.views import TableColumn, View

ID_WIDTH, MAX_WIDTH = 40, 120
MAX_NAME = 16
LIKELIEST_COMPOSERS = 3
INDENT = "  "
TAIL_HEAD = "  sound   remarks"
PLAYED_WITH = (
    "MIDI files were played with {}; percentiles of sound are of renderings with the SoundFont that is shipped."
)


@dataclass(frozen=True)
class Section:
    """The columns of one view, under its name; each of them is `shown`."""

    view: str
    columns: tuple[ReportColumn, ...]

    @property
    def width(self) -> int:
        """Characters of a row."""
        return sum(column.shown.width for column in self.columns)

    def header(self) -> str:
        """The second header line."""
        return "".join(column.shown.header.rjust(column.shown.width) for column in self.columns)

    def text(self, entry: ItemEntry) -> str:
        """The cells of an entry, right-aligned; "-" where it holds no value."""
        return "".join(_cell(entry.at(column.keys), column.shown) for column in self.columns)


def _cell(value: float | None, shown: TableColumn) -> str:
    form = ".4g" if shown.digits is None else f".{shown.digits}f"
    return ("-" if value is None else format(value, form)).rjust(shown.width)


def text_table(report: Report) -> str:
    """The report as text of at most 120 columns: a row an item, a group in its ranking's order, then what to know.

    Columns that are empty throughout are left out. Where the rest does not fit, blocks of rows stand one below another;
    what the views prefer is told in the last.
    """
    remarks: dict[str, int] = {}
    answered = [line for group in report.groups for line in answer_lines(group, MAX_WIDTH)]
    rows = list(_rows(report, with_verdicts=False))
    *blocks, last = _packed(shown_sections(report))
    lines = [line for sections in blocks for line in _block(sections, rows, [""] * len(rows), "")]
    rows = list(_rows(report, with_verdicts=True))
    tails = ["" if isinstance(row, str) else _tail(row, remarks) for row in rows]
    lines += _block(last, rows, tails, TAIL_HEAD)
    legend = [column.shown.legend for sections in (*blocks, last) for section in sections for column in section.columns]
    told = [f"[{number}] {in_one_line(text)}" for text, number in remarks.items()]
    told += _composer_lines(report)
    if report.soundfont is not None and Path(report.soundfont).name != DEFAULT_SOUNDFONT:
        told.append(PLAYED_WITH.format(in_one_line(report.soundfont)))
    told += map(in_one_line, report.passed_over)
    return "\n".join([*answered, *lines, *dict.fromkeys(filter(None, legend)), *told])


def _composer_lines(report: Report) -> Iterator[str]:
    """Of each item that was scored as every composer's, the likeliest ones, the view named once."""
    for view in report.views().values():
        keys = (*view.report_keys, BY_COMPOSER)
        rows = [(entry.id, entry.at(keys)) for entry in report.items if view.knows_composers and entry.at(keys)]
        if rows:
            yield f"{view.name}: nats a note if it is by a composer, the likeliest of {len(rows[0][1])}"
        for name, of_composers in rows:
            likeliest = sorted(of_composers.items(), key=lambda of: of[1])[:LIKELIEST_COMPOSERS]
            told = "; ".join(f"{composer} {nats:.2f}" for composer, nats in likeliest)
            yield f"{INDENT}{shortened(in_one_line(name), ID_WIDTH):<{ID_WIDTH}}{told}"


def shown_sections(report: Report) -> Iterator[Section]:
    """The sections of which any item has a value, with those columns alone; of an undeclared view its first figure."""
    sections = [Section("", shown_of_items())]
    sections += map(_section, report.views().values())
    for section in sections:
        filled = [
            column for column in section.columns if any(entry.at(column.keys) is not None for entry in report.items)
        ]
        if filled:
            yield Section(section.view, tuple(filled))


def _section(view: View) -> Section:
    figures = [figure for figure in view.figures if figure.shown is not None]
    if not figures and view.figures:
        figure = view.figures[0]
        header = figure.key[:MAX_NAME]
        width = max(len(view.name[:MAX_NAME]), len(header), 6) + 2
        figures = [replace(figure, shown=TableColumn(header, width, None, f"{view.name}: {view.unit}."))]
    return Section(view.name, tuple(figure_column(view, figure) for figure in figures))


def _packed(sections: Iterable[Section]) -> list[list[Section]]:
    """As many sections beside each other as fit, in blocks; one empty block where there is none."""
    blocks: list[list[Section]] = [[]]
    room = available = MAX_WIDTH - ID_WIDTH - len(TAIL_HEAD)
    for section in sections:
        if section.width > room and blocks[-1]:
            blocks.append([])
            room = available
        blocks[-1].append(section)
        room -= section.width
    return blocks


def _rows(report: Report, *, with_verdicts: bool) -> Iterator[str | ItemEntry]:
    """The entries in the order of the table, the heading of a group before its own and what views prefer behind."""
    entries_of_group: dict[str | None, list[ItemEntry]] = {}
    for entry in report.items:
        entries_of_group.setdefault(entry.group, []).append(entry)
    groups = {group.group: group for group in report.groups}
    views = report.views().values()
    for name, of_group in entries_of_group.items():
        if name is not None:
            yield f"group {in_one_line(name)}"
        group = groups.get(name)
        if group is not None and group.assumed is not None and with_verdicts:
            yield f"{INDENT}{in_one_line(group.assumed)}"
        ranks = {} if group is None else _ranks(group)
        yield from sorted(of_group, key=lambda entry: (ranks.get(entry.id, inf), *_likelihood(entry, views)))
        if group is not None and with_verdicts:
            told = preferences(group.views, short_names_of(group.views)) or group.verdict.splitlines()[:1]
            yield from (f"{INDENT}{line}" for line in told)


def _ranks(group: GroupComparison) -> dict[str, int]:
    """The ranks of a group's items, by id, under the first view that ranks any."""
    of_views = ({row.id: row.rank for row in ranking.items if row.rank is not None} for ranking in group.views.values())
    return next((ranks for ranks in of_views if ranks), {})


def _block(
    sections: Sequence[Section], rows: Sequence[str | ItemEntry], tails: Sequence[str], tail_head: str
) -> list[str]:
    """The lines of a table that shows `sections`: two of header, then the rows between rules."""
    views = "".join(section.view[:MAX_NAME].center(section.width) for section in sections)
    headers = "".join(section.header() for section in sections)
    head = [f"{'':<{ID_WIDTH}}{views}".rstrip(), f"{'item':<{ID_WIDTH}}{headers}{tail_head}"]
    rule = "-" * max(map(len, head))
    lines = []
    for row, tail in zip(rows, tails, strict=True):
        if isinstance(row, str):
            lines += wrap(row, len(rule), subsequent_indent=2 * INDENT)
            continue
        cells = "".join(section.text(row) for section in sections)
        lines.append(f"{shortened(in_one_line(row.id), ID_WIDTH):<{ID_WIDTH}}{cells}{tail}".rstrip())
    return [*head, rule, *lines, rule]


def _tail(entry: ItemEntry, remarks: dict[str, int]) -> str:
    """What stands behind an entry's numbers; its remarks are numbered in `remarks`, the same text under one number."""
    sound = "-" if entry.audio is None else "render" if entry.rendered else "file"
    marks = "".join(f"[{remarks.setdefault(text, len(remarks) + 1)}]" for text in _remarks(entry))
    return f"  {sound:<6}  {'failed ' if entry.error else ''}{marks}"


def _remarks(entry: ItemEntry) -> list[str]:
    """What an entry has to say beside its numbers: its error, its warnings, the views it lacks."""
    unavailable = [
        f"{view}: unavailable, {reason}" for half in entry.halves.values() for view, reason in half.unavailable.items()
    ]
    return [*([entry.error] if entry.error else []), *entry.warnings, *unavailable]


def _likelihood(entry: ItemEntry, views: Iterable[View]) -> tuple[int, float]:
    """Likeliest first by the first view with a number; renderings and recordings apart, what has none at the end."""
    sorting = [view for view in views if view.sorts_by is not None]
    for place, view in enumerate(sorting):
        surprise = entry.at(figure_column(view, view.figure(view.sorts_by)).keys)
        if surprise is not None:
            # Views of notes are one class, whichever of them answers.
            return (0, surprise) if view.is_of_notes else (1 + 2 * place + (not entry.rendered), surprise)
    return (1 + 2 * len(sorting), 0.0)
