"""The workbook: its sheets, types and formats, read again by openpyxl."""

import csv

import openpyxl
import pytest
from sample_report import N_NOTES, make_report, with_answers

from bridge.report import xlsx
from bridge.report.columns import columns_of, item_rows
from bridge.report.report import Report
from bridge.report.xlsx import HEADER_ROWS, write_xlsx
from losscal.errors import InputError
from losscal.records import record_of


def sheets_of(report, folder):
    write_xlsx(record_of(Report, report), folder / "report.xlsx", folder)
    return openpyxl.load_workbook(folder / "report.xlsx")


def lines_of(sheet):
    """The rows below the header, by column name."""
    names, _, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(names, row, strict=True)) for row in rows]


def test_every_item_cell_equals_the_report(tmp_path):
    by_keys = make_report(tmp_path)
    sheet, report = sheets_of(by_keys, tmp_path)["items"], record_of(Report, by_keys)
    columns = columns_of(report)
    assert [column.name for column in columns][-3:] == [
        *("musicgen_cross_entropy_1", "musicgen_cross_entropy_2", "swing_swing_ratio")
    ]
    for line, values in zip(lines_of(sheet), item_rows(report.items, columns), strict=True):
        for column, expected in zip(columns, values, strict=True):
            told = line[column.name]
            if isinstance(expected, float):
                assert isinstance(told, int | float) and told == pytest.approx(expected, rel=1e-15), column.name
            else:
                assert told == (expected or None if isinstance(expected, str) else expected), column.name
    assert lines_of(sheet)[0]["events_pitch_nats"] == pytest.approx(
        by_keys["items"][0]["symbolic"]["events"]["by_attribute"]["pitch"], rel=1e-15
    )


def test_the_notes_of_all_items_stand_on_one_sheet_as_their_tables_say(tmp_path):
    lines = lines_of(sheets_of(make_report(tmp_path), tmp_path)["per-note"])
    assert [(line["id"], line["note"]) for line in lines] == [
        (name, note) for name in ("one/a.mid", "one/b.mid") for note in range(N_NOTES)
    ]
    for number in range(2):
        with open(tmp_path / f"per_note/{number}.csv", newline="") as file:
            for row, line in zip(csv.DictReader(file), lines[number * N_NOTES :], strict=False):
                assert {name: float(value) for name, value in row.items()} == {name: line[name] for name in row}


def test_a_sheet_that_is_full_goes_on_with_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(xlsx, "MAX_SHEET_ROWS", 30 + HEADER_ROWS)
    book = sheets_of(make_report(tmp_path), tmp_path)
    names = ["per-note", "per-note 2", "per-note 3"]
    assert [name for name in book.sheetnames if name.startswith("per-note")] == names
    assert [len(lines_of(book[name])) for name in names] == [30, 30, 20]
    whole = [line for name in names for line in lines_of(book[name])]
    monkeypatch.undo()
    assert whole == lines_of(sheets_of(make_report(tmp_path), tmp_path)["per-note"])


def test_groups_edits_and_moments_have_sheets_of_their_own(tmp_path):
    book = sheets_of(make_report(tmp_path), tmp_path)
    reference, version = lines_of(book["groups"])
    assert (reference["rank"], reference["verdict"], reference["difference_nats"]) == (1, "reference", None)
    assert [version[name] for name in ("value", "difference_nats", "interval_low", "interval_high")] == [
        *(9.5, 40.5, -3.25, 84.0)
    ]
    assert (version["chroma_distance"], version["mfcc_distance"]) == (0.25, 3.5)
    added, removed = lines_of(book["edits"])
    assert (added["id"], added["note"], added["reference_note"]) == ("one/b.mid", 3, None)
    assert (removed["kind"], removed["reference_note"], removed["text"]) == ("removed", 5, "E4 removed")
    assert (added["reference_seconds"], removed["reference_seconds"]) == (1.75, 2.75)
    assert [line["nats"] for line in lines_of(book["moments"])] == [17.25, 17.25]


