"""The views of notes are calibrated by what a transcriber hears in the sounds, under names of their own."""

from dataclasses import replace
from math import log

import numpy as np
import pytest
from music import random_performance

from bridge import calibrate
from bridge.calibrate import Draw, measure
from bridge.calibration.cases import ORIGINAL, YARDSTICK, Case, Studio
from bridge.transcription import opening
from bridge.transcription.listening import Listener
from bridge.transcription.transcriber import HeardNote
from symbolic.data.excerpts import Length
from symbolic.notes.performance import write_midi

pytestmark = pytest.mark.fluidsynth


class ByLoudness:
    """Hears one key, the higher the louder the sound, and nothing in silence."""

    name, version, fingerprint, core_seconds_per_second = "by loudness", "1.0", "", 0.0

    def __init__(self, progress=iter):
        self.peaks = []

    def transcribe(self, sound):
        peak = max(float(np.abs(block).max()) for block in sound.blocks())
        self.peaks.append(peak)
        key = self.key_of(peak)
        return [HeardNote(0.0, 0.5, key, 80), HeardNote(0.5, 1.0, key, 80)] if peak else []

    @staticmethod
    def key_of(peak):
        return 60 + round(np.log2(peak)) if peak else None


@pytest.fixture
def music(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "music"
    for seed in (1, 2):
        write_midi(random_performance(seed, 40), folder / f"{seed}.mid")
    return folder


def test_costs_are_those_of_the_notes_that_are_heard(music, views, monkeypatch):
    excerpts = Draw(per_piece=1).excerpts([music], Length(1.0, "seconds"))
    transcriber = ByLoudness()
    monkeypatch.setitem(opening.TRANSCRIBERS, "by loudness", lambda progress: transcriber)
    measured = measure(excerpts, Studio(8000, None, ()), replace(views, listener=Listener("by loudness")))
    bits = measured.costs[ORIGINAL, "heard_events"]
    keys = {transcriber.key_of(peak) for peak in transcriber.peaks if peak}
    expected = {0.75 * key / 10 / log(2) for key in keys}  # but its duration's, no gate
    assert all(any(np.isclose(cost, each) for each in expected) for cost in bits.ravel())
    louder = measured.costs[Case("gain +12 dB"), "heard_events"]
    assert louder.ravel() == pytest.approx(bits.ravel() + 0.75 * 2 / 10 / log(2))
    with_durations = measured.costs[ORIGINAL, "heard_events: bits_per_note"]
    assert with_durations.ravel() == pytest.approx(bits.ravel() / 0.75)
    assert np.isinf(measured.costs[Case("silence"), "heard_events"]).all()
    assert measured.costs[YARDSTICK, "heard_vqvae"].shape == bits.shape
    assert measured.quantity("heard_events") == "onset_bits_per_note, gated"


def test_the_command_asks_the_transcriber_of_that_name_and_keeps_its_costs_apart(music, views, monkeypatch, tmp_path):
    monkeypatch.setattr(calibrate, "open_views", lambda *_: views)
    monkeypatch.setattr(calibrate, "trained_on", lambda *_: {})
    monkeypatch.setitem(opening.TRANSCRIBERS, "by loudness", ByLoudness)
    flags = [str(music), "--seconds", "1", "--per-piece", "1", "--corruptions", "wrong_notes", "--out", str(tmp_path)]
    assert calibrate.main([*flags, "--sample-rate", "8000"]) == 0
    assert calibrate.main([*flags, "--sample-rate", "8000", "--heard", "by loudness", "--overwrite"]) == 0
    assert len(list(tmp_path.glob("costs-*"))) == 2
    rows = (tmp_path / "calibration.csv").read_text()
    assert "heard_events" in rows
    assert '"heard_by": "by loudness 1.0"' in (tmp_path / "calibration.json").read_text()
