"""A pair that belongs together is told from one that does not."""

import numpy as np
import pytest
from music import random_performance

from audio.signal.waveform import Waveform
from bridge.items.finding import Item
from bridge.render import render, write_audio
from bridge.scorer import score_items
from bridge.views.opening import OpenViews
from symbolic.notes.performance import write_midi

RATE = 16_000
DELAY_SECONDS = 1.5


@pytest.fixture(scope="module")
def pieces(tmp_path_factory):
    """Two pieces of half a minute as MIDI files, and the first played 1.5 s late."""
    folder = tmp_path_factory.mktemp("pieces")
    for seed, name in ((1, "first.mid"), (2, "second.mid")):
        write_midi(random_performance(seed, 250), folder / name)
    samples = render(folder / "first.mid", sample_rate=RATE)[:, : 30 * RATE]
    late = np.pad(samples, ((0, 0), (round(DELAY_SECONDS * RATE), 0)))
    write_audio(folder / "first.wav", Waveform(late, RATE, "first"))
    return folder


def entry_of(midi, wav, views):
    return score_items([Item(id="pair", midi=midi, wav=wav)], views)["items"][0]


@pytest.mark.fluidsynth
def test_a_matching_pair_has_its_similarity_and_offset(pieces, views):
    entry = entry_of(pieces / "first.mid", pieces / "first.wav", views)
    assert set(entry["match"]) == {"chroma_similarity", "offset_seconds"}
    assert entry["match"]["chroma_similarity"] > 0.9
    assert entry["match"]["offset_seconds"] == pytest.approx(DELAY_SECONDS, abs=0.02)
    assert entry["warnings"] == [] and entry["error"] is None


@pytest.mark.fluidsynth
def test_a_mismatch_is_warned_of(pieces, views):
    entry = entry_of(pieces / "second.mid", pieces / "first.wav", views)
    assert entry["match"]["chroma_similarity"] < 0.4 and entry["error"] is None
    assert ["does not seem to play the MIDI file" in text for text in entry["warnings"]] == [True]


@pytest.mark.fluidsynth
def test_without_views_of_sound_or_without_a_pair_nothing_is_compared(pieces, views):
    symbolic = OpenViews(views.symbolic, {}, {"musicgen": "gone"}, views.references)
    assert entry_of(pieces / "second.mid", pieces / "first.wav", symbolic)["match"] is None
    for entry in (entry_of(pieces / "first.mid", None, views), entry_of(None, pieces / "first.wav", views)):
        assert entry["match"] is None and entry["warnings"] == []
