"""Configuration of the spectral model, free of torch so that command lines can show it at once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from losscal.settings import Count, Range, Settings, require

KIND, BACKGROUND_KIND, HEARING_KIND = "spectral_lm", "spectral_lm_background", "spectral_hearing"
SHIPPED_WEIGHTS = Path(__file__).parents[1] / "weights"
Steps = Annotated[float, Range(0, 1e6, low_open=True)]


@dataclass(frozen=True)
class HearingConfig(Settings):
    """Sizes of the network that hears struck keys (audio.spectral.hearing).

    Args:
        n_bands: bands of a frame.
        channels: width of its layers.
    """

    n_bands: Count = 88
    channels: Annotated[int, Range(1, 1024)] = 32


@dataclass(frozen=True)
class SpectralLMConfig(Settings):
    """Sizes of the autoregressive model over the keys that are heard struck (audio.spectral.model).

    Args:
        n_bands: cells of a step, low to high, a semitone apart.
        hearing_channels: width of the network that hears them.
        channels: width of the trunk over time.
        n_layers: gated layers of the trunk; layer i looks back 2^i steps.
        band_context: numbers the trunk hands to each band.
        cell_channels: width of the network over the bands of one step.
        cell_layers: gated layers of that network; each looks at its band and the two below.
        past_steps: earlier steps that a cell sees directly.
        past_reach: bands above and below its own that a cell sees of those steps.
        lower_reach: lower bands of its own step that a cell sees directly.
        trace_steps: a cell sees how much was struck lately around it, fading in so many steps, once for each.
        trace_reach: bands above and below its own that it sees of these.
    """

    n_bands: Count = 88
    hearing_channels: Annotated[int, Range(1, 1024)] = 32
    channels: Count = 160
    n_layers: Annotated[int, Range(1, 24)] = 8
    band_context: Count = 16
    cell_channels: Count = 64
    cell_layers: Annotated[int, Range(0, 1000)] = 1
    past_steps: Count = 3
    past_reach: Annotated[int, Range(0, 1000)] = 6
    lower_reach: Annotated[int, Range(1, 1000)] = 36
    trace_steps: tuple[Steps, ...] = (3.0, 12.0, 48.0, 192.0)
    trace_reach: Annotated[int, Range(0, 1000)] = 12

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            self.past_steps <= self.context_steps,
            f"past_steps {self.past_steps}: is above the {self.context_steps} that the trunk looks back",
        )

    @property
    def context_steps(self) -> int:
        """Earlier steps that a step's distribution depends on: the left context that a window needs."""
        return 2**self.n_layers
