"""Drawing values: the asked distribution, cut as asked, from each piece's own random numbers."""

import numpy as np
import pytest
import torch

from symbolic.models.configs import SamplingConfig
from symbolic.sampling.sampler import Sampler

pytestmark = pytest.mark.processor
P = torch.tensor([0.15, 0.5, 0.05, 0.3])
DRAWS = 4000


def draw(config, logits=None, draws=DRAWS, seed=1):
    """Shares of the values over many draws, and nats in all."""
    sampler = Sampler(config, [np.random.default_rng(seed)])
    one = torch.ones(1, dtype=torch.bool)
    values = torch.cat([sampler((P.log() if logits is None else logits)[None].clone(), one) for _ in range(draws)])
    return torch.bincount(values, minlength=4).double() / draws, float(sampler.nats)


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ({"top_p": 1.0}, [0.15, 0.5, 0.05, 0.3]),
        ({"top_p": 0.75}, [0, 0.5, 0, 0.3]),
        ({"top_p": 0.1}, [0, 0.5, 0, 0]),
        ({"top_p": 1.0, "top_k": 3}, [0.15, 0.5, 0, 0.3]),
        ({"top_p": 1.0, "top_k": 50}, [0.15, 0.5, 0.05, 0.3]),
        ({"top_p": 1.0, "min_p": 0.25}, [0.15, 0.5, 0, 0.3]),
        ({"top_p": 0.9, "top_k": 1, "min_p": 0.01}, [0, 0.5, 0, 0]),
        ({"top_p": 1.0, "temperature": 0.5}, [0.15**2, 0.5**2, 0.05**2, 0.3**2]),
    ],
)
def test_what_is_left_keeps_its_proportions_and_its_price(options, left):
    wanted = torch.tensor(left, dtype=torch.float64)
    wanted = wanted / wanted.sum()
    shares, nats = draw(SamplingConfig(**options))
    assert torch.allclose(shares, wanted, atol=0.03)
    assert (shares[wanted == 0] == 0).all()
    entropy = float(torch.special.entr(wanted).sum())
    assert nats / DRAWS == pytest.approx(entropy, abs=0.05)


def test_a_forbidden_value_is_never_drawn():
    logits = P.log()
    logits[1] = -torch.inf
    for config in (SamplingConfig(), SamplingConfig(top_p=1.0), SamplingConfig(top_k=4, top_p=1.0)):
        assert draw(config, logits)[0][1] == 0


def test_rows_that_do_not_count_cost_nothing():
    sampler = Sampler(SamplingConfig(), [np.random.default_rng(1), np.random.default_rng(2)])
    sampler(P.log().expand(2, -1), torch.tensor([True, False]))
    assert sampler.nats[0] > 0
    assert sampler.nats[1] == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", 0.0),
        ("temperature", float("inf")),
        ("top_k", 0),
        ("top_p", 0.0),
        ("top_p", 1.1),
        ("min_p", 1.0),
        ("longest_repeat", 0),
    ],
)
def test_bad_values_name_themselves(field, value):
    with pytest.raises(ValueError, match=f"{field} {value}: allowed"):
        SamplingConfig(**{field: value})
