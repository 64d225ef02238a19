"""What every test stands on: one thread for tiny models, some music, and weights of no worth."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from machine import described, has_fluidsynth
from music import random_performance
from tiny_models import UNTRAINED, save_tiny

from bridge.synthesis import synthesiser
from symbolic.models.phrases.model import PhraseGPT
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
    """A folder of a symbolic model, small and untrained."""
    folder = tmp_path_factory.mktemp("weights")
    save_tiny(folder, PhraseGPT(UNTRAINED))
    return folder
