"""Configuration of the spectral model, free of torch so that command lines can show it at once."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SpectralLMConfig:
    """Sizes of the autoregressive model over frames of quantised bands (audio.spectral.model).

    Args:
        n_bands: cells of a frame, low to high.
        n_levels: values of a cell, 0..n_levels-1.
        channels: width of the trunk over time.
        n_layers: gated layers of the trunk; layer i looks back 2^i frames.
        band_context: numbers the trunk hands to each band.
        cell_channels: width of the network over the bands of one frame.
        cell_layers: gated layers of that network; each looks at its band and the two below.
        past_frames: earlier frames that a cell sees directly.
        past_reach: bands above and below its own that a cell sees of those frames.
        lower_reach: lower bands of its own frame that a cell sees directly.
        mixtures: logistic components of a cell's distribution.
    """

    n_bands: int = 88
    n_levels: int = 161
    channels: int = 192
    n_layers: int = 7
    band_context: int = 16
    cell_channels: int = 64
    cell_layers: int = 1
    past_frames: int = 3
    past_reach: int = 6
    lower_reach: int = 36
    mixtures: int = 3

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            lowest = 0 if name in ("cell_layers", "past_reach") else 1
            if value < lowest:
                raise ValueError(f"{name}: {value} is below {lowest}")
        if not 2 <= self.n_levels <= 256:
            raise ValueError(f"n_levels: {self.n_levels} is outside 2..256 (levels are stored as uint8)")
        if self.past_frames > self.context_frames:
            raise ValueError(f"past_frames: {self.past_frames} is above the {self.context_frames} the trunk looks back")

    @property
    def context_frames(self) -> int:
        """Earlier frames that a frame's distribution depends on: the left context that a window needs."""
        return 2**self.n_layers