def test_the_answer_has_what_it_stands_on_and_tells_a_reason_of_all_once(tmp_path):
    report = with_answers(make_report(tmp_path))
    reference, *versions = lines_of(sheets_of(report, tmp_path)["answer"])
    assert (reference["answer"], reference["value"], reference["difference_nats"]) == ("reference", 8.5, None)
    assert [line["why"] for line in versions] == ["1 note differs", None]
    assert [(line["value"], line["unit"], line["interval_high"]) for line in versions] == [
        (9.5, "bits a note", 84.0)
    ] * 2


def test_a_view_that_ranks_none_takes_one_row_and_a_reason_stands_once(tmp_path):
    report = with_answers(make_report(tmp_path))
    ranked = [line for line in lines_of(sheets_of(report, tmp_path)["groups"]) if line["view"] == "events"]
    (unranked,) = [line for line in lines_of(sheets_of(report, tmp_path)["groups"]) if line["view"] == "swing"]
    assert len(ranked) == 3 and (unranked["id"], unranked["verdict"]) == ("all", "not ranked")
    assert unranked["reason"] == "it has no curve"


def test_what_is_remarked_on_every_item_stands_once(tmp_path):
    report = make_report(tmp_path)
    for entry, own in zip(report["items"], ("a", "b", "c"), strict=True):
        entry["warnings"] = ["of all", own]
    book = sheets_of(report, tmp_path)
    assert [line["warnings"] for line in lines_of(book["items"])] == ["a", "b", "c"]
    assert [line["warnings"] for line in lines_of(book["of all items"])] == ["of all"]


def test_the_header_is_frozen_filtered_and_tells_units(tmp_path):
    book = sheets_of(make_report(tmp_path), tmp_path)
    for sheet in book:
        assert sheet.freeze_panes == "B3"
        assert sheet.auto_filter.ref == f"A2:{sheet.cell(1, sheet.max_column).column_letter}{sheet.max_row}"
        assert sheet.column_dimensions["A"].width >= 20
    units = dict(zip(*book["items"].iter_rows(max_row=2, values_only=True), strict=True))
    assert (units["events_bits_per_note"], units["audio_seconds"]) == ("bits/note", "s")
    assert units["swing_swing_ratio"] == "ratio of eighths"


def test_words_are_never_formulas_and_odd_characters_survive(tmp_path):
    names = ("=1+1", "https://example.org/\x07 \udcff _x0041_")
    first, second, _ = lines_of(sheets_of(make_report(tmp_path, names), tmp_path)["items"])
    assert first["id"] == "=1+1"
    assert "\\udcff" in second["id"]


def test_a_report_of_an_older_shape_without_tables_is_written(tmp_path):
    report = make_report(tmp_path)
    del report["groups"]
    for entry in report["items"]:
        del entry["moments"]
        entry["symbolic"] = None
    assert sheets_of(report, tmp_path).sheetnames == ["items"]


def test_more_notes_than_it_takes_are_left_out_and_said_so(tmp_path, monkeypatch):
    monkeypatch.setattr(xlsx, "MAX_NOTES", 2 * N_NOTES)
    assert len(lines_of(sheets_of(make_report(tmp_path), tmp_path)["per-note"])) == 2 * N_NOTES
    monkeypatch.setattr(xlsx, "MAX_NOTES", 2 * N_NOTES - 1)
    (line,) = lines_of(sheets_of(make_report(tmp_path), tmp_path)["per-note"])
    assert line["text"] == (
        "The 80 notes of all items are more than the 79 that this workbook takes: see the tables in per_note/."
    )


def test_an_empty_table_is_named(tmp_path):
    report = make_report(tmp_path)
    (tmp_path / "per_note/1.csv").write_bytes(b"")
    with pytest.raises(InputError, match=r"per_note/1\.csv: is empty; delete it and run again"):
        write_xlsx(record_of(Report, report), tmp_path / "report.xlsx", tmp_path)


def test_a_missing_table_is_named(tmp_path):
    report = make_report(tmp_path)
    (tmp_path / "per_note/1.csv").unlink()
    with pytest.raises(InputError, match=r"per_note/1\.csv: named in the report but not there"):
        write_xlsx(record_of(Report, report), tmp_path / "report.xlsx", tmp_path)
