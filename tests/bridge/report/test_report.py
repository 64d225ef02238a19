"""The table and the CSV: columns, remarks, widths and what is left out."""

import csv
import json
import math
import re
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from sample_report import make_report, with_answers

from audio.audiobox import AXES
from audio.metrics.similarity import Match
from audio.musicgen.codec import Reconstruction
from audio.musicgen.scoring import MusicGenScore
from audio.scorer import Description
from audio.spectral.scoring import SpectralScore
from bridge.items.entry import HeardHalf
from bridge.items.finding import Item, find_items
from bridge.report.columns import columns_of
from bridge.report.files import table, to_json, write_report
from bridge.report.report import Report
from bridge.scorer import score_items
from bridge.views.declarations import VIEWS
from bridge.views.opening import OpenViews
from bridge.views.sound import AudioView
from losscal.records import record_of
from losscal.views import View


@pytest.fixture
def report(tmp_path, views, make_midi, make_wav):
    make_midi(tmp_path / "likely.mid", pitch=40)
    make_midi(tmp_path / "unlikely.mid", pitch=90)
    make_wav(tmp_path / "unlikely.wav")
    make_wav(tmp_path / "alone.wav")
    (tmp_path / "broken.mid").write_bytes(b"")
    return score_items(find_items([tmp_path]), views)


def rows(text):
    return text.split("\n" + "-" * 10)[1].splitlines()[1:]


def test_the_table_fits_and_ranks_the_likeliest_first(report):
    text = table(report)
    assert max(map(len, text.split("[1]")[0].splitlines())) <= 120
    names = [row.split()[0].rsplit("/", 1)[-1] for row in rows(text)]
    assert names == ["likely.mid", "unlikely.mid", "alone.wav", "broken.mid"]
    assert "failed" in rows(text)[-1] and "broken.mid: " in text
    assert "lower is likelier" in text


def test_groups_are_ranked_each_for_itself_and_long_ids_stay_in_their_column(tmp_path, views, make_midi):
    low, high = (make_midi(tmp_path / f"{pitch}.mid", count=70, pitch=pitch) for pitch in (40, 90))
    items = [
        Item(id="x" * 60 + "high", midi=high, group="one"),
        Item(id="other", midi=high, group="two"),
        Item(id="low", midi=low, group="one"),
    ]
    lines = rows(table(score_items(items, views)))
    told = [line for line in lines if line.startswith("  ")]
    assert [line.split()[0] for line in lines if line not in told] == [
        *("group", "low", "…" + "x" * 34 + "high", "group", "other")
    ]
    of_items = [line for line in lines if line not in told and not line.startswith("group")]
    assert len({line.index(".") for line in of_items}) == 1  # one edge for the decimal points
    assert lines[3].startswith("  events prefers low (") and not lines[4].startswith("  group")
    assert max(map(len, told)) <= 120


def test_the_order_is_the_groups_ranking_and_names_cannot_break_a_row(tmp_path, views, make_midi):
    items = [
        Item(id="re\nference", midi=make_midi(tmp_path / "a.mid", count=70), group="g\n"),
        Item(id="short", midi=make_midi(tmp_path / "b.mid", count=20, pitch=40), group="g\n"),  # likelier, not ranked
        Item(id="b\nad", midi=tmp_path / "g\none.mid"),
    ]
    text = table(score_items(items, views))
    lines = rows(text)
    assert [line.split()[0] for line in lines if line[0] != " "] == ["group", r"re\nference", "short", r"b\nad"]
    assert lines[0] == r"group g\n" and r"against the reference, re\nference" in text and r"g\none.mid" in text


def test_a_remark_that_many_items_share_is_told_once(tmp_path, views, make_midi):
    items = [Item(id=str(i), midi=make_midi(tmp_path / f"{i}.mid", count=8)) for i in range(3)]
    text = table(score_items(items, views))
    assert text.count("fewer than 32 notes") == 1 and text.count("[1]") == 4


