"""The shapes of the symbolic models, as frozen, self-checking dataclasses that need no torch to be read or printed."""

from dataclasses import dataclass
from math import prod


def require(condition: bool, message: str) -> None:
    """Raise ValueError(message) unless the condition holds."""
    if not condition:
        raise ValueError(message)


@dataclass(frozen=True)
class GPTConfig:
    """The decoder-only transformer over patches of events (one event a patch in the event model).

    Args:
        layers: transformer blocks.
        width: width of the residual stream.
        heads: attention heads; the head dimension width / heads must be even for rotary positions.
        context_patches: positions a window holds; scoring slides by half of it.
        mlp_ratio: hidden width of a block's MLP over the stream's width.
        dropout: probability of zeroing a residual update in training.
    """

    layers: int = 6
    width: int = 256
    heads: int = 4
    context_patches: int = 512
    mlp_ratio: int = 3
    dropout: float = 0.0

    def __post_init__(self) -> None:
        require(self.layers >= 1, f"layers: {self.layers} is below 1")
        require(self.heads >= 1, f"heads: {self.heads} is below 1")
        require(
            self.width % (2 * self.heads) == 0, f"width: {self.width} is no multiple of 2 x heads = {2 * self.heads}"
        )
        require(
            self.context_patches >= 2 and self.context_patches % 2 == 0,
            f"context_patches: {self.context_patches} must be even and at least 2",
        )
        require(self.mlp_ratio >= 1, f"mlp_ratio: {self.mlp_ratio} is below 1")
        require(0.0 <= self.dropout < 1.0, f"dropout: {self.dropout} is outside [0, 1)")


@dataclass(frozen=True)
class VQVAEConfig:
    """The quantising autoencoder over patches of consecutive notes.

    Args:
        notes_per_patch: events in a patch.
        codes_per_patch: codes the encoder gives a patch.
        levels: finite scalar quantisation levels of one code; their product is the codebook size.
        width: width of encoder and decoder, and of the transformer whose state the decoder joins.
        encoder_layers: residual MLP blocks of the encoder.
    """

    notes_per_patch: int = 1
    codes_per_patch: int = 1
    levels: tuple[int, ...] = (8, 5, 5, 5)
    width: int = 256
    encoder_layers: int = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", tuple(self.levels))  # JSON gives a list
        require(self.notes_per_patch >= 1, f"notes_per_patch: {self.notes_per_patch} is below 1")
        require(self.codes_per_patch >= 1, f"codes_per_patch: {self.codes_per_patch} is below 1")
        require(
            len(self.levels) >= 1 and min(self.levels) >= 2, f"levels: {self.levels} needs one or more numbers >= 2"
        )
        require(self.width >= 1, f"width: {self.width} is below 1")
        require(self.encoder_layers >= 1, f"encoder_layers: {self.encoder_layers} is below 1")

    @property
    def codebook_size(self) -> int:
        """Entries of one code's codebook."""
        return prod(self.levels)


@dataclass(frozen=True)
class SamplingConfig:
    """How a value is drawn: logits over `temperature`, cut to the likeliest values that hold `top_p`."""

    temperature: float = 1.0
    top_p: float = 0.95

    def __post_init__(self) -> None:
        require(0.01 <= self.temperature <= 100, f"temperature {self.temperature}: allowed is 0.01..100")
        require(0 < self.top_p <= 1, f"top-p {self.top_p}: allowed is above 0 and up to 1")
