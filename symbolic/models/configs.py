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
        recent_events: how many of the last events vote on the next (`symbolic.models.copying`).
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
    """How a value is drawn.

    Args:
        temperature: what logits are divided by: below 1 tamer, above 1 wilder.
        top_k: of the values, so many of the likeliest are left; None: all.
        top_p: the likeliest values that hold so much probability are left (Holtzman et al. 2020).
        min_p: values at least so likely, relative to the likeliest, are left (Nguyen et al. 2025).
        longest_repeat: notes in a row whose pitches may recur in the piece; None: any number.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    min_p: float = 0.0
    longest_repeat: int | None = None

    def __post_init__(self) -> None:
        require(0.01 <= self.temperature <= 100, f"temperature {self.temperature}: allowed is 0.01..100")
        require(self.top_k is None or self.top_k >= 1, f"top-k {self.top_k}: allowed is 1 or more")
        require(0 < self.top_p <= 1, f"top-p {self.top_p}: allowed is above 0 and up to 1")
        require(0 <= self.min_p < 1, f"min-p {self.min_p}: allowed is 0 or more and below 1")
        require(
            self.longest_repeat is None or self.longest_repeat >= 1,
            f"longest-repeat {self.longest_repeat}: allowed is 1 or more",
        )

    @property
    def is_cut(self) -> bool:
        """Whether any value is left out for being unlikely."""
        return self.top_k is not None or self.top_p < 1 or self.min_p > 0


POLISHED_ATTRIBUTES = ("pitch", "velocity", "duration")
"""What of a note can be drawn anew; its onset stays."""


@dataclass(frozen=True)
class PolishConfig:
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

    attributes: tuple[str, ...] = ("pitch",)
    keep_share: float = 0.85
    visit_share: float = 0.4
    doubt_nats: float = 4.0
    sweeps: int = 2
    until_percentile: float = 90.0
    seed: int = 1

    def __post_init__(self) -> None:
        unknown = sorted(set(self.attributes) - set(POLISHED_ATTRIBUTES))
        require(not unknown, f"attributes {','.join(unknown)}: unknown, choose from {','.join(POLISHED_ATTRIBUTES)}")
        require(bool(self.attributes), f"attributes: none is given, choose from {','.join(POLISHED_ATTRIBUTES)}")
        require(0 <= self.keep_share <= 1, f"keep-share {self.keep_share}: allowed is 0..1")
        require(0 < self.visit_share <= 1, f"visit-share {self.visit_share}: allowed is above 0 and up to 1")
        require(0 <= self.doubt_nats <= 100, f"doubt-nats {self.doubt_nats}: allowed is 0..100")
        require(1 <= self.sweeps <= 100, f"sweeps {self.sweeps}: allowed is 1..100")
        require(0 <= self.until_percentile <= 100, f"until-percentile {self.until_percentile}: allowed is 0..100")
        require(0 <= self.seed < 2**63, f"seed {self.seed}: allowed is 0..2^63-1")
