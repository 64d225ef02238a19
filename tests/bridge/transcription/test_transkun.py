"""The real transcriber hears the notes that were played, none where nothing is, and says nothing meanwhile."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from audio.signal.waveform import Waveform, cut, open_audio
from bridge.transcription.opening import open_transcriber
from bridge.transcription.transcriber import Heard
from symbolic.notes.cleaning import read_midi
from symbolic.scoring.codes import note_f1

EXAMPLE = Path(__file__).parents[3] / "examples/bridal_chorus"
SECONDS = 8
pytestmark = pytest.mark.skipif(find_spec("transkun") is None, reason="transkun is not installed")


@pytest.fixture(scope="module")
def transkun():
    return open_transcriber()


def test_the_notes_of_a_rendering_are_heard(transkun, capfd):
    sound = open_audio(EXAMPLE.with_suffix(".wav"))
    notes = transkun.transcribe(cut(sound, 0, SECONDS * sound.sample_rate))
    heard = Heard(tuple(notes), transkun.name, transkun.version, sound.source).cleaned.performance
    whole = read_midi(EXAMPLE.with_suffix(".mid")).performance
    played = whole.excerpt(0, int((whole.notes["onset_ticks"] < heard.notes["onset_ticks"][-1] + 5).sum()))
    assert len(played) > 30 and note_f1(played, heard) > 0.95
    assert capfd.readouterr().out == ""


def test_nothing_is_heard_in_quiet_noise(transkun):
    noise = 1e-4 * np.random.default_rng(0).normal(size=(1, 5 * 44_100))
    assert transkun.transcribe(Waveform(noise.astype(np.float32), 44_100, "noise.wav")) == []
