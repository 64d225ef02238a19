"""Names of files do no harm where they are shown."""

import pytest

from losscal.cli import log
from losscal.text import csv_cell, in_one_line, text_of_csv_cell


def test_control_characters_are_escaped_and_accents_stay():
    assert in_one_line("two\nlines\t\x1b[31m, Fauré") == r"two\nlines\t\x1b[31m, Fauré"
    assert in_one_line("dim.\u202egnp \u200f\ufeff") == r"dim.\u202egnp \u200f\ufeff"
    assert in_one_line("caf\udce9") == r"caf\udce9"  # as Python spells a name's byte that is no UTF-8


def test_what_is_logged_is_one_line_and_moves_no_cursor(capsys):
    log("error: \x1b[31mred\n.mid: no such file")
    assert capsys.readouterr().err == "error: \\x1b[31mred\\n.mid: no such file\n"


@pytest.mark.parametrize(
    "text", ['=HYPERLINK("http://x")', "@SUM(A1)", "+1", "-1", "\t=1", "\r=1", "\n=1", " =1", "\uff1d1"]
)
def test_no_text_of_a_csv_file_is_a_formula(text):
    assert csv_cell(text) == f"'{text}" and text_of_csv_cell(csv_cell(text)) == text
    assert text_of_csv_cell(csv_cell(csv_cell(text))) == csv_cell(text)


@pytest.mark.parametrize("value", ["a.mid", "a=b", "", None, -1.5, 3, True])
def test_numbers_and_plain_text_stay_as_they_are(value):
    assert csv_cell(value) is value
