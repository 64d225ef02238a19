"""Views with stand-in likelihoods, and files to score, so that scoring is tested without trained weights."""

import math
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from audio.scorer import Description
from bridge.views.declarations import VIEWS
from bridge.views.opening import OpenViews
from bridge.views.sound import AudioView
from losscal.references import References, ViewReference
from symbolic.notes.performance import NOTE_DTYPE, Performance, write_midi
from symbolic.scoring.likelihood import SymbolicScore


class StandInSymbolic:
    """Every note costs its pitch / 10 nats, shared evenly by attributes, in `vqvae` half of them by its code."""

    def __init__(self, name, factor=1.0):
        self.name, self.view, self.factor = name, VIEWS[name], factor
        self.context_policy, self.weights_sha256 = f"{name}: all of it", f"{name}-hash"

    def score(self, performances, *, excerpt=False):
        scores = []
        for performance in performances:
            nats = self.factor * np.repeat(performance.notes["pitch"][:, None] / 10.0, 4, axis=1) / 4
            code_nats = nats.sum(axis=1) / 2 if self.name == "vqvae" else None
            nats = nats if code_nats is None else nats / 2
            scores.append(SymbolicScore(nats, performance.seconds, None if excerpt else 1.0, code_nats))
        return scores


def peak_nats(sound):
    """A stand-in for spectral_lm: 100 nats a second for full scale."""
    per_second = 100.0 * max(float(np.abs(block).max()) for block in sound.blocks())
    n_rows = math.ceil(sound.seconds)
    curve = {"start_seconds": list(range(n_rows)), "nll_nats_per_second": [per_second] * n_rows}
    figures = {"nll_nats": per_second * sound.seconds, "nll_nats_per_second": per_second, "llr_nats_per_second": None}
    return figures | {"percentile": None, "typicality": None, "curve": curve}


def reference(weights_sha256, statistic, lengths, low, high):
    values = {length: np.linspace(low, high, 401) for length in lengths}
    return ViewReference.of_values(weights_sha256, statistic, values)


@pytest.fixture(autouse=True, scope="module")
def _reliability():
    """What the shipped calibration says is no matter of these tests."""

    def sentence(view, kind, weights_sha256):
        return f"Stand-in: {view} was tried on a {kind}."

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bridge.calibration.reliability.sentence", sentence)
        yield


@pytest.fixture(autouse=True)
def _nobody_listens(monkeypatch):
    """Recordings are not transcribed, which takes long, but where a test asks for it."""
    monkeypatch.setattr(OpenViews, "with_listener", lambda views, listener: views)


@pytest.fixture
def views():
    return OpenViews(
        symbolic={
            "events": StandInSymbolic("events"),
            "vqvae": StandInSymbolic("vqvae", factor=1.25),
        },
        audio={
            "spectral_lm": AudioView(
                replace(VIEWS["spectral_lm"], unit="nats of peaks"),
                Description("nats of peaks", 16_000, None, "spectral_lm-hash"),
                peak_nats,
            )
        },
        references=References(
            {
                "events": reference("events-hash", "nll_nats_per_note", (64, 256), 0.0, 10.0),
                "vqvae": reference("vqvae-hash", "nll_nats_per_note", (64, 256), 0.0, 20.0),
                "spectral_lm": reference("spectral_lm-hash", "nll_nats_per_second", (10, 30), 0.0, 200.0),
            }
        ),
    )


@pytest.fixture
def make_midi():
    """A function that writes a MIDI file of `count` notes, one each 100 ms or so, around `pitch`.

    As a person plays, notes are late by up to 40 ms: all but the first two and the last.
    """

    def make(path, count=40, pitch=60):
        notes = np.zeros(count, dtype=NOTE_DTYPE)
        notes["onset_ticks"] = np.arange(count) * 10
        notes["onset_ticks"][2:-1] += np.random.default_rng(0).integers(5, size=max(0, count - 3))
        notes["duration_ticks"], notes["velocity_bin"] = 9, 16
        notes["pitch"] = pitch + np.arange(count) % 2
        write_midi(Performance(notes), path)
        return path

    return make


@pytest.fixture
def make_wav():
    """A function that writes a mono WAV file of a tone."""

    def make(path, seconds=6.0, peak=0.5):
        times = np.arange(round(seconds * 16_000)) / 16_000
        soundfile.write(path, peak * np.sin(2 * np.pi * 440.0 * times), 16_000)
        return path

    return make
