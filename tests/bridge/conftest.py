"""Views with stand-in likelihoods, and files to score, so that scoring is tested without trained weights."""

from dataclasses import dataclass

import numpy as np
import pytest
import soundfile

from bridge.views import OpenViews
from losscal.references import References, ViewReference
from symbolic.performance import NOTE_DTYPE, Performance, write_midi

ATTRIBUTES = ("time", "pitch", "duration", "velocity")


@dataclass(frozen=True)
class StandInScore:
    """What a symbolic scorer returns for a performance: every note costs its pitch / 10 nats."""

    columns: tuple
    note_nats: np.ndarray
    seconds: float
    end_nll_nats: float | None

    @property
    def nll_nats(self):
        return float(self.note_nats.sum())

    @property
    def by_attribute(self):
        return dict(zip(self.columns, self.note_nats.sum(axis=0).tolist(), strict=True))

    @property
    def code_nll_nats(self):
        return self.by_attribute.get("code")

    @property
    def note_nll_nats(self):
        return None if self.code_nll_nats is None else self.nll_nats - self.code_nll_nats

    @property
    def nll_nats_per_note(self):
        return self.nll_nats / len(self.note_nats)

    @property
    def bits_per_note(self):
        return self.nll_nats_per_note / np.log(2.0).item()

    @property
    def nll_nats_per_second(self):
        return self.nll_nats / self.seconds


class StandInSymbolic:
    def __init__(self, name, columns, factor=1.0):
        self.name, self.columns, self.factor = name, columns, factor
        self.context_policy, self.weights_sha256 = f"{name}: all of it", f"{name}-hash"

    def score(self, performances, *, excerpt=False):
        scores = []
        for performance in performances:
            nats = np.repeat(performance.notes["pitch"][:, None] / 10.0, len(self.columns), axis=1)
            share = self.factor * nats / len(self.columns)
            scores.append(StandInScore(self.columns, share, performance.seconds, None if excerpt else 1.0))
        return scores


class StandInAudio:
    name, sample_rate, unit, weights_sha256 = "spectral_lm", 16_000, "nats of peaks", "spectral_lm-hash"

    def score(self, waveform):
        nats = float(np.abs(waveform.samples).max()) * waveform.seconds * 100.0
        per_second = nats / waveform.seconds
        return {"nll_nats": nats, "nll_nats_per_second": per_second, "llr_nats_per_second": None, "curve": None}


def reference(weights_sha256, statistic, lengths, low, high):
    values = {length: np.linspace(low, high, 401) for length in lengths}
    return ViewReference.of_values(weights_sha256, statistic, values)


@pytest.fixture
def views():
    return OpenViews(
        symbolic={
            "events": StandInSymbolic("events", ATTRIBUTES),
            "vqvae": StandInSymbolic("vqvae", ("code", *ATTRIBUTES), factor=1.25),
        },
        audio={"spectral_lm": StandInAudio()},
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
    """A function that writes a MIDI file of `count` notes, one each 100 ms, around `pitch`."""

    def make(path, count=40, pitch=60):
        notes = np.zeros(count, dtype=NOTE_DTYPE)
        notes["onset_ticks"] = np.arange(count) * 10
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