@pytest.mark.fluidsynth
def test_columns_of_all_views_fit_in_blocks_and_empty_ones_are_left_out(tmp_path, views, make_midi):
    def view(name, **figures):
        declared = VIEWS.get(name) or View(name, "sound", f"units of {name}", lambda weights: None)
        return AudioView(declared, Description(f"units of {name}", 16_000), lambda sound: figures)

    more = [
        view("musicgen", perplexity=54.321, nll_nats_per_second=1.0, cross_entropy=[1.0], curve=None),
        view("audiobox", CE=5.12, CU=6.0, PC=2.0, PQ=7.0),
        view("swing", swing_ratio=0.5, confidence=0.25),
    ]
    audio = views.audio | {view.name: view for view in more}
    items = [Item(id=name, midi=make_midi(tmp_path / f"{name}.mid")) for name in ("a", "b")]
    text = table(score_items(items, OpenViews(views.symbolic, audio, {}, views.references)))
    assert max(map(len, text.splitlines())) <= 120
    for told in ("events", "spectral_lm", "54.3", "5.1", "audiobox", "swing_ratio", "0.5", "swing: units of swing."):
        assert text.count(f" {told}") + text.count(f"\n{told}") >= 1, told
    assert "llr/s" not in text and "confidence" not in text
    assert len([line for line in text.splitlines() if line.startswith("a ")]) == 2  # two blocks
    assert text.count("render") == 2  # in the last block alone
    narrow = table(score_items(items, OpenViews({"events": views.symbolic["events"]}, {})))
    assert "vqvae" not in narrow and "nats/s" not in narrow and len(narrow.splitlines()[1]) < 100


def test_the_answer_stands_first_with_what_it_is_ranked_by_and_a_reason_of_all_once(tmp_path):
    lines = table(with_answers(make_report(tmp_path))).splitlines()
    assert lines[0] == "one: b, c not to be told from it. The reference is a."
    assert lines[1].startswith("  by events in bits a note; behind it the nats more than the reference")
    assert lines[2] == "  each: 1 note differs"
    assert [line.split() for line in lines[3:6]] == [
        ["a.mid", "reference", "8.50", "the", "others", "are", "compared", "with", "it"],
        *([f"{name}.mid", "cannot", "tell", "9.50", "+40.5", "[-3,", "+84]"] for name in "bc"),
    ]
    assert lines[6] == ""


def test_what_was_passed_over_is_told_behind_all_else(tmp_path):
    report = make_report(tmp_path)
    assert table(report).splitlines()[-1] == report["passed_over"][0]
    assert len(table({**report, "passed_over": ["a\nfolder"]}).splitlines()) == len(table(report).splitlines())


def test_the_documented_report_has_the_keys_of_a_real_one(report):
    text = (Path(__file__).parents[3] / "docs/report.md").read_text(encoding="utf-8")
    documented = json.loads(re.search(r"```json\n(.*?)```", text, re.DOTALL)[1])
    (item,), entry = documented["items"], next(entry for entry in report["items"] if entry["symbolic"])
    assert set(documented) == set(report) and set(item) == set(entry)
    assert set(item["symbolic"]) == set(entry["symbolic"])
    assert set(item["heard"]) == {of.name for of in fields(HeardHalf)} - {"views"} | {"events"}
    assert set(item["heard"]["events"]) == set(entry["symbolic"]["events"])
    for view in ("events", "vqvae"):
        assert set(item["symbolic"][view]) == set(entry["symbolic"][view])
    frames = np.ones(32)
    views = {
        "spectral_lm": SpectralScore(frames, frames, frames > 0, 1.0).report() | {"llr_percentile": None},
        "musicgen": MusicGenScore(np.ones((4, 50)), 50, 1.0, Reconstruction(0.0, 0.0, 0.0)).report(),
        "audiobox": dict.fromkeys(AXES),
    }
    del views["musicgen"]["reconstruction"]
    assert {view: set(keys) for view, keys in views.items()} == {view: set(item["audio"][view]) for view in views}
    assert set(item["match"]) == set(Match(0.0, 0.0, 0.0, 0.0).report())


