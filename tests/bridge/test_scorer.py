"""A Scorer gives the numbers of the command, call after call, with views that were opened once, and shows them."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from pages import Page
from sample_report import make_report

import bridge.scorer
import losscal
from bridge.report.report import Report
from bridge.report.shown import SHOWN_ITEMS, ScoredReport
from bridge.score import main
from bridge.scorer import Scorer
from bridge.synthesis.synthesiser import default_soundfont
from losscal.errors import InputError
from losscal.records import record_of

EXAMPLES = Path(__file__).parents[2] / "examples"


def without_time(report):
    return {key: value for key, value in report.items() if key != "created"}


def test_its_numbers_are_those_of_the_command_whatever_it_scored_before(monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(
        bridge.scorer, "open_views", lambda *asked, real=bridge.scorer.open_views: opened.append(asked) or real(*asked)
    )
    paths = [str(EXAMPLES / name) for name in ("bridal_chorus.mid", "bridal_chorus_random.mid")]
    scorer = losscal.Scorer(views=["events"])
    scorer.score(paths[1], excerpt=True)
    by_scorer = scorer.score(paths).by_keys()
    assert len(opened) == 1
    assert main([*paths, "--views", "events", "--json"]) == 0
    assert without_time(by_scorer) == without_time(json.loads(capsys.readouterr().out))


def test_losscal_has_a_scorer_and_nothing_else_that_it_has_not():
    assert losscal.Scorer is Scorer
    with pytest.raises(AttributeError, match="Score'"):
        losscal.Score  # noqa: B018


class Frame(HTMLParser):
    """The page inside what a notebook is given."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes = dict(attributes)


def page_in(text):
    frame = Frame(text)
    assert frame.tags == ["iframe"] and "allow-same-origin" not in frame.attributes["sandbox"]
    return Page(frame.attributes["srcdoc"]).texts


@pytest.fixture
def scored(tmp_path):
    return ScoredReport(record_of(Report, make_report(tmp_path)), tmp_path)


def test_a_report_shows_itself_as_its_page_and_an_item_as_its_part_of_it(scored):
    whole = page_in(scored._repr_html_())
    assert json.loads(whole["report"]) == scored.by_keys() and not json.loads(whole["layout"])["is_item"]
    item = page_in(scored.items[1]._repr_html_())
    assert json.loads(item["report"])["items"] == [scored.items[1]] and json.loads(item["report"])["groups"] == []
    assert json.loads(item["layout"])["is_item"] and item["item-0"] == whole["item-1"]


def test_what_is_too_large_for_a_notebook_is_shown_as_text(scored):
    report = scored.report
    large = ScoredReport(Report(**{**vars(report), "items": report.items[:1] * (SHOWN_ITEMS + 1)}), scored.folder)
    assert large._repr_html_().startswith("<pre>") and "<script" not in large._repr_html_()


def test_without_a_folder_the_tables_last_as_long_as_an_item_is_held(views, make_midi, tmp_path, monkeypatch):
    monkeypatch.setattr(bridge.scorer, "open_views", lambda *_: views)
    report = Scorer(listener=None).score(make_midi(tmp_path / "a.mid"))
    folder, item = report.folder, report.items[0]
    assert item["symbolic"]["per_note"] is None
    del report
    assert "item-0" in page_in(item._repr_html_())
    del item
    assert not folder.exists()


@pytest.fixture
def other_soundfont(tmp_path):
    """The shipped one with its samples silenced from some point on."""
    data = bytearray(default_soundfont().read_bytes())
    start = data.index(b"smpl") + 8
    n_bytes = int.from_bytes(data[start - 4 : start], "little")
    data[start : start + n_bytes] = bytes(byte ^ 0x10 for byte in data[start : start + n_bytes])
    path = tmp_path / "Other Piano.sf2"
    path.write_bytes(data)
    return path


@pytest.mark.fluidsynth
def test_midi_is_played_with_the_soundfont_given_and_the_report_names_it(
    views, make_midi, tmp_path, monkeypatch, other_soundfont, capsys
):
    monkeypatch.setattr(bridge.scorer, "open_views", lambda *_: views)
    midi = make_midi(tmp_path / "a.mid")
    shipped = Scorer().score(midi).by_keys()
    other = Scorer(soundfont=other_soundfont).score(midi).by_keys()
    assert (shipped["soundfont"], other["soundfont"]) == (str(default_soundfont()), str(other_soundfont))
    levels = [report["items"][0]["audio"]["spectral_lm"]["nll_nats_per_second"] for report in (shipped, other)]
    assert levels[0] != levels[1]
    assert main([str(midi), "--soundfont", str(other_soundfont)]) == 0
    assert f"played with {other_soundfont}; percentiles" in capsys.readouterr().out


def test_a_file_that_is_no_soundfont_is_refused_before_anything_is_opened(tmp_path, monkeypatch, make_midi):
    monkeypatch.setattr(bridge.scorer, "open_views", None)
    midi = make_midi(tmp_path / "a.mid")
    with pytest.raises(InputError, match="not a SoundFont; give the path of"):
        Scorer(soundfont=midi)
    with pytest.raises(InputError, match="no such SoundFont"):
        Scorer(soundfont=tmp_path / "absent.sf2")
