"""The VQ-VAE: each attribute of a note becomes a code from a learned codebook, and a decoder gives the note back.

The encoder reads one note and nothing else, so a code never depends on other music and always means the same. There is
a codebook for each attribute: codes that mix attributes turn out as unpredictable as a hash, codes of time, pitch,
velocity and duration are a coarser language of music that a transformer can learn. As an attribute has few values,
encoder and decoder are evaluated as small tables over all of them.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from symbolic.chain import nats_of
from symbolic.configs import VQVAEConfig
from symbolic.events import ATTRIBUTES, VOCABULARY
from symbolic.fsq import FSQ
from symbolic.gpt import scored_cells
from symbolic.transformer import MLP, rms_norm


class AttributeVQ(nn.Module):
    """Encoder, finite scalar quantiser and decoder of one attribute of `vocabulary` values."""

    def __init__(self, vocabulary: int, levels: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.quantiser = FSQ(levels)
        self.values = nn.Parameter(wave_features(vocabulary, width))
        self.encoder = MLP(width, 4 * width)
        self.to_code = nn.Linear(width, len(levels))
        self.from_code = nn.Linear(len(levels), width)
        self.decoder = MLP(width, 4 * width)
        self.output = nn.Linear(width, vocabulary)

    def codebook(self) -> tuple[Tensor, Tensor]:
        """(grid points [V, len(levels)] in [-1, 1], codes int64 [V]) of every value."""
        with torch.autocast(self.values.device.type, enabled=False):  # a code must not hang on the precision of a run
            x = self.values
            return self.quantiser(self.to_code(rms_norm(x + self.encoder(rms_norm(x)))))

    def decode(self, points: Tensor) -> Tensor:
        """Grid points [..., len(levels)] to logits [..., V] of the values behind them."""
        x = self.from_code(points)
        return self.output(rms_norm(x + self.decoder(rms_norm(x))))

    def decode_all(self) -> Tensor:
        """Logits [K, V] of the values behind each of the K codes."""
        codes = torch.arange(self.quantiser.size, device=self.values.device)
        return self.decode(self.quantiser.values_of(codes))


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
