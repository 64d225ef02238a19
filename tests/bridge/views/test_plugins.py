"""Scorers of other packages: the documented one scores, and whatever is wrong with one is told in one sentence."""

import csv
import json
import math
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from installed_packages import put_package

from bridge.items.finding import Item
from bridge.report.files import table, write_report
from bridge.scorer import score_items
from bridge.views.opening import open_views
from losscal.errors import InputError

ROOT = Path(__file__).parents[3]
BLOCKS = dict(re.findall(r"^```(\w+)\n(.*?)^```$", (ROOT / "docs/plugins.md").read_text(), re.MULTILINE | re.DOTALL))
SCORER = """
from audio.scorer import Description
from losscal.errors import InputError

class Scorer:
    @classmethod
    def load(cls, weights=None):
        scorer = cls()
        scorer.weights = weights
        return scorer

    def describe(self):
        return Description("seconds", 8000, weights_sha256=self.weights)

    def score(self, sound):
        return {"length": sound.seconds, "channels": sound.n_channels}
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """A function that installs a package with one plug-in, for this test alone; modules get a name of their own."""
    site = tmp_path / "site"

    def put(view, code=SCORER, package="lengths"):
        module = f"{package}_of_{tmp_path.name}"
        put_package(site, package, "1.0", {view: f"{module}:Scorer"}, **{module: code})
        monkeypatch.syspath_prepend(site)

    return put


@pytest.fixture
def score_tone(tmp_path, make_wav):
    """A function that scores six seconds of a tone: the one entry of the report."""

    def score(names, checkpoints=None):
        views = open_views(names, None, checkpoints)
        return score_items([Item(id="tone", wav=make_wav(tmp_path / "tone.wav"))], views)

    return score


def put_documented_package(site):
    project = tomllib.loads(BLOCKS["toml"])["project"]
    module = re.match(r"# (\w+)\.py\n", BLOCKS["python"])[1]
    entries = project["entry-points"]["losscal.scorers"]
    put_package(site, project["name"], project["version"], entries, **{module: BLOCKS["python"]})


@pytest.mark.fluidsynth
def test_the_documented_package_scores(tmp_path, make_midi, make_wav):
    put_documented_package(tmp_path / "site")
    make_midi(tmp_path / "my_piece.mid")
    make_wav(tmp_path / "my_recording.wav")
    command = BLOCKS["sh"].replace("python", sys.executable, 1).strip() + " --no-transcription --json"
    result = subprocess.run(
        command.split(),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path / 'site'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    crest = "decibels of the peak above the root mean square"
    assert report["units"] == {"keys": "nats of the pitches alone", "crest": crest} and report["weights"] == {}
    assert report["context_policy"] == "keys: one note before each"
    piece, recording = report["items"]
    assert recording["audio"]["crest"] == {"crest_factor_db": pytest.approx(3.01, abs=0.05)}  # a sine: sqrt(2)
    keys = piece["symbolic"]["keys"]
    assert keys["nll_nats"] == pytest.approx(40 * keys["nll_nats_per_note"])
    assert keys["bits_per_note"] == pytest.approx(keys["nll_nats_per_note"] / math.log(2))


def test_its_figures_stand_in_every_form_of_the_report(install, score_tone, tmp_path):
    install("lengths")
    report = score_tone(["lengths"], {"lengths": "abc"})
    assert report["items"][0]["audio"] == {"seconds": 6.0, "lengths": {"length": 6.0, "channels": 1.0}}
    assert report["weights"] == {"lengths": "abc"} and report["units"] == {"lengths": "seconds"}
    write_report(report, tmp_path / "out")
    with open(tmp_path / "out/report.csv", newline="", encoding="utf-8") as file:
        (line,) = csv.DictReader(file)
    assert (line["lengths_length"], line["lengths_channels"]) == ("6.0", "1.0")
    shown = table(report).splitlines()
    assert "lengths" in shown[0] and "length" in shown[1] and shown[3].split()[:2] == ["tone", "6"]
    assert "lengths: seconds." in shown


def test_plug_ins_are_asked_only_by_name(install, monkeypatch, tmp_path):
    install("lengths", "raise RuntimeError('was imported')")
    with pytest.raises(InputError, match="no view can be opened"):
        open_views(None, tmp_path)
    assert set(open_views(["lengths"]).unavailable) == {"lengths"}
    with pytest.raises(InputError, match=r"melody: no such view; choose from events.*audiobox,lengths"):
        open_views(["melody"])


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import no_such_module", "failed (ModuleNotFoundError: No module named 'no_such_module')"),
        ("Scorer = None", "failed (AttributeError"),
        ("x = 1", "failed (AttributeError"),
        (SCORER.replace("scorer = cls()", "raise InputError('go and fetch them.')"), "go and fetch them."),
        (SCORER.replace("Description(", "dict("), "failed (TypeError"),
        (SCORER.replace('return Description("seconds", 8000, ', "return dict("), "no audio.scorer.Description"),
        (SCORER.replace("8000", "0"), "sample_rate 0: allowed is"),
        (SCORER.replace('"seconds"', '""'), "unit '': say"),
    ],
)
def test_a_plug_in_that_cannot_be_opened_is_unavailable_with_the_reason(install, score_tone, code, told):
    install("lengths", code)
    (entry,) = score_tone(["lengths"])["items"]
    reason = entry["audio"]["lengths"]["unavailable"]
    assert entry["error"] == f"tone: not scored. lengths: {reason}"
    assert reason.startswith("lengths (of lengths 1.0): ") and told in reason and reason.count("\n") == 0


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ("1 / 0", "failed (ZeroDivisionError"),
        ("None", "no figures by name"),
        ("{}", "no figures by name"),
        ("{'length': float('nan')}", "length is nan"),
        ("{'length': 'long'}", "length is 'long'"),
        ("{1: 2.0}", "1 is 2.0"),
    ],
)
def test_a_plug_in_that_fails_on_a_sound_is_told_and_the_other_views_are_made(install, score_tone, result, told):
    install("whole", package="whole")
    install("broken", SCORER.replace('{"length": sound.seconds, "channels": sound.n_channels}', result), "broken")
    (entry,) = score_tone(["broken", "whole"])["items"]
    assert entry["audio"] == {"seconds": 6.0, "whole": {"length": 6.0, "channels": 1.0}}
    assert entry["error"].startswith("broken (of broken 1.0): ") and told in entry["error"]


def test_of_two_packages_with_one_name_neither_is_asked(install):
    install("lengths", package="lengths")
    install("lengths", package="metres")
    views = open_views(["lengths"])
    assert views.unavailable["lengths"] == (
        "lengths: lengths 1.0 and metres 1.0 all bring a scorer of this name; uninstall all but one."
    )


def test_a_name_of_ours_means_ours(install, tmp_path):
    install("spectral_lm")
    views = open_views(["spectral_lm"], tmp_path)
    assert "no such weights file" in views.unavailable["spectral_lm"]
    (warning,) = views.warnings
    assert "lengths 1.0" in warning
    assert open_views(["events"], tmp_path).warnings == ()
