"""The generation benchmarks run on tiny models and print what they promise."""

import pytest

from benchmarks import generation_speed
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
