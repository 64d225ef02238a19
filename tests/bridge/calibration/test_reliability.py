"""One sentence on a view, from the shipped calibration, and none where it is of other weights."""

import json

import pytest

from bridge.calibration import reliability
from bridge.calibration.cases import YARDSTICK
from bridge.calibration.reliability import CALIBRATION_FILE, HEARD_CALIBRATION_FILE, sentence, shipped_sha256
from bridge.views.opening import SHIPPED_VIEWS, SYMBOLIC_VIEWS, open_views
from losscal.errors import InputError
from losscal.views import HEARD_PREFIX


@pytest.fixture
def calibration(tmp_path, monkeypatch):
    """A calibration of spectral_lm and events in the place of the shipped one."""
    row = {"corruption": YARDSTICK.name, "severity": YARDSTICK.severity}
    failure = {"view": "spectral_lm", "has_failed": True, "advice": "do not compare keys by it"}
    content = {
        "weights": {"spectral_lm": "hash", "events": "other"},
        "config": {"excerpts": 120, "length": "10 seconds", "pieces": 60, "heard_by": "ears 1.0"},
        "rows": [
            {"view": "events", **row, "pairwise_accuracy": 0.99, "interval": [0.95, 1.0]},
            {"view": "heard_events", **row, "pairwise_accuracy": 0.97, "interval": [0.9, 1.0]},
            {"view": "events: pitch_bits_per_note", **row, "pairwise_accuracy": 0.8, "interval": [0.7, 0.9]},
            {"view": "spectral_lm", **row, "severity": 0.5, "pairwise_accuracy": 1.0, "interval": [1.0, 1.0]},
            {"view": "spectral_lm", **row, "pairwise_accuracy": 0.9, "interval": [0.82, 0.97]},
        ],
        "listeners": [
            {"view": "heard_events", "spearman": 0.84, "interval": [0.7, 0.9], "stimuli": 9, "listeners": 20},
            {"view": "events", "spearman": None, "interval": [None, None], "stimuli": 9, "listeners": 20},
        ],
        "failures": [
            {**failure, "case": "a semitone higher"},
            {**failure, "case": "a semitone lower"},
            {**failure, "case": "another SoundFont", "advice": "do not compare timbres by it"},
            {**failure, "case": "gain +12 dB", "has_failed": False},
            {**failure, "case": "scale", "advice": "listen"},
        ],
    }
    heard = [row for row in content["rows"] if row["view"].startswith("heard_")]
    content["rows"] = [row for row in content["rows"] if row not in heard]
    for name, rows in {"CALIBRATION_FILE": content["rows"], "HEARD_CALIBRATION_FILE": heard}.items():
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(content | {"rows": rows}))
        monkeypatch.setattr(reliability, name, path)


def test_the_sentence_says_how_often_and_what_failed(calibration):
    assert sentence("spectral_lm", "rendering", weights_sha256="hash") == (
        "On 120 excerpts of 10 seconds from 60 test pieces this view preferred the original to a version with 10 % "
        "wrong notes in 90 % [82-97 %] of cases; it fails the control 'a semitone higher' and 'a semitone lower': "
        "do not compare keys by it; it fails the control 'another SoundFont': do not compare timbres by it; it falls "
        "for the adversary 'scale': listen."
    )
    assert sentence("events", "midi", weights_sha256="other").endswith("in 99 % [95-100 %] of cases.")


def test_of_sequenced_notes_the_figure_they_are_ranked_by_is_quoted(calibration):
    text = sentence("events", "sequenced", weights_sha256="other")
    assert "this view, by the bits of the pitches alone, preferred" in text and "in 80 % [70-90 %] of cases" in text
    assert text.endswith("; that was measured on performances, not on sequenced music.")


def test_of_recordings_it_says_that_none_was_calibrated_on(calibration):
    text = sentence("spectral_lm", "recording", weights_sha256="hash")
    assert text.endswith("; nothing was calibrated on recordings, only on renderings by one SoundFont.")
    assert "recordings" not in sentence("events", "recording", weights_sha256="other")


def test_of_heard_notes_it_is_told_who_heard_what(calibration):
    text = sentence("heard_events", "heard", weights_sha256="other")
    assert "in 97 % [90-100 %] of cases; its order of 9 pieces agrees with that of 20 listeners by a rank " in text
    assert "correlation of 0.84 [0.70, 0.90]; that was measured on renderings, heard by ears 1.0" in text
    assert sentence("heard_vqvae", "heard", weights_sha256="other") is None


def test_other_weights_and_other_views_have_no_sentence(calibration):
    assert sentence("spectral_lm", "rendering", weights_sha256="another") is None
    assert sentence("spectral_lm", "rendering") is None  # the shipped weights are others than these
    assert sentence("musicgen", "rendering", weights_sha256="hash") is None


@pytest.mark.parametrize("interval", [[None, None], None])
def test_without_a_measured_row_there_is_no_sentence(calibration, tmp_path, monkeypatch, interval):
    content = json.loads(reliability.CALIBRATION_FILE.read_text())
    rows = [row for row in content["rows"] if row["view"] != "events" or interval is not None]
    content["rows"] = [{**row, "interval": interval} if row["view"] == "events" else row for row in rows]
    path = tmp_path / "without.json"
    path.write_text(json.dumps(content))
    monkeypatch.setattr(reliability, "CALIBRATION_FILE", path)
    assert sentence("events", "midi", weights_sha256="other") is None


def test_an_unknown_kind_and_a_broken_file_are_refused(calibration, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="kind 'wav': need one of midi, sequenced, heard, rendering, recording"):
        sentence("events", "wav")
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    monkeypatch.setattr(reliability, "CALIBRATION_FILE", broken)
    with pytest.raises(InputError, match=r"broken\.json: cannot be read"):
        sentence("events", "midi")


def test_the_hash_of_shipped_weights_is_that_of_the_open_view():
    opened = open_views(["events", "spectral_lm"])
    assert opened.weights == {name: shipped_sha256(name) for name in ("events", "spectral_lm")}


@pytest.mark.parametrize("file", [CALIBRATION_FILE, HEARD_CALIBRATION_FILE])
@pytest.mark.parametrize("view", SHIPPED_VIEWS)
def test_the_shipped_calibrations_are_of_the_shipped_weights(view, file):
    weights = json.loads(file.read_text(encoding="utf-8"))["weights"]
    assert weights[view] == shipped_sha256(view), "run make refresh"


@pytest.mark.parametrize(
    ("view", "kind"),
    [*((view, "midi") for view in SHIPPED_VIEWS), *((HEARD_PREFIX + view, "heard") for view in SYMBOLIC_VIEWS)],
)
def test_each_shipped_view_was_calibrated(view, kind):
    assert sentence(view, kind).startswith("On ")


def test_the_shipped_calibration_is_of_sixty_pieces_or_more():
    config = json.loads(CALIBRATION_FILE.read_text(encoding="utf-8"))["config"]
    assert config["pieces"] >= 60, "run python -m bridge.calibrate with --pieces 60 or more"
