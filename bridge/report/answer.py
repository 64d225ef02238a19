"""The answer that the report on versions begins with, as text: which are better, then a row a version."""

from textwrap import wrap

from bridge.versions.answer import in_one_sentence
from bridge.versions.comparison import GroupComparison, VersionAnswer
from bridge.versions.words import names_of, short_names_of
from losscal.text import in_one_line

NAME_WIDTH, ANSWER_WIDTH, FIGURE_WIDTH, DIFFERENCE_WIDTH = 40, 13, 10, 24
INDENT = "  "


def answer_lines(group: GroupComparison, max_width: int) -> list[str]:
    """What a group comes to: a sentence with names, a row a version with what it is ranked by, an empty line.

    What would be the same in every row stands once, above them.
    """
    if not group.answers:
        return []
    names = names_of(group.views)
    width = min(NAME_WIDTH, max(map(len, names.values())) + len(INDENT))
    views = list(dict.fromkeys(row.view for row in group.answers if row.view is not None))
    whys = {row.why for row in group.answers if row.id != group.reference}
    why = whys.pop() if len(whys) == 1 and len(group.answers) > 2 else None
    lines = [f"{in_one_line(group.group)}: {in_one_sentence(group.answers, short_names_of(group.views))}"]
    if views:
        by = " and ".join(f"{view} in {group.views[view].unit}" for view in views)
        lines.append(f"{INDENT}by {by}; behind it the nats more than the reference, 95 % interval")
    if why is not None:
        lines.append(f"{INDENT}each: {in_one_line(why)}")
    for row in group.answers:
        told = "" if row.why == why else in_one_line(row.why)
        if row.view is not None and len(views) > 1:
            told += f" (by {row.view})"
        name = shortened(names[row.id], width)
        figures = _figures(group, row) if views else ""
        lines.append(f"{INDENT}{name:<{width}}{row.answer:<{ANSWER_WIDTH}}{figures}{told}")
    wrapped = (wrap(line, max_width, subsequent_indent=2 * INDENT, replace_whitespace=False) for line in lines)
    return [part for parts in wrapped for part in parts] + [""]


def shortened(name: str, width: int) -> str:
    """A name that leaves room before the next column: of a long one the end, which tells files apart."""
    return name if len(name) < width else "…" + name[2 - width :]


def _figures(group: GroupComparison, answer: VersionAnswer) -> str:
    """What a version is ranked by, and its difference to the reference with the interval."""
    row = group.row_of(answer)
    value = None if row is None else row.ranked_value
    figure = "-" if value is None else f"{value:.2f}"
    difference = ""
    if row is not None and row.difference_nats is not None:
        low, high = row.interval
        difference = f"{_signed(row.difference_nats, 1)} [{_signed(low, 0)}, {_signed(high, 0)}]"
    return f"{figure:>{FIGURE_WIDTH - 2}}  {difference:<{DIFFERENCE_WIDTH}}"


def _signed(value: float, digits: int) -> str:
    """A number with its sign, which 0 has none of."""
    rounded = round(value, digits)
    return f"{rounded:+.{digits}f}" if rounded else f"{0:.{digits}f}"
