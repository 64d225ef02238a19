"""A view of each half, a corruption and a column of the report: each is declared in one place and seen everywhere."""

import csv
import json
import re
import sys

import numpy as np
import openpyxl
import pytest
from test_plugins import put_documented_package

from bridge import calibrate
from bridge.calibrate import Draw, measure
from bridge.calibration.accuracy import tables
from bridge.calibration.cases import ORIGINAL, Case, Studio
from bridge.calibration.plot import accuracy_svg
from bridge.items.finding import Item
from bridge.report import columns
from bridge.report.columns import ReportColumn
from bridge.report.files import table, write_report
from bridge.scorer import score_items
from bridge.views.declarations import VIEWS, view_named
from bridge.views.opening import open_views
from losscal.views import TableColumn
from symbolic.data.excerpts import Length
from symbolic.notes.corruption import CORRUPTIONS, playable
from symbolic.notes.performance import NOTE_DTYPE, Performance, write_midi

pytestmark = pytest.mark.fluidsynth


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """The two views of the package in docs/plugins.md, which declares each by one object."""
    put_documented_package(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.delitem(sys.modules, "losscal_simple", raising=False)
    return open_views(["crest", "keys"])


@pytest.fixture
def music(tmp_path):
    """An original of small steps, as a person plays it, and a version in which every other note is an octave higher."""
    notes = np.zeros(60, dtype=NOTE_DTYPE)
    notes["onset_ticks"][1:] = np.cumsum(np.random.default_rng(0).integers(8, 40, size=59))
    notes["duration_ticks"], notes["velocity_bin"] = 7, 16
    notes["pitch"] = 60 + np.arange(60) % 3
    wider = notes.copy()
    wider["pitch"][::2] += 12
    items = []
    for name, of_version in (("original", notes), ("wider", wider)):
        write_midi(Performance(of_version), tmp_path / f"{name}.mid")
        items.append(Item(id=name, midi=tmp_path / f"{name}.mid", group="g"))
    return items


def written_forms(report, folder):
    """The lines of the CSV, the cells and units of the workbook by column, and what the page is told."""
    write_report(report, folder)
    with open(folder / "report.csv", newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    names, units, *rows = openpyxl.load_workbook(folder / "report.xlsx")["items"].iter_rows(values_only=True)
    cells = [dict(zip(names, row, strict=True)) for row in rows]
    page = (folder / "report.html").read_text(encoding="utf-8")
    layout = json.loads(re.search(r'id="layout"[^>]*>(.*?)</script>', page, re.DOTALL)[1])
    return lines, cells, dict(zip(names, units, strict=True)), layout


def header_of(text):
    """The line of the terminal's table that names its columns, behind the answer that a group begins with."""
    return next(line for line in text.splitlines() if line.startswith("item "))


@pytest.mark.parametrize(
    ("name", "half", "key", "unit"),
    [("crest", "audio", "crest_factor_db", "dB"), ("keys", "symbolic", "bits_per_note", "bits/note")],
)
def test_a_view_stands_in_every_form_of_the_report(opened, music, tmp_path, name, half, key, unit):
    report = score_items(music, opened, tables_dir=tmp_path / "out")
    value, view = report["items"][0][half][name][key], view_named(name)
    lines, cells, units, layout = written_forms(report, tmp_path / "out")
    assert float(lines[0][f"{name}_{key}"]) == value and cells[0][f"{name}_{key}"] == pytest.approx(value)
    assert units[f"{name}_{key}"] == layout["units"][f"{half}.{name}.{key}"] == unit
    shown = view.figure(key).shown
    text = table(report)
    assert shown.header in header_of(text) and shown.legend in text and f"{value:.{shown.digits}f}" in text
    section = next(section for section in layout["sections"] if section["view"] == name)
    assert section["columns"][0]["keys"] == [half, name, key]
    assert [name, view.glossary] in layout["glossary"]
    assert report["units"][name] == view.unit and name in report["items"][0]["explanations"]


def test_a_likelihood_of_notes_ranks_versions_and_colours_the_page(opened, music, tmp_path):
    report = score_items(music, opened, tables_dir=tmp_path / "out")
    (group,) = report["groups"]
    assert set(group["views"]) == {"keys"}  # crest declares nothing to rank by
    original, wider = group["views"]["keys"]["items"]
    assert (original["rank"], wider["rank"], wider["verdict"]) == (1, 2, "less likely")
    with open(tmp_path / "out" / report["items"][0]["symbolic"]["per_note"], newline="") as file:
        nats = [float(line["keys_note_nats"]) for line in csv.DictReader(file)]
    assert sum(nats) == pytest.approx(report["items"][0]["symbolic"]["keys"]["nll_nats"], abs=0.01)


def test_views_are_calibrated_as_they_are_declared(opened, music, tmp_path):
    excerpts = Draw(per_piece=1).excerpts([item.midi for item in music], Length(1.0, "seconds"))
    measured = measure(excerpts, Studio(16_000, None, ("clip",)), opened)
    assert {"keys", "crest: crest_factor_db"} <= set(measured.scores)
    assert measured.quantity("keys") == "bits_per_note" and measured.quantity("crest: crest_factor_db") == (
        "crest_factor_db"
    )
    assert (measured.costs[ORIGINAL, "crest: crest_factor_db"] > 0).all()  # of crests less is better: that is declared


def test_a_corruption_is_one_function_where_corruptions_are(opened, music, monkeypatch, capsys):
    for registered in (CORRUPTIONS, CORRUPTIONS.severities):  # to be as they were when the test is over
        monkeypatch.setitem(registered, "too_loud", None)

    @CORRUPTIONS.declare((0.25, 0.5, 1.0))
    def too_loud(performance, rng, amount):
        notes = performance.notes.copy()
        notes["velocity_bin"][rng.permutation(len(notes))[: round(amount * len(notes))]] = 31
        return playable(notes)

    excerpts = Draw(per_piece=1).excerpts([item.midi for item in music], Length(1.0, "seconds"))
    measured = measure(excerpts, Studio(16_000, None, ("too_loud",)), opened)
    assert (Case("too_loud", 0.5), "keys") in measured.costs
    made = tables(measured, {})
    assert {row["severity"] for row in made["rows"] if row["corruption"] == "too_loud"} == {0.25, 0.5, 1.0}
    assert "too_loud" in {row["corruption"] for row in made["severity_correlation"]}
    assert "too_loud" in accuracy_svg(made["rows"])
    with pytest.raises(SystemExit):
        calibrate.main(["--help"])
    assert "too_loud" in capsys.readouterr().out


def test_a_column_of_the_report_is_one_entry(opened, music, monkeypatch, tmp_path):
    added = ReportColumn(
        "velocities", ("symbolic", "notes"), "values", TableColumn("loud", 9, 0, "loud: stands for any figure.")
    )
    monkeypatch.setattr(columns, "LAST", (*columns.LAST, added))
    report = score_items(music, opened, tables_dir=tmp_path / "out")
    lines, cells, units, layout = written_forms(report, tmp_path / "out")
    assert lines[0]["velocities"] == "60" and cells[0]["velocities"] == 60 and units["velocities"] == "values"
    assert "loud" in header_of(table(report)) and "loud: stands for any figure." in table(report)
    assert ["symbolic", "notes"] in [column["keys"] for column in layout["sections"][0]["columns"]]


def test_our_own_views_say_all_that_a_reader_is_told():
    for view in VIEWS.values():
        assert view.glossary and any(figure.shown for figure in view.figures), view.name
        assert {quantity.key for quantity in view.quantities} | {*view.calibrated}, view.name
        for of in view.references:
            view.figure(of.statistic)
            assert of.percentile is None or (view.figure(of.percentile) and of.beyond)
