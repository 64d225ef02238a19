"""What every test stands on: one thread for tiny models, and some music."""

import pytest
import torch
from music import random_performance

from symbolic.performance import Performance

torch.set_num_threads(1)


@pytest.fixture
def performances() -> list[Performance]:
    return [random_performance(seed, notes) for seed, notes in ((1, 60), (2, 7), (3, 1), (4, 33))]
