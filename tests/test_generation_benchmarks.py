"""The generation benchmarks run on tiny models and print what they promise."""

import pytest
from music import random_performance

from benchmarks import generation_speed
from benchmarks.endings import reads_back
from symbolic.models import build, save_model


@pytest.fixture(scope="module")
def tiny_weights(tmp_path_factory):
    """A folder of both symbolic models, small and untrained."""
    folder = tmp_path_factory.mktemp("weights")
    gpt = {"layers": 1, "width": 16, "heads": 2, "context_events": 16}
    for kind, configs in (("events", {"gpt": gpt}), ("vqvae", {"gpt": gpt, "vqvae": {"width": 8}})):
        state = build(kind, configs).state_dict()
        save_model(folder / f"{kind}.safetensors", state, kind=kind, story={"configs": configs})
    return folder


def test_rates_stand_beside_the_peers_at_each_batch(tiny_weights):
    rows = generation_speed.rate_rows(tiny_weights, notes=5, rounds=1)
    assert [row[:2] for row in rows] == [[name, batch] for name in ("llama", "events", "vqvae") for batch in "18"]
    assert [row[3] for row in rows[:2]] == ["1.0", "1.0"]


def test_a_file_that_changes_the_notes_does_not_read_back(tmp_path):
    music = random_performance(1, 30)
    assert reads_back(music, tmp_path / "a.mid")
    music.notes["duration_ticks"][:] = 601  # held over their restrikes, which the file ends
    music.notes["pitch"][:] = 60
    music.notes["onset_ticks"][:] = range(30)
    assert not reads_back(music, tmp_path / "a.mid")
