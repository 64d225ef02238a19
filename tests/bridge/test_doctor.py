"""The doctor tells of every view whether it can be opened, and of what is missing how to get it."""

import pytest

from bridge import doctor
from bridge.doctor import ABSENT, AVAILABLE, WIDTH, asked, main, of_package, of_view
from bridge.views.declarations import VIEWS
from losscal.errors import InputError


@pytest.fixture
def no_hub(monkeypatch, tmp_path):
    """A hub's cache without any checkpoint, and no network."""
    monkeypatch.setattr("audio.checkpoints._hub_copy", refuse_to_fetch)


def refuse_to_fetch(name, fetch):
    assert not fetch
    raise InputError(f"{name}: no such folder, and it was never fetched; do so or give a folder.")


def test_what_is_shipped_is_available_and_what_was_never_fetched_is_not(no_hub, capsys):
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= WIDTH and len(lines) <= 40
    states = {line.split()[0]: line for line in lines if line.startswith("  ")}
    for name, view in VIEWS.items():
        assert (ABSENT in states[name]) == (view.weights is None)
    told = " ".join(" ".join(lines).split())
    assert "--views musicgen fetches it once" in told


def test_without_weights_it_says_which_file_is_missing_and_fails(no_hub, tmp_path, capsys):
    assert main(["--weights", str(tmp_path)]) == 1
    told = " ".join(capsys.readouterr().out.split())
    assert f"spectral_lm {ABSENT} {tmp_path}/spectral_lm.safetensors: no such weights file" in told


def test_weights_that_are_refused_are_not_available(tmp_path):
    name = VIEWS["spectral_lm"].weights.paths(tmp_path)[0]
    name.write_bytes(b"no weights")
    found = of_view("spectral_lm", tmp_path)
    assert found.state == ABSENT and found.told.startswith(f"{name}: truncated or not a safetensors file")


def test_what_cannot_be_asked_is_told_with_its_reason():
    def missing():
        raise InputError("the FluidSynth library cannot be loaded: install libfluidsynth3.")

    found = asked("FluidSynth", "plays MIDI files", missing)
    assert (found.state, found.told) == (ABSENT, "the FluidSynth library cannot be loaded: install libfluidsynth3.")
    assert of_package("no-such-package", "for nothing: pip install it").told == "for nothing: pip install it"
    assert of_view("spectral_lm", None).state == AVAILABLE


def test_a_torchaudio_that_does_not_go_with_torch_is_called_broken(monkeypatch):
    def import_broken(name):
        raise OSError(f"{name}: undefined symbol")

    monkeypatch.setattr(doctor, "version", lambda name: "2.9.0")
    monkeypatch.setattr(doctor, "import_module", import_broken)
    found = doctor.torchaudio()
    assert found.state == "broken" and "pip uninstall torchaudio" in found.told and "undefined symbol" in found.told
