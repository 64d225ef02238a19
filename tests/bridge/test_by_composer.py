"""`--by-composer`: each view of notes tells its nats a note under every composer it knows."""

import csv
import json
from dataclasses import replace

import openpyxl
import pytest
from music import random_performance
from tiny_models import TINY, save_tiny, tiny_model

from bridge.items.engine import Job, Recipe
from bridge.items.scoring import ItemScorer
from bridge.report.files import table, write_report
from bridge.score import main, score
from bridge.views.opening import open_views
from symbolic.generate import main as generate
from symbolic.notes.cleaning import read_midi
from symbolic.notes.performance import write_midi
from symbolic.scoring.composers import composer_nats
from symbolic.scoring.likelihood import SymbolicScorer

COMPOSERS = ("Bach, Johann Sebastian", "Liszt, Franz")


@pytest.fixture(scope="module")
def weights_dir(tmp_path_factory):
    """A tiny random model that knows two composers."""
    folder = tmp_path_factory.mktemp("weights")
    save_tiny(folder, tiny_model(replace(TINY, composers=COMPOSERS)))
    return folder


@pytest.fixture
def pieces(tmp_path):
    """Two pieces with a file between them that is no MIDI."""
    for name, seed in (("a", 1), ("c", 2)):
        write_midi(random_performance(seed, 40), tmp_path / f"{name}.mid")
    (tmp_path / "b.mid").write_bytes(b"no MIDI")
    return [tmp_path / f"{name}.mid" for name in "abc"]


@pytest.mark.parametrize("excerpt", [False, True])
def test_nats_a_note_stand_by_name_beside_the_views_other_figures(weights_dir, pieces, excerpt):
    entries = score(pieces, weights_dir=weights_dir, excerpt=excerpt, by_composer=True)["items"]
    model = SymbolicScorer.load("events", weights_dir).model
    for entry in (entries[0], entries[2]):
        performance = read_midi(entry["midi"]).performance
        expected = composer_nats(model, [performance], excerpt=excerpt)[0] / len(performance)
        told = entry["symbolic"]["events"]["by_composer"]
        assert tuple(told) == COMPOSERS
        assert list(told.values()) == pytest.approx(expected)
        assert abs(expected[0] - expected[1]) > 1e-3
    assert entries[1]["symbolic"] is None


def test_without_the_flag_nothing_is_told(weights_dir, pieces):
    entry = score(pieces[0], weights_dir=weights_dir)["items"][0]
    assert "by_composer" not in entry["symbolic"]["events"]


def test_workers_are_told_and_journals_keep_it_apart(weights_dir, pieces, tmp_path, capsys):
    scorer = ItemScorer(open_views(None, weights_dir), by_composer=True)
    assert Job.like(scorer, Recipe(None, str(weights_dir), ())).open().by_composer
    flags = [str(pieces[0]), "--weights", str(weights_dir), "--out", str(tmp_path / "out"), "--json"]
    for more, is_told in ((flags, False), ([*flags, "--by-composer"], True)):
        assert main(more) == 0
        told = json.loads(capsys.readouterr().out)["items"][0]["symbolic"]["events"]
        assert ("by_composer" in told) == is_told


def test_the_table_the_csv_and_the_workbook_tell_it(weights_dir, pieces, tmp_path):
    report = score(pieces, weights_dir=weights_dir, by_composer=True, tables_dir=tmp_path / "out")
    write_report(report, tmp_path / "out")
    with open(tmp_path / "out/report.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names, _, *cells = openpyxl.load_workbook(tmp_path / "out/report.xlsx")["items"].iter_rows(values_only=True)
    lines = table(report).splitlines()
    start = lines.index("events: nats a note if it is by a composer, the likeliest of 2")
    for entry, row, of_row, line in zip(report["items"][::2], rows[::2], cells[::2], lines[start + 1 :], strict=False):
        told = entry["symbolic"]["events"]["by_composer"]
        assert [float(row[f"events_by_{composer}"]) for composer in COMPOSERS] == [*told.values()]
        assert of_row[names.index(f"events_by_{COMPOSERS[1]}")] == pytest.approx(told[COMPOSERS[1]])
        likeliest = min(told, key=told.get)
        assert f" {likeliest} {told[likeliest]:.2f}; " in line
    assert rows[1][f"events_by_{COMPOSERS[0]}"] == ""


@pytest.mark.parametrize("main_of", [main, generate])
def test_the_composers_known_are_listed_and_nothing_else_is_done(main_of, weights_dir, capsys):
    assert main_of(["--composer", "list", "--weights", str(weights_dir)]) == 0
    assert capsys.readouterr().out.splitlines() == list(COMPOSERS)


def test_without_a_list_a_command_that_is_told_nothing_to_do_says_so(capsys):
    for main_of, wanted in ((main, "give a PATH"), (generate, "--out")):
        with pytest.raises(SystemExit) as ended:
            main_of([])
        assert ended.value.code == 2 and wanted in capsys.readouterr().err
