"""How likely is a recording at least? The diffusion model's bound on -log p of its quantised frames, with its error.

A recording is cut into windows that are scored each by itself, so the sum over windows bounds -log p under the model
that takes windows for independent. That keeps memory flat; what it costs is the context at the cuts.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from audio.diffusion.config import DEFAULT_ESTIMATE, DiffusionConfig, EstimateConfig
from audio.diffusion.model import DiffusionModel
from audio.diffusion.process import diffusion_nats, prior_nats, reconstruction_nats, spread_times
from audio.diffusion.view import DIFFUSION, KIND
from audio.scorer import Description
from audio.signal.waveform import Sound, cut, without_dc
from audio.spectral.config import SHIPPED_WEIGHTS
from audio.spectral.frames import FrameConfig, active_frames, quantised_frames
from audio.spectral.loading import load_frame_model
from audio.spectral.scoring import sounding_span
from losscal.files import sha256_of

TERMS = ("prior", "diffusion", "reconstruction")
GOLDEN_RATIO = 0.5 * (5**0.5 - 1)

Progress = Callable[[range], Iterable[int]]
"""Wraps the loop over windows or steps, as tqdm does."""


@torch.inference_mode()
def window_nats(
    model: DiffusionModel, levels: np.ndarray, estimate: EstimateConfig, progress: Progress = iter
) -> np.ndarray:
    """Unbiased estimates of the bound's TERMS: levels uint8 [T, n_bands] to float64 [repeats, windows, 3], in nats.

    The one scoring function of training, tests and scorer; in fp32. Repeats are independent. Within one, each window
    has `times` noise levels spread evenly, and the windows' grids interleave (by the golden ratio), so that a
    recording's sum sees the schedule densely. A window's estimates depend on nothing behind it.
    """
    n_windows = -(-len(levels) // estimate.window_frames)
    nats = np.empty((estimate.repeats, n_windows, len(TERMS)), dtype=np.float64)
    device = next(model.parameters()).device
    for window in progress(range(n_windows)):
        start = window * estimate.window_frames
        cells = torch.from_numpy(np.array(levels[None, start : start + estimate.window_frames])).to(device)
        for repeat in range(estimate.repeats):
            nats[repeat, window] = _estimate(model, cells, repeat, window, estimate)
    return nats


def _estimate(
    model: DiffusionModel, levels: torch.Tensor, repeat: int, window: int, estimate: EstimateConfig
) -> tuple[float, float, float]:
    """One estimate of the TERMS of one window, levels [1, T, n_bands]."""
    common = np.random.default_rng((estimate.seed, repeat, 0, 1)).random()  # the same for all windows of the repeat
    times = spread_times(estimate.times, (common + window * GOLDEN_RATIO) % 1.0 / estimate.times)
    rng = np.random.default_rng((estimate.seed, repeat, window, 2))
    noise = rng.standard_normal((1 + estimate.times, *levels.shape[1:]), dtype=np.float32)
    of_times = []
    with torch.autocast(levels.device.type, enabled=False):
        for start in range(0, estimate.times, estimate.batch_size):
            batch = slice(start, start + estimate.batch_size)
            batch_noise = torch.from_numpy(noise[1:][batch]).to(levels.device)
            batch_times = torch.from_numpy(times[batch]).to(levels.device)
            cells = levels.expand(len(batch_noise), -1, -1)
            of_times.append(diffusion_nats(model, cells, batch_times, batch_noise, model.config))
        reconstruction = reconstruction_nats(levels, torch.from_numpy(noise[:1]).to(levels.device), model.config)
    prior = prior_nats(levels, model.config)
    return float(prior), float(torch.cat(of_times).mean()), float(reconstruction)


@dataclass(frozen=True)
class DiffusionScore:
    """The bound on one recording.

    nats: float64 [repeats, windows, 3], independent estimates of the TERMS. window_frames: int [windows]. seconds: of
    the whole file. active_fraction: share of them whose frames are active. lead_seconds: of the silence before the
    first window.
    """

    nats: np.ndarray
    window_frames: np.ndarray
    seconds: float
    active_fraction: float
    lead_seconds: float = 0.0

    @property
    def bound_nats_per_second(self) -> float:
        """All nats by the seconds of the whole file: an unbiased estimate of what -log p is at most."""
        return float(self.nats.sum((1, 2)).mean()) / self.seconds

    @property
    def standard_error_nats_per_second(self) -> float:
        """Of `bound_nats_per_second`, from the spread of the repeats."""
        totals = self.nats.sum((1, 2))
        return float(totals.std(ddof=1)) / len(totals) ** 0.5 / self.seconds

    def curve(self) -> np.ndarray:
        """A row for each window: structured float64 [windows], start_seconds in the file and nats by its seconds."""
        window_seconds = self.window_frames / FrameConfig().frames_per_second
        rows = np.zeros(len(window_seconds), dtype=[("start_seconds", float), ("bound_nats_per_second", float)])
        rows["start_seconds"] = self.lead_seconds + np.cumsum(window_seconds) - window_seconds
        rows["bound_nats_per_second"] = self.nats.sum(2).mean(0) / window_seconds
        return rows

    def report(self) -> dict[str, Any]:
        """The figures by name, JSON values."""
        of_terms, curve = self.nats.sum(1).mean(0) / self.seconds, self.curve()
        return {
            "bound_nats": self.bound_nats_per_second * self.seconds,
            "bound_nats_per_second": self.bound_nats_per_second,
            "standard_error_nats_per_second": self.standard_error_nats_per_second,
            **{f"{term}_nats_per_second": float(value) for term, value in zip(TERMS, of_terms, strict=True)},
            "active_fraction": self.active_fraction,
            "curve": {name: curve[name].tolist() for name in curve.dtype.names},
        }


class DiffusionScorer:
    """Bounds recordings' likelihood with trained weights, offline."""

    name, unit = DIFFUSION.name, DIFFUSION.unit
    sample_rate = FrameConfig().sample_rate
    loudness_lufs = FrameConfig().loudness_lufs

    def __init__(self, model: DiffusionModel, weights_sha256: str, estimate: EstimateConfig = DEFAULT_ESTIMATE) -> None:
        self.model, self.weights_sha256, self.estimate = model, weights_sha256, estimate

    @classmethod
    def load(
        cls, weights_dir: str | Path | None = None, estimate: EstimateConfig = DEFAULT_ESTIMATE
    ) -> "DiffusionScorer":
        """From `weights_dir` or the package; raises WeightsError where the file is missing, broken or does not fit."""
        path = Path(weights_dir or SHIPPED_WEIGHTS) / f"{KIND}.safetensors"
        return cls(load_model(path), sha256_of(path), estimate)

    def describe(self) -> Description:
        """What the figures are of."""
        return Description(self.unit, self.sample_rate, self.loudness_lufs, self.weights_sha256)

    def score(self, sound: Sound) -> dict[str, Any]:
        """The figures of `DiffusionScore.report`; raises InputError where the sound is too quiet to normalise."""
        return self.score_sound(sound).report()

    def score_sound(self, sound: Sound, progress: Progress = iter) -> DiffusionScore:
        """The score of any sound, of the same frames as spectral_lm scores; raises InputError as `score` does."""
        sound = without_dc(sound)
        first, last = sounding_span(sound)
        levels = quantised_frames(cut(sound, first, last))
        return replace(self.score_levels(levels, sound.seconds, progress), lead_seconds=first / sound.sample_rate)

    def score_levels(self, levels: np.ndarray, seconds: float, progress: Progress = iter) -> DiffusionScore:
        """The score of frames uint8 [T, n_bands] as audio.spectral.frames makes them, of a sound of `seconds`."""
        nats = window_nats(self.model, levels, self.estimate, progress)
        ends = np.minimum(np.arange(1, nats.shape[1] + 1) * self.estimate.window_frames, len(levels))
        active_fraction = active_frames(levels).sum() / FrameConfig().frames_per_second / seconds
        return DiffusionScore(nats, np.diff(ends, prepend=0), seconds, float(active_fraction))


def load_model(path: Path) -> DiffusionModel:
    """The model in a weights file; raises WeightsError as `load_frame_model` does."""
    return load_frame_model(path, kind=KIND, config_name=KIND, config=DiffusionConfig, model=DiffusionModel)
