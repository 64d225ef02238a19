"""Drawing values: temperature, cuts, and for each piece random numbers of its own.

A value is drawn by inverting the cumulative distribution at a random number of the piece's own generator, so that a
seed's piece is the same alone and beside others.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from symbolic.models.configs import SamplingConfig

_DRAWS_AHEAD = 1024


class Sampler:
    """Draws one value per piece as `config` says, and adds up what the draws cost.

    Args:
        config: temperature and cuts.
        generators: one for each of B pieces.

    `nats` float64 [B] holds -log of the probabilities the values had when they were drawn: under the constraints, at
    the temperature and after the cuts, renormalised.
    """

    def __init__(self, config: SamplingConfig, generators: Sequence[np.random.Generator]) -> None:
        self.config, self.generators = config, generators
        self.used = _DRAWS_AHEAD
        self._nats = torch.zeros(len(generators), dtype=torch.float64)
        self._drawn: list[tuple[Tensor, Tensor]] = []  # not yet in the sum: 1 / p [B, 1] and whether it counts [B]

    @property
    def nats(self) -> Tensor:
        """What the draws so far cost, float64 [B]; summed when asked for, many draws at once."""
        if self._drawn:
            inverse_p, counts = zip(*self._drawn, strict=True)
            self._nats = self._nats + (torch.cat(inverse_p, dim=-1).log() * torch.stack(counts, dim=-1)).sum(-1)
            self._drawn = []
        return self._nats

    def __call__(self, logits: Tensor, counts: Tensor) -> Tensor:
        """One value per row of logits [B, V], int64 [B]; `counts` bool [B]: the rows whose draw costs anything."""
        config = self.config
        if config.temperature != 1.0:
            logits = logits / config.temperature
        order = None
        if config.is_cut:
            logits, order = logits.sort(dim=-1, descending=True, stable=True)
        p = logits.softmax(-1)
        cumulative = p.cumsum(-1, dtype=torch.float64)
        mass = cumulative[:, -1:]
        if config.is_cut:
            mass = cumulative.gather(-1, self._kept(p, cumulative) - 1)
        drawn = torch.searchsorted(cumulative, mass * self._uniform())  # [B, 1]
        self._drawn.append((mass / p.gather(-1, drawn), counts))
        return (drawn if order is None else order.gather(-1, drawn))[:, 0]

    def keep(self, rows: np.ndarray) -> None:
        """Let the other pieces go; rows int64 [b]."""
        self._nats = self.nats[rows]
        self.generators = [self.generators[row] for row in rows]
        if self.used < _DRAWS_AHEAD:
            self.ahead = self.ahead[rows]

    def _kept(self, p: Tensor, cumulative: Tensor) -> Tensor:
        """How many of the likeliest values, with p falling, outlive every cut: int64 [B, 1], at least 1."""
        config = self.config
        kept = torch.searchsorted(cumulative, cumulative.new_full((len(p), 1), config.top_p)) + 1
        if config.min_p > 0:
            kept = kept.minimum((p >= config.min_p * p[:, :1]).sum(-1, keepdim=True))
        most = p.shape[-1] if config.top_k is None else min(config.top_k, p.shape[-1])
        return kept.clamp_(max=most)

    def _uniform(self) -> Tensor:
        """A number in (0, 1] for each piece, float64 [B, 1]; zero would hit values of no probability."""
        if self.used == _DRAWS_AHEAD:
            drawn = np.stack([generator.random(_DRAWS_AHEAD) for generator in self.generators])
            self.ahead, self.used = torch.from_numpy(1.0 - drawn), 0
        self.used += 1
        return self.ahead[:, self.used - 1 : self.used]
