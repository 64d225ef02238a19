"""What every test stands on: one thread for tiny models, some music, and weights of no worth."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from machine import described, has_fluidsynth
from music import random_performance

from bridge.synthesis import synthesiser
from symbolic.models.registry import CONFIGS, build, save_model
from symbolic.notes.performance import Performance

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


def pytest_report_header() -> str:
    return f"machine: {described()}"


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("fluidsynth") and not has_fluidsynth():
        pytest.skip("needs libfluidsynth")


@pytest.fixture(autouse=True)
def rendering_is_asked_for(request, monkeypatch) -> Iterator[None]:
    """Tests without the mark `fluidsynth` run as where libfluidsynth is missing, so that all of those are marked."""
    if request.node.get_closest_marker("fluidsynth"):
        yield
        return
    synthesiser._load_fluidsynth.cache_clear()
    monkeypatch.setitem(sys.modules, "fluidsynth", None)
    yield
    synthesiser._load_fluidsynth.cache_clear()


@pytest.fixture
def performances() -> list[Performance]:
    return [random_performance(seed, notes) for seed, notes in ((1, 60), (2, 7), (3, 1), (4, 33))]


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory) -> Path:
    """A folder of both symbolic models, small and untrained."""
    folder = tmp_path_factory.mktemp("weights")
    gpt = {"layers": 1, "width": 16, "heads": 2, "context_events": 16}
    vqvae = {"time_levels": (3, 4), "pitch_levels": (5,), "velocity_levels": (2,), "duration_levels": (4,), "width": 8}
    for kind, configs in (("events", {"gpt": gpt}), ("vqvae", {"gpt": gpt, "vqvae": vqvae})):
        state = build(kind, {name: CONFIGS[kind][name](**config) for name, config in configs.items()}).state_dict()
        save_model(folder / f"{kind}.safetensors", state, kind=kind, story={"configs": configs})
    return folder
