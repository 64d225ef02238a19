"""The SoundFont of recorded notes plays each key by the nearest recording, softly or loudly."""

import numpy as np
import pytest

from bridge.render import render_notes
from losscal.errors import InputError
from symbolic.notes.performance import NOTE_DTYPE, Performance
from train.frames.salamander import SAMPLE_RATE, main, read_samples, soundfont_of

soundfile = pytest.importorskip("soundfile")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A4 and A5 in two layers: tones, the loud layer an octave above what its name says."""
    root = tmp_path_factory.mktemp("packages")
    seconds = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    for name, hz in (("A4v1", 440.0), ("A5v1", 880.0), ("A4v9", 880.0), ("A5v9", 1760.0)):
        tone = 0.3 * np.sin(2 * np.pi * hz * seconds) * np.exp(-3.0 * seconds)
        (root / name).mkdir()
        soundfile.write(root / name / f"{name}.ogg", np.stack([tone, tone], axis=1), SAMPLE_RATE)
    return root


def pitch_hz(pitch: int, velocity_bin: int, soundfont) -> float:
    notes = np.zeros(1, NOTE_DTYPE)
    notes["pitch"], notes["velocity_bin"], notes["duration_ticks"] = pitch, velocity_bin, 50
    samples = render_notes(Performance(notes), sample_rate=16_000, soundfont=soundfont)[0][:8000]
    return float(np.argmax(np.abs(np.fft.rfft(samples * np.hanning(len(samples))))) * 16_000 / len(samples))


@pytest.mark.fluidsynth
def test_keys_sound_at_their_pitch_and_layers_by_velocity(folder, tmp_path, capsys):
    path = tmp_path / "piano.sf2"
    assert main([str(folder), str(path)]) == 0
    for pitch in (60, 69, 74, 81, 90):
        hz = 440.0 * 2.0 ** ((pitch - 69) / 12.0)
        assert pitch_hz(pitch, 2, path) == pytest.approx(hz, rel=0.01)
        assert pitch_hz(pitch, 28, path) == pytest.approx(2.0 * hz, rel=0.01)


def test_layers_are_of_one_loudness_and_a_folder_without_recordings_is_refused(folder, tmp_path):
    notes = read_samples(folder)
    assert [(note.pitch, note.layer) for note in notes] == [(69, 1), (81, 1), (69, 9), (81, 9)]
    rms = [np.sqrt(np.mean((note.samples / 32767.0) ** 2)) for note in notes]
    assert rms == pytest.approx([0.1] * 4, rel=0.1)
    assert soundfont_of(notes)[:4] == b"RIFF"
    with pytest.raises(InputError, match="holds no recordings"):
        read_samples(tmp_path)
