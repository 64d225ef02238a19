"""Configuration of the diffusion model and of its bound, free of torch so that command lines can show it at once."""

from dataclasses import dataclass
from typing import Annotated

from losscal.settings import Count, Range, Seed, Settings, require

LOUDNESS_LUFS = -14.0
"""Loudness of new sound."""
PEAK_DBFS = -1.0
"""New sound whose peaks would be higher is turned down to this."""
DEFAULT_STEPS = 250
"""Steps in which new sound is drawn."""


Gamma = Annotated[float, Range(-20, 20)]
"""A log of noise over signal power."""


@dataclass(frozen=True)
class DiffusionConfig(Settings):
    """The noise schedule and the sizes of the network (audio.diffusion.model).

    Args:
        n_bands: cells of a frame, low to high.
        n_levels: values of a cell, 0..n_levels-1.
        gamma_min: log of noise over signal power at time 0, where a level is still read off without error.
        gamma_max: the same at time 1, where next to nothing of the signal is left.
        gamma_centre: about where half of the diffusion loss lies below; times are densest there.
        gamma_scale: how far they spread around it; a little wider than the loss, because the highest noise levels
            cost few nats but decide what a sample is about.
        channels: width of the trunk over time.
        n_layers: gated layers of the trunk; layer i looks 2^i frames back and ahead.
        band_context: numbers the trunk hands to each band.
        cell_channels: width of the network over cells.
        cell_layers: convolutions of that network, 3 frames by 3 bands.
    """

    n_bands: Count = 88
    n_levels: Annotated[int, Range(2, 256)] = 161  # levels are stored as uint8
    gamma_min: Gamma = -13.0
    gamma_max: Gamma = 5.0
    gamma_centre: Gamma = -8.0
    gamma_scale: Annotated[float, Range(1, 1000)] = 2.5  # below 1 no time would be drawn near the ends
    channels: Count = 112
    n_layers: Annotated[int, Range(1, 24)] = 6
    band_context: Count = 8
    cell_channels: Count = 32
    cell_layers: Annotated[int, Range(1, 1000)] = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.gamma_min < self.gamma_max, f"gamma_min {self.gamma_min}: is not below gamma_max {self.gamma_max}")
        require(
            self.gamma_min <= self.gamma_centre <= self.gamma_max,
            f"gamma_centre {self.gamma_centre}: is outside gamma_min {self.gamma_min} to gamma_max {self.gamma_max}",
        )


@dataclass(frozen=True)
class EstimateConfig(Settings):
    """How the bound of a recording is estimated.

    Args:
        window_frames: frames of a window, each window being a sample of its own; the last one may be shorter.
        times: noise levels drawn for each window in a repeat, spread evenly.
        repeats: independent estimates; their spread gives the standard error.
        batch_size: noise levels evaluated at once; changes speed and memory alone.
        seed: of the times and the noise.
    """

    window_frames: Count = 512
    times: Annotated[int, Range(1, 10_000)] = 8
    repeats: Annotated[int, Range(2, 10_000)] = 4
    batch_size: Count = 1
    seed: Seed = 1


DEFAULT_ESTIMATE = EstimateConfig()
