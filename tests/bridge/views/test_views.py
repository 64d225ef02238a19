"""By default the views whose weights lie here are opened; those asked for are, or it is told why not."""

import csv
import json
import shutil
from types import SimpleNamespace

import pytest
from tiny_musicgen import random_model, tones

from audio.audiobox import AXES, AudioboxScorer
from audio.checkpoints import sha256_of_weights
from audio.scorer import Description
from bridge.render import write_audio
from bridge.score import main
from bridge.views.declarations import VIEWS
from bridge.views.opening import checkpoints_of, open_views
from losscal.errors import InputError
from losscal.views import NOTES, SOUND


@pytest.fixture(autouse=True)
def hub(monkeypatch):
    """The hub as seen without a network: {name: local copy}, and the names that were to be fetched."""
    copies, fetched = {}, []

    def copy_of(name, fetch):
        if fetch:
            fetched.append(name)
        if name not in copies:
            raise InputError(f"{name}: cannot be had.")
        return copies[name]

    monkeypatch.setattr("audio.checkpoints._hub_copy", copy_of)
    return copies, fetched


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("musicgen")
    random_model().save_pretrained(folder)
    return folder


@pytest.fixture
def recording(tmp_path):
    """A second and a half of sound."""
    sound = tones(1.5)
    write_audio(tmp_path / "tones.wav", sound)
    return tmp_path / "tones.wav"


@pytest.fixture
def score(tmp_path, recording, capsys):
    """A function that scores the recording by command line, without shipped views: its entry, the whole report."""
    (tmp_path / "empty").mkdir()

    def run(*flags):
        assert main([str(recording), "--weights", str(tmp_path / "empty"), "--json", *map(str, flags)]) == 0
        report = json.loads(capsys.readouterr().out)
        return report["items"][0], report

    return run


def test_unknown_views_and_folders_without_weights_are_wrong_usage(tmp_path):
    with pytest.raises(InputError, match="melody: no such view"):
        open_views(["events", "melody"])
    with pytest.raises(InputError, match="melody: no such view"):
        open_views(checkpoints={"melody": "folder"})
    with pytest.raises(InputError, match="no such folder"):
        open_views(None, tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"phrases\.safetensors: no such weights file"):
        open_views(None, tmp_path)


@pytest.mark.parametrize("flag", ["musicgen", "=folder", "musicgen="])
def test_a_checkpoint_flag_names_view_and_checkpoint(flag):
    assert checkpoints_of(["musicgen=a=b", "audiobox=c"]) == {"musicgen": "a=b", "audiobox": "c"}
    with pytest.raises(InputError, match="write VIEW=CHECKPOINT"):
        checkpoints_of([flag])


def test_shipped_views_take_no_checkpoint():
    with pytest.raises(InputError, match="weights of events are given with --weights"):
        open_views(checkpoints={"events": "folder"})


def test_views_asked_for_by_name_answer_with_a_reason(tmp_path, hub):
    views = open_views(["events", "musicgen", "audiobox"], tmp_path)
    assert set(views.unavailable) == {"events", "musicgen", "audiobox"} and views.wants_audio
    assert views.unavailable["musicgen"] == f"{VIEWS['musicgen'].checkpoint}: cannot be had."
    assert "musicgen" in views.unavailable_in(SOUND) and set(views.unavailable_in(NOTES)) == {"events"}
    assert not open_views(["events"], tmp_path).wants_audio


def test_by_default_public_checkpoints_are_opened_where_they_lie_here_and_never_fetched(hub, tmp_path, monkeypatch):
    copies, fetched = hub
    with pytest.raises(InputError, match="no view can be opened"):
        open_views(None, tmp_path)
    copies[VIEWS["audiobox"].checkpoint] = tmp_path
    (tmp_path / "model.safetensors").touch()
    scorer = SimpleNamespace(score=None, describe=lambda: Description("ratings", 16_000, weights_sha256="hash"))
    monkeypatch.setattr(AudioboxScorer, "load", lambda weights: {str(tmp_path): scorer}[weights])
    assert open_views(None, tmp_path).weights == {"audiobox": "hash"} and fetched == []


def test_a_musicgen_checkpoint_adds_its_view(score, checkpoint, tmp_path):
    entry, report = score("--checkpoint", f"musicgen={checkpoint}", "--out", tmp_path / "out")
    figures = entry["audio"]["musicgen"]
    assert set(entry["audio"]) == {"seconds", "musicgen"} and entry["warnings"] == []
    assert set(figures) == {"perplexity", "nll_nats_per_second", "cross_entropy", "curve"}
    assert figures["nll_nats_per_second"] == pytest.approx(50 * sum(figures["cross_entropy"]))
    assert report["weights"] == {"musicgen": sha256_of_weights(checkpoint)}
    assert report["units"] == {"musicgen": "nats of EnCodec codes"}
    with open(tmp_path / "out" / figures["curve"], newline="") as file:
        lines = list(csv.DictReader(file))
    assert [float(line["start_seconds"]) for line in lines] == [0.0, 1.0]
    nats = [float(line["nll_nats_per_second"]) for line in lines]
    assert nats[0] + nats[1] / 2 == pytest.approx(1.5 * figures["nll_nats_per_second"], abs=1e-3)
    with open(tmp_path / "out/report.csv", newline="") as file:
        (line,) = csv.DictReader(file)
    assert float(line["musicgen_perplexity"]) == figures["perplexity"]
    codebooks = [float(value) for name, value in line.items() if name.startswith("musicgen_cross_entropy")]
    assert codebooks == figures["cross_entropy"]


def test_without_out_a_curve_is_null(score, checkpoint):
    entry, _ = score("--checkpoint", f"musicgen={checkpoint}")
    assert entry["audio"]["musicgen"]["curve"] is None


def test_a_broken_checkpoint_is_told_and_the_rest_is_made(score, checkpoint, tmp_path, monkeypatch):
    broken = shutil.copytree(checkpoint, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes((checkpoint / "model.safetensors").read_bytes()[:-1000])
    ratings = dict.fromkeys(AXES, 5.0)
    monkeypatch.setattr(AudioboxScorer, "score", lambda self, sound: ratings)
    monkeypatch.setattr(AudioboxScorer, "__init__", lambda self: setattr(self, "weights_sha256", "hash"))
    monkeypatch.setattr(AudioboxScorer, "load", lambda checkpoint: AudioboxScorer())
    entry, report = score("--checkpoint", f"musicgen={broken}", "--checkpoint", "audiobox=somewhere")
    assert entry["audio"]["audiobox"] == ratings and entry["error"] is None
    assert "cannot be loaded" in entry["audio"]["musicgen"]["unavailable"]
    assert report["weights"] == {"audiobox": "hash"}
