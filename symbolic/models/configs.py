"""The shapes of the symbolic models, as frozen, self-checking dataclasses that need no torch to be read or printed."""

from dataclasses import dataclass
from math import log2, prod
from pathlib import Path
from typing import Annotated, Literal

from losscal.settings import Count, PositiveShare, Range, Seed, Settings, Share, require

SHIPPED_WEIGHTS = Path(__file__).parents[1] / "weights"


@dataclass(frozen=True)
class GPTConfig(Settings):
    """The decoder-only transformer over events.

    Args:
        layers: transformer blocks.
        width: width of the residual stream.
        heads: attention heads; the head dimension width / heads must be even for rotary positions.
        context_events: positions a window holds; scoring slides by half of it.
        recent_events: how many of the last events vote on the next (`symbolic.models.copying`).
        mlp_ratio: hidden width of a block's MLP over the stream's width.
        dropout: probability of zeroing a residual update in training.
        composers: names of the composers whose style can be asked for, as the corpus spells them.
        eras: the same of eras.
    """

    layers: Annotated[int, Range(1, 1000)] = 6
    width: Annotated[int, Range(2, 100_000)] = 256
    heads: Annotated[int, Range(1, 1000)] = 4
    context_events: Annotated[int, Range(2, 1_000_000)] = 512
    recent_events: Count = 64
    mlp_ratio: Annotated[int, Range(1, 100)] = 3
    dropout: Annotated[float, Range(0, 1, high_open=True)] = 0.0
    composers: tuple[str, ...] = ()
    eras: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.width % (2 * self.heads) == 0, f"width {self.width}: is no multiple of 2 x heads {2 * self.heads}")
        require(self.context_events % 2 == 0, f"context_events {self.context_events}: must be even")
        require(len(set(self.styles)) == len(self.styles), f"composers and eras {self.styles}: a name occurs twice")

    @property
    def styles(self) -> tuple[str, ...]:
        """The names of the style inputs in their order: composers, then eras."""
        return self.composers + self.eras


Levels = Annotated[int, Range(2, 1000)]
"""Of one dimension of a finite scalar quantiser."""


@dataclass(frozen=True)
class VQVAEConfig(Settings):
    """The quantising autoencoder of notes: one codebook for each attribute.

    Args:
        time_levels: finite scalar quantisation levels of the time codebook; their product is its size.
        pitch_levels: the same of pitch.
        velocity_levels: the same of velocity.
        duration_levels: the same of duration.
        width: width of the encoders and decoders.
    """

    time_levels: tuple[Levels, ...] = (8, 8, 7)
    pitch_levels: tuple[Levels, ...] = (11, 8)
    velocity_levels: tuple[Levels, ...] = (8,)
    duration_levels: tuple[Levels, ...] = (8, 8)
    width: Annotated[int, Range(4, 100_000)] = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, levels in self.levels.items():
            require(bool(levels), f"{name}_levels {levels}: needs one or more numbers")
        require(self.width % 2 == 0, f"width {self.width}: must be even")

    @property
    def levels(self) -> dict[str, tuple[int, ...]]:
        """Levels by attribute."""
        return {
            "time": self.time_levels,
            "pitch": self.pitch_levels,
            "velocity": self.velocity_levels,
            "duration": self.duration_levels,
        }

    @property
    def codebook_sizes(self) -> dict[str, int]:
        """Entries of each attribute's codebook."""
        return {name: prod(levels) for name, levels in self.levels.items()}

    @property
    def bits_per_note(self) -> float:
        """What a note's codes can hold: log2 of the product of the codebook sizes."""
        return sum(log2(size) for size in self.codebook_sizes.values())


@dataclass(frozen=True)
class SamplingConfig(Settings):
    """How a value is drawn.

    Args:
        temperature: what logits are divided by: below 1 tamer, above 1 wilder.
        top_k: so many of the likeliest values are left to draw from, by default all.
        top_p: the likeliest values that hold so much probability are left (Holtzman et al. 2020).
        min_p: values at least so likely, relative to the likeliest, are left (Nguyen et al. 2025).
        longest_repeat: notes in a row whose pitches may recur in the piece, by default any number.
    """

    temperature: Annotated[float, Range(0.01, 100)] = 1.0
    top_k: Annotated[int, Range(1, 1000)] | None = None
    top_p: PositiveShare = 1.0
    min_p: Annotated[float, Range(0, 1, high_open=True)] = 0.0
    longest_repeat: Annotated[int, Range(1, 1000)] | None = None

    @property
    def is_cut(self) -> bool:
        """Whether any value is left out for being unlikely."""
        return self.top_k is not None or self.top_p < 1 or self.min_p > 0


@dataclass(frozen=True)
class PolishConfig(Settings):
    """What `symbolic.sampling.resampling` may change, and how long it tries.

    Args:
        attributes: what of a note may change: pitch, velocity, duration.
        keep_share: at least this share of the notes stays as it was.
        visit_share: share of the values, the least likely by what came before, that a sweep looks at.
        doubt_nats: a value is drawn anew where an alternative is likelier by more, what comes after included.
        sweeps: most sweeps.
        until_percentile: the piece is left alone once it is likelier than so many per cent of held-out real music.
        seed: of all draws.
    """

    attributes: tuple[Literal["pitch", "velocity", "duration"], ...] = ("pitch",)
    keep_share: Share = 0.85
    visit_share: PositiveShare = 0.4
    doubt_nats: Annotated[float, Range(0, 100)] = 4.0
    sweeps: Annotated[int, Range(1, 100)] = 2
    until_percentile: Annotated[float, Range(0, 100)] = 100.0
    seed: Seed = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        require(bool(self.attributes), "attributes (): none is given, choose from pitch, velocity, duration")
