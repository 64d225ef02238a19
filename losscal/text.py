"""Users' text, names of files above all, made harmless for where it is shown: a terminal, a spreadsheet."""

import re
from typing import Any

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ud800-\udfff\ufeff]")
"""What moves a terminal's cursor, changes its colours, ends a line, turns the direction of writing, takes no room, or
stands for bytes that are no UTF-8. templates/dom.js of the report has the same."""
FORMULA_STARTS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""A spreadsheet that opens a CSV file takes a cell that begins so for a formula; the last four are wide forms."""


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
    return text.lstrip("' ").startswith(FORMULA_STARTS)
