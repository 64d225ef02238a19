"""Users' text, names of files above all, made harmless for where it is shown: a terminal, a spreadsheet."""

import re
from typing import Any

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""What moves a terminal's cursor, changes its colours, ends a line, or turns the direction of writing."""
FORMULA_STARTS = tuple("=+-@\t\r")
"""A spreadsheet that opens a CSV file takes a cell that begins so for a formula."""


def in_one_line(text: str) -> str:
    """Text with control characters escaped: a file's name may hold a line's end."""
    return CONTROL.sub(lambda match: repr(match[0])[1:-1], text)


def csv_cell(value: Any) -> Any:
    """A cell of a CSV file: text that would be a formula stands behind an apostrophe, all else is as it was."""
    return f"'{value}" if isinstance(value, str) and _is_formula(value) else value


def text_of_csv_cell(cell: str) -> str:
    """The inverse of `csv_cell`, of text."""
    return cell[1:] if cell.startswith("'") and _is_formula(cell) else cell


def _is_formula(text: str) -> bool:
    """Whether it is one, or would read like one that was made harmless."""
    return text.lstrip("'").startswith(FORMULA_STARTS)
