"""The shape of the phrase model, torch-free."""

from dataclasses import dataclass
from math import log2
from typing import Annotated

from losscal.settings import Count, Range, Settings, require

LENGTHS = 512
"""Codes of a phrase's length: nine bits."""


@dataclass(frozen=True)
class PhraseConfig(Settings):
    """The event trunk, and the VQ-VAE of phrases.

    Args:
        layers: blocks of the trunk.
        width: width of the trunk and the decoder.
        heads: attention heads of both.
        mlp_ratio: hidden width of a trunk or decoder MLP over the width.
        window_events: positions an event sees, its own among them.
        recent_events: how many of the last events can be copied from.
        recall_events: how far back what followed can be recalled.
        dropout: probability of zeroing a residual update of the trunk in training.
        phrase_events: events a phrase holds.
        note_bits: what the notes that a phrase's code tells may cost together.
        rates: codes of so many rates, from no note told to all bits spent.
        codec_width: width of the network that writes the codebooks.
        codec_layers: its blocks.
        code_layers: blocks of what predicts the codes.
        heard_states: states of the trunk that it attends to, those before the last events.
        composers: names of the composers whose style can be asked for, as the corpus spells them.
        eras: the same of eras.
    """

    layers: Annotated[int, Range(1, 1000)] = 8
    width: Annotated[int, Range(2, 100_000)] = 256
    heads: Annotated[int, Range(1, 1000)] = 4
    mlp_ratio: Annotated[int, Range(1, 100)] = 3
    window_events: Annotated[int, Range(2, 1_000_000)] = 512
    recent_events: Count = 64
    recall_events: Count = 8192
    dropout: Annotated[float, Range(0, 1, high_open=True)] = 0.0
    phrase_events: Annotated[int, Range(1, 1000)] = 8
    note_bits: Annotated[float, Range(0, 10_000)] = 27.75
    rates: Annotated[int, Range(2, 100)] = 5
    codec_width: Annotated[int, Range(2, 100_000)] = 192
    codec_layers: Annotated[int, Range(1, 1000)] = 3
    code_layers: Annotated[int, Range(1, 1000)] = 2
    heard_states: Annotated[int, Range(1, 1000)] = 32
    composers: tuple[str, ...] = ()
    eras: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("width", "codec_width"):
            value = getattr(self, name)
            require(value % (2 * self.heads) == 0, f"{name} {value}: is no multiple of 2 x heads {2 * self.heads}")
        require(len(set(self.styles)) == len(self.styles), f"composers and eras {self.styles}: a name occurs twice")

    @property
    def styles(self) -> tuple[str, ...]:
        """The names of the style inputs in their order: composers, then eras."""
        return self.composers + self.eras

    def note_bits_at(self, rate: int) -> float:
        """What the notes told by a code of this rate, 1 to `rates`, may cost together."""
        return self.note_bits * (rate - 1) / (self.rates - 1)

    def bits_per_phrase(self, rate: int) -> float:
        """What a phrase's code of this rate can hold: length, how many notes are told, and they; 0: no code."""
        return log2(LENGTHS) + log2(self.phrase_events + 1) + self.note_bits_at(rate) if rate else 0.0
