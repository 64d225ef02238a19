"""Transcribers are found by their names, and whatever is wrong with one is told in one sentence."""

import shutil
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from installed_packages import put_package

from audio.signal.waveform import Waveform
from bridge.transcription import transkun
from bridge.transcription.opening import open_transcriber
from losscal.errors import InputError

SOUND = Waveform(np.zeros((1, 8000), np.float32), 8000, "s.wav")
PLUGIN = """
from bridge.transcription.transcriber import HeardNote

class Late:
    name, version, fingerprint, core_seconds_per_second = "late", 2, "", 1

    def __init__(self, progress):
        self.progress = progress

    def transcribe(self, sound):
        return [HeardNote(0.5 * at, sound.seconds, 60, 80) for at in self.progress((1, 0))]
"""
needs_transkun = pytest.mark.skipif(find_spec("transkun") is None, reason="transkun is not installed")


@pytest.fixture
def install(tmp_path, monkeypatch):
    """A function that installs a package with a transcriber `late`, for this test alone."""
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(str(site))

    def put(code, package="lateness"):
        module = f"{package}_of_{tmp_path.name}"
        put_package(site, package, "1.0", {"late": f"{module}:Late"}, group="losscal.transcribers", **{module: code})

    return put


def test_another_packages_transcriber_is_opened_by_its_name(install):
    install(PLUGIN)
    asked = []
    late = open_transcriber("late", lambda pieces: asked.append(pieces) or pieces)
    assert (late.name, late.version, late.core_seconds_per_second) == ("late", "2", 1.0)
    assert [note.start_seconds for note in late.transcribe(SOUND)] == [0.0, 0.5]
    assert asked == [(1, 0)]


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("return [HeardNote(0.5 * at, sound.seconds, 60, 80) for at in self.progress((1, 0))]", "return [sound]"),
        ("0.5 * at", "-1.0"),
        ("return [", "return 1 / 0 or ["),
        ('name, version, fingerprint, core_seconds_per_second = "late", 2, "", 1', 'name = "late"'),
        ('"late", 2', '"early", 2'),
        ("self.progress = progress", "raise SystemError('broken')"),
        ("from bridge", "from bridges"),
    ],
)
def test_whatever_a_package_does_is_told_in_one_sentence(install, there, instead):
    assert there in PLUGIN
    install(PLUGIN.replace(there, instead))
    with pytest.raises(InputError, match=r"^late \(of lateness 1\.0\): .*tell its author\.$"):
        open_transcriber("late").transcribe(SOUND)


def test_of_two_packages_with_one_name_neither_is_asked(install):
    install(PLUGIN)
    install(PLUGIN, package="tardy")
    with pytest.raises(InputError, match=r"late: lateness 1\.0 and tardy 1\.0 all bring a transcriber of this name"):
        open_transcriber("late")


def test_an_unknown_name_is_told_with_those_there_are(install):
    install(PLUGIN)
    with pytest.raises(InputError, match="early: no such transcriber; choose from transkun, late"):
        open_transcriber("early")


def test_without_the_package_the_fix_is_told(monkeypatch):
    monkeypatch.setattr(transkun, "find_spec", lambda name: None)
    with pytest.raises(
        InputError, match=r"^transkun: is not installed; run pip install --no-deps transkun==2\.0\.1\.$"
    ):
        open_transcriber()


@needs_transkun
@pytest.mark.parametrize("damage", ["no weights", "half of them", "no model"])
def test_a_damaged_package_is_told_with_the_fix(tmp_path, monkeypatch, damage):
    folder = tmp_path / "transkun"
    shutil.copytree(find_spec("transkun").submodule_search_locations[0], folder)
    weights = folder / "pretrained/2.0.pt"
    match damage:
        case "no weights":
            weights.unlink()
        case "half of them":
            weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
        case "no model":
            (folder / "ModelTransformer.py").write_text("")
    for name in [name for name in sys.modules if name.split(".")[0] == "transkun"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InputError, match=r"; run pip install --no-deps transkun==2\.0\.1 --force-reinstall\.$") as told:
        open_transcriber().transcribe(SOUND)
    assert str(tmp_path) in str(told.value)
    for name in [name for name in sys.modules if name.split(".")[0] == "transkun"]:
        del sys.modules[name]  # for good: monkeypatch would put the damaged one back
