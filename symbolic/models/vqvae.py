"""The VQ-VAE: each attribute of a note becomes a code from a learned codebook, and a decoder gives the note back.

The encoder reads one note and nothing else, so a code never depends on other music and always means the same. There is
a codebook for each attribute: codes that mix attributes are hard to predict, codes of time, pitch,
velocity and duration are a coarser language of music that a transformer can learn. As an attribute has few values,
encoder and decoder are evaluated as small tables over all of them. Values start out evenly spread over the grid of
codes, from where the encoder moves them.
"""

from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from symbolic.models.configs import VQVAEConfig
from symbolic.models.event_gpt import scored_cells
from symbolic.models.fsq import FSQ
from symbolic.models.head import nats_of
from symbolic.models.transformer import MLP
from symbolic.tokens.events import ATTRIBUTES, VOCABULARY

SHARPNESS = 10.0
"""Nats that a value loses for each squared step between its own code and the one decoded: one step all but rules it
out, yet a gradient still tells the encoder which values would be better off elsewhere."""


class ValueEncoder(nn.Module):
    """Moves each of `vocabulary` values from where it starts on the grid of codes to where it is best told apart."""

    def __init__(self, vocabulary: int, coordinates: int, width: int) -> None:
        super().__init__()
        self.values = nn.Parameter(wave_features(vocabulary, width))
        self.mlp = MLP(width, 4 * width)
        self.norm = nn.RMSNorm(width, elementwise_affine=False)
        self.to_code = nn.Linear(width, coordinates)
        nn.init.zeros_(self.to_code.weight)
        nn.init.zeros_(self.to_code.bias)

    def forward(self) -> Tensor:
        """The move of every value, [V, coordinates]."""
        return self.to_code(self.norm(self.values + self.mlp(self.norm(self.values))))


class AttributeVQ(nn.Module):
    """Encoder, finite scalar quantiser and decoder of one attribute of `vocabulary` values.

    With at least as many codes as values nothing is learned by the encoder: each value keeps the code of its own that
    it starts with, and nothing is lost.
    """

    def __init__(self, vocabulary: int, levels: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.quantiser = FSQ(levels)
        digits = even_codes(vocabulary, levels)
        self.register_buffer("start", torch.logit((digits + 0.5) / torch.tensor(levels)), persistent=False)
        is_lossy = self.quantiser.size < vocabulary
        self.encoder = ValueEncoder(vocabulary, len(levels), width) if is_lossy else None
        self.from_code = nn.Linear(len(levels), width)
        self.decoder = MLP(width, 4 * width)
        self.norm = nn.RMSNorm(width, elementwise_affine=False)
        self.output = nn.Linear(width, vocabulary)
        nn.init.zeros_(self.output.weight)  # at the start a code's values are equally likely
        nn.init.zeros_(self.output.bias)
        self._tables: dict[str, Any] = {}

    def codebook(self) -> tuple[Tensor, Tensor]:
        """(grid points [V, len(levels)] in [-1, 1], codes int64 [V]) of every value."""
        return self._table("codebook", self._encode_all)

    def decode(self, points: Tensor) -> Tensor:
        """Grid points [..., len(levels)] to logits [..., V] of the values behind them.

        The nearer a value's own point the likelier the value; which of a code's own values it is, is learned.
        """
        x = self.from_code(points)
        steps = self.quantiser.steps(points[..., None, :] - self.codebook()[0])  # [..., V, len(levels)]
        return self.output(self.norm(x + self.decoder(self.norm(x)))) - SHARPNESS * steps.square().sum(-1)

    def decode_all(self) -> Tensor:
        """Logits float32 [K, V] of the values behind each of the K codes."""
        return self._table("decoder", self._decode_all)

    def _encode_all(self) -> tuple[Tensor, Tensor]:
        return self.quantiser(self.start if self.encoder is None else self.start + self.encoder())

    def _decode_all(self) -> Tensor:
        codes = torch.arange(self.quantiser.size, device=self.start.device)
        return self.decode(self.quantiser.values_of(codes))

    def _table(self, name: str, compute: Callable[[], Any]) -> Any:
        """What `compute` gives; remembered as long as no gradient is wanted and the weights stay what they are.

        Always in full precision: a code must not hang on the precision of a run.
        """
        with torch.autocast(self.start.device.type, enabled=False):
            if torch.is_grad_enabled():
                return compute()
            weights = [(p.data_ptr(), p._version) for p in self.parameters()]
            if self._tables.get("weights") != weights:
                self._tables = {"weights": weights}
            if name not in self._tables:
                self._tables[name] = compute()
            return self._tables[name]


class VQVAE(nn.Module):
    """The autoencoder of notes, one attribute beside the other; trained before there is any transformer."""

    name = "vqvae_autoencoder"
    terms = ("value",)
    context_events = 512  # notes are independent here: this only bounds memory

    def __init__(self, config: VQVAEConfig) -> None:
        super().__init__()
        self.config = config
        self.attributes = nn.ModuleDict(
            {name: AttributeVQ(VOCABULARY[name], config.levels[name], config.width) for name in ATTRIBUTES}
        )

    def encode(self, events: Tensor) -> Tensor:
        """Events int64 [..., 4] to codes int64 [..., 4], attribute by attribute."""
        return self._look_up(events, lambda part: part.codebook()[1], torch.stack)

    def points(self, events: Tensor) -> Tensor:
        """Events int64 [..., 4] to the grid points of their codes, [..., all levels]."""
        return self._look_up(events, lambda part: part.codebook()[0], torch.cat)

    def event_nats(self, events: Tensor, valid: Tensor, mid_piece: Tensor, style: Tensor | None = None) -> Tensor:
        """-log p(notes | own codes), [B, S, 4, 1]: the loss before any transformer exists.

        Takes `mid_piece` and `style` like every symbolic model and has no use for them: a code knows its note alone.
        """
        del mid_piece, style
        nats = []
        for index, part in enumerate(self.attributes.values()):
            logits = part.decode(part.codebook()[0])  # [V, V] by value encoded and value decoded
            nats.append(nats_of(logits[events[..., index]], events[..., index]))
        return (torch.stack(nats, dim=-1) * scored_cells(events, valid))[..., None]

    def _look_up(
        self, events: Tensor, table_of: Callable[[AttributeVQ], Tensor], join: Callable[..., Tensor]
    ) -> Tensor:
        columns = [table_of(part)[events[..., index]] for index, part in enumerate(self.attributes.values())]
        return join(columns, dim=-1)


def wave_features(vocabulary: int, width: int) -> Tensor:
    """Sines and cosines of values 0..V-1 on octave-spaced periods, [V, width]: neighbours start out alike."""
    periods = 2.0 * vocabulary * 2.0 ** (-torch.arange(width // 2) * 10 / (width // 2))
    angle = 2 * torch.pi * torch.arange(vocabulary)[:, None] / periods
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


def even_codes(vocabulary: int, levels: tuple[int, ...]) -> Tensor:
    """Digits int64 [V, len(levels)] that spread the values evenly over a grid, one a code where there are codes enough.

    The grid is walked to and fro (a reflected mixed-radix Gray code), so that neighbouring values have neighbouring
    codes: they differ by one in one digit or in none.
    """
    size = prod(levels)
    rest = torch.arange(vocabulary) * min(size, vocabulary) // vocabulary
    digits = []
    for index in range(len(levels)):
        stride = prod(levels[index + 1 :])
        digit, rest = rest // stride, rest % stride
        digits.append(digit)
        rest = torch.where(digit % 2 == 1, stride - 1 - rest, rest)
    return torch.stack(digits, dim=-1)
