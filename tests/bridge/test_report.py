import csv
import json
import math

import pytest

from bridge.items import Item, find_items
from bridge.report import CSV_COLUMNS, table, to_json, write_report
from bridge.score import score_items


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
    low, high = make_midi(tmp_path / "low.mid", pitch=40), make_midi(tmp_path / "high.mid", pitch=90)
    items = [
        Item(id="x" * 60 + "high", midi=high, group="one"),
        Item(id="other", midi=high, group="two"),
        Item(id="low", midi=low, group="one"),
    ]
    lines = rows(table(score_items(items, views)))
    assert [line.split()[0] for line in lines] == ["group", "low", "…" + "x" * 34 + "high", "group", "other"]
    assert (
        len({line.index(".") for line in lines if not line.startswith("group")}) == 1
    )  # one edge for the decimal points


def test_a_remark_that_many_items_share_is_told_once(tmp_path, views, make_midi):
    items = [Item(id=str(i), midi=make_midi(tmp_path / f"{i}.mid", count=8)) for i in range(3)]
    text = table(score_items(items, views))
    assert text.count("fewer than 32 notes") == 1 and text.count("[1]") == 4


def test_csv_holds_every_item_with_the_numbers_of_the_json(report, tmp_path):
    write_report(report, tmp_path / "out")
    with open(tmp_path / "out/report.csv", newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert json.loads((tmp_path / "out/report.json").read_text()) == report
    assert [line["id"] for line in lines] == [entry["id"] for entry in report["items"]]
    for line, entry in zip(lines, report["items"], strict=True):
        assert list(line) == list(CSV_COLUMNS)
        if entry["symbolic"]:
            assert float(line["vqvae_bits_per_note"]) == entry["symbolic"]["vqvae"]["bits_per_note"]
            assert float(line["events_pitch_nats"]) == entry["symbolic"]["events"]["by_attribute"]["pitch"]
        else:
            assert line["events_nll_nats"] == ""
        assert line["error"] == (entry["error"] or "")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["report.csv", "report.json"]


def test_json_refuses_what_is_not_finite(report):
    with pytest.raises(ValueError, match="JSON compliant"):
        to_json({**report, "agreement": math.nan})