def test_csv_holds_every_item_with_the_numbers_of_the_json(report, tmp_path):
    write_report(report, tmp_path / "out")
    with open(tmp_path / "out/report.csv", newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert json.loads((tmp_path / "out/report.json").read_text()) == report
    assert [line["id"] for line in lines] == [entry["id"] for entry in report["items"]]
    for line, entry in zip(lines, report["items"], strict=True):
        assert list(line) == [column.name for column in columns_of(record_of(Report, report))]
        if entry["symbolic"]:
            assert float(line["vqvae_bits_per_note"]) == entry["symbolic"]["vqvae"]["bits_per_note"]
            assert float(line["events_pitch_nats"]) == entry["symbolic"]["events"]["by_attribute"]["pitch"]
        else:
            assert line["events_nll_nats"] == ""
        assert line["error"] == (entry["error"] or "")
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == ["report.csv", "report.html", "report.json", "report.xlsx"]


FORMULAS = ('=HYPERLINK("http://x")', "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\uff1d1+1")


def of_names(report, names):
    items = [{**report["items"][0], "id": name, "midi": name} for name in names]
    return {**report, "items": items, "groups": [], "agreement": None}


def test_no_name_is_a_live_formula_in_the_csv(report, tmp_path):
    write_report(of_names(report, FORMULAS), tmp_path / "out")
    with open(tmp_path / "out/report.csv", newline="", encoding="utf-8") as file:
        ids = [line["id"] for line in csv.DictReader(file)]
    assert ids == [f"'{name}" for name in FORMULAS]


def cells_in_gnumeric(path):
    """(row, column, whether it holds a formula) of each cell of the first sheet."""
    told = subprocess.run(
        ["ssconvert", "-T", "Gnumeric_XmlIO:sax:0", path.name, "fd://1"],
        cwd=path.parent,
        capture_output=True,
        check=True,
    )
    sheet = ElementTree.fromstring(told.stdout).find(".//{*}Sheet")
    for cell in sheet.findall(".//{*}Cell"):
        yield int(cell.get("Row")), int(cell.get("Col")), cell.get("ValueType") is None  # a formula has no type


def cells_in_libreoffice(path):
    """Likewise, with every separator that its dialog for CSV offers at first."""
    place = path.parent
    reading = ["--infilter=CSV:44/59/9,34,76,1"] if path.suffix == ".csv" else []
    command = ["soffice", "--headless", f"-env:UserInstallation={(place / 'profile').as_uri()}", *reading]
    subprocess.run([*command, "--convert-to", "fods", "--outdir", place, path], capture_output=True, check=True)
    table = ElementTree.parse(path.with_suffix(".fods")).find(".//{*}table")
    row = 0
    for line in table.iter("{urn:oasis:names:tc:opendocument:xmlns:table:1.0}table-row"):
        column = 0
        for cell in line:
            told = {name.partition("}")[2]: value for name, value in cell.attrib.items()}
            if "value-type" in told:
                yield row, column, told.get("formula", "of:=FALSE()") != "of:=FALSE()"  # as it writes a truth value
            column += int(told.get("number-columns-repeated", 1))
        row += int(line.get("{urn:oasis:names:tc:opendocument:xmlns:table:1.0}number-rows-repeated", 1))


PROGRAMS = {"ssconvert": cells_in_gnumeric, "soffice": cells_in_libreoffice}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("name", ["report.csv", "report.xlsx"])
def test_a_spreadsheet_program_finds_no_formula_and_a_row_for_each_name(program, name, report, tmp_path):
    if shutil.which(program) is None:
        pytest.skip(f"no {program} is installed")
    names = (*FORMULAS, "a\r=1+1", "a\n=1+1", '"\r\n=1+1\r\n"', "a\t=1+1", "a;=1+1", "a,=1+1", "\x0c=1+1", "\u2028=1+1")
    write_report(of_names(report, names), tmp_path)
    cells = list(PROGRAMS[program](tmp_path / name))
    first_row = 1 if name == "report.csv" else 2  # below the header, in the workbook below the units as well
    assert {row for row, column, _ in cells if column == 0} - set(range(first_row)) == {
        first_row + place for place in range(len(names))
    }
    assert not any(is_formula for *_, is_formula in cells)


def test_json_refuses_what_is_not_finite(report):
    with pytest.raises(ValueError, match="JSON compliant"):
        to_json({**report, "agreement": math.nan})
