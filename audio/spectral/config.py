"""Configuration of the spectral model, free of torch so that command lines can show it at once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from losscal.settings import Count, Range, Settings, require

KIND, BACKGROUND_KIND = "spectral_lm", "spectral_lm_background"
SHIPPED_WEIGHTS = Path(__file__).parents[1] / "weights"


@dataclass(frozen=True)
class SpectralLMConfig(Settings):
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

    n_bands: Count = 88
    n_levels: Annotated[int, Range(2, 256)] = 161  # levels are stored as uint8
    channels: Count = 192
    n_layers: Annotated[int, Range(1, 24)] = 7
    band_context: Count = 16
    cell_channels: Count = 64
    cell_layers: Annotated[int, Range(0, 1000)] = 1
    past_frames: Count = 3
    past_reach: Annotated[int, Range(0, 1000)] = 6
    lower_reach: Annotated[int, Range(1, 1000)] = 36
    mixtures: Annotated[int, Range(1, 1000)] = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            self.past_frames <= self.context_frames,
            f"past_frames {self.past_frames}: is above the {self.context_frames} that the trunk looks back",
        )

    @property
    def context_frames(self) -> int:
        """Earlier frames that a frame's distribution depends on: the left context that a window needs."""
        return 2**self.n_layers
