"""The shapes of the symbolic models, as frozen, self-checking dataclasses that need no torch to be read or printed."""

from dataclasses import dataclass
from math import log2, prod


def require(condition: bool, message: str) -> None:
    """Raise ValueError(message) unless the condition holds."""
    if not condition:
        raise ValueError(message)


@dataclass(frozen=True)
class GPTConfig:
    """The decoder-only transformer over events.

    Args:
        layers: transformer blocks.
        width: width of the residual stream.
        heads: attention heads; the head dimension width / heads must be even for rotary positions.
        context_events: positions a window holds; scoring slides by half of it.
        recent_events: how many of the last events vote on the next (`symbolic.pointer`).
        mlp_ratio: hidden width of a block's MLP over the stream's width.
        dropout: probability of zeroing a residual update in training.
        composers: names of the composers whose style can be asked for, as the corpus spells them.
        eras: the same of eras.
    """

    layers: int = 6
    width: int = 256
    heads: int = 4
    context_events: int = 512
    recent_events: int = 64
    mlp_ratio: int = 3
    dropout: float = 0.0
    composers: tuple[str, ...] = ()
    eras: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "composers", tuple(self.composers))  # JSON gives lists
        object.__setattr__(self, "eras", tuple(self.eras))
        require(self.layers >= 1, f"layers: {self.layers} is below 1")
        require(self.heads >= 1, f"heads: {self.heads} is below 1")
        require(
            self.width % (2 * self.heads) == 0, f"width: {self.width} is no multiple of 2 x heads = {2 * self.heads}"
        )
        require(
            self.context_events >= 2 and self.context_events % 2 == 0,
            f"context_events: {self.context_events} must be even and at least 2",
        )
        require(self.recent_events >= 1, f"recent_events: {self.recent_events} is below 1")
        require(self.mlp_ratio >= 1, f"mlp_ratio: {self.mlp_ratio} is below 1")
        require(0.0 <= self.dropout < 1.0, f"dropout: {self.dropout} is outside [0, 1)")
        require(len(set(self.styles)) == len(self.styles), f"composers, eras: a name occurs twice in {self.styles}")

    @property
    def styles(self) -> tuple[str, ...]:
        """The names of the style inputs in their order: composers, then eras."""
        return self.composers + self.eras


@dataclass(frozen=True)
class VQVAEConfig:
    """The quantising autoencoder of notes: one codebook for each attribute.

    Args:
        time_levels: finite scalar quantisation levels of the time codebook; their product is its size.
        pitch_levels: the same of pitch.
        velocity_levels: the same of velocity.
        duration_levels: the same of duration.
        width: width of the encoders and decoders.
    """

    time_levels: tuple[int, ...] = (8, 8, 7)
    pitch_levels: tuple[int, ...] = (11, 8)
    velocity_levels: tuple[int, ...] = (8,)
    duration_levels: tuple[int, ...] = (8, 8)
    width: int = 64

    def __post_init__(self) -> None:
        for name, levels in self.levels.items():
            object.__setattr__(self, f"{name}_levels", levels)  # JSON gives lists
            require(len(levels) >= 1 and min(levels) >= 2, f"{name}_levels: {levels} needs one or more numbers >= 2")
        require(self.width >= 4 and self.width % 2 == 0, f"width: {self.width} must be even and at least 4")

    @property
    def levels(self) -> dict[str, tuple[int, ...]]:
        """Levels by attribute."""
        return {
            "time": tuple(self.time_levels),
            "pitch": tuple(self.pitch_levels),
            "velocity": tuple(self.velocity_levels),
            "duration": tuple(self.duration_levels),
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
class SamplingConfig:
    """How a value is drawn: logits over `temperature`, cut to the likeliest values that hold `top_p`."""

    temperature: float = 1.0
    top_p: float = 0.95

    def __post_init__(self) -> None:
        require(0.01 <= self.temperature <= 100, f"temperature {self.temperature}: allowed is 0.01..100")
        require(0 < self.top_p <= 1, f"top-p {self.top_p}: allowed is above 0 and up to 1")
