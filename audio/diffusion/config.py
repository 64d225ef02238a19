"""Configuration of the diffusion model and of its bound, free of torch so that command lines can show it at once."""

from dataclasses import dataclass

LOUDNESS_LUFS = -14.0
"""Loudness of new sound."""
PEAK_DBFS = -1.0
"""New sound whose peaks would be higher is turned down to this."""
DEFAULT_STEPS = 250
"""Steps in which new sound is drawn."""


@dataclass(frozen=True)
class DiffusionConfig:
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

    n_bands: int = 88
    n_levels: int = 161
    gamma_min: float = -13.0
    gamma_max: float = 5.0
    gamma_centre: float = -8.0
    gamma_scale: float = 2.5
    channels: int = 112
    n_layers: int = 6
    band_context: int = 8
    cell_channels: int = 32
    cell_layers: int = 4

    def __post_init__(self) -> None:
        for name in ("n_bands", "channels", "n_layers", "band_context", "cell_channels", "cell_layers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is below 1")
        if not 2 <= self.n_levels <= 256:
            raise ValueError(f"n_levels: {self.n_levels} is outside 2..256 (levels are stored as uint8)")
        if not -20 <= self.gamma_min < self.gamma_max <= 20:
            raise ValueError(f"gamma_min {self.gamma_min}, gamma_max {self.gamma_max}: need -20 <= min < max <= 20")
        if not self.gamma_min <= self.gamma_centre <= self.gamma_max:
            raise ValueError(f"gamma_centre: {self.gamma_centre} is outside gamma_min..gamma_max")
        if self.gamma_scale < 1:
            raise ValueError(f"gamma_scale: {self.gamma_scale} is below 1 (no time would be drawn near the ends)")


@dataclass(frozen=True)
class EstimateConfig:
    """How the bound of a recording is estimated.

    Args:
        window_frames: frames of a window, each window being a sample of its own; the last one may be shorter.
        times: noise levels drawn for each window in a repeat, spread evenly.
        repeats: independent estimates; their spread gives the standard error.
        batch_size: noise levels evaluated at once; changes speed and memory alone.
        seed: of the times and the noise.
    """

    window_frames: int = 512
    times: int = 8
    repeats: int = 4
    batch_size: int = 1
    seed: int = 1

    def __post_init__(self) -> None:
        for name, lowest in {"window_frames": 1, "times": 1, "repeats": 2, "batch_size": 1, "seed": 0}.items():
            if getattr(self, name) < lowest:
                raise ValueError(f"{name}: {getattr(self, name)} is below {lowest}")


DEFAULT_ESTIMATE = EstimateConfig()
