"""New sound from the diffusion model: frames drawn out of noise, and a sound that has them."""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from audio.diffusion.config import LOUDNESS_LUFS, PEAK_DBFS, DiffusionConfig
from audio.diffusion.model import DiffusionModel
from audio.diffusion.process import NoisePredictor, level_log_probabilities, signal_and_noise
from audio.signal.waveform import Waveform, cut, in_memory, normalise
from audio.spectral.frames import FrameConfig
from audio.spectral.resynthesis import sound_of_levels


def new_sound(
    model: DiffusionModel, seconds: float, n_steps: int, seed: int, progress: Callable[[range], Iterable[int]] = iter
) -> Waveform:
    """Mono sound of so many seconds at LOUDNESS_LUFS, or as much quieter as keeps its peaks below PEAK_DBFS.

    The same seed and number of steps give the same sound; memory grows with its length. Raises InputError where it
    came out silent.
    """
    n_frames = math.ceil(seconds * FrameConfig().frames_per_second)
    rng = np.random.default_rng(seed)
    levels = sample_levels(model, n_frames, n_steps, rng, model.config, progress)
    whole = sound_of_levels(levels)
    loud = in_memory(normalise(cut(whole, 0, round(seconds * whole.sample_rate)), LOUDNESS_LUFS))
    highest = 10.0 ** (PEAK_DBFS / 20.0) / np.abs(loud.samples).max()
    return replace(loud, samples=loud.samples * np.float32(min(1.0, highest)))


@torch.inference_mode()
def sample_levels(
    predict_noise: NoisePredictor,
    n_frames: int,
    n_steps: int,
    rng: np.random.Generator,
    config: DiffusionConfig,
    progress: Callable[[range], Iterable[int]] = iter,
) -> np.ndarray:
    """Draw levels uint8 [n_frames, n_bands] out of pure noise, in `n_steps` even steps of gamma (VDM, appendix A.4).

    More steps come closer to the model whose likelihood is bounded. Memory grows with `n_frames`.
    """

    def noise() -> Tensor:
        drawn = rng.standard_normal((1, n_frames, config.n_bands), dtype=np.float32)
        return torch.from_numpy(drawn)

    gammas = torch.linspace(config.gamma_max, config.gamma_min, n_steps + 1)
    z = noise()
    for step in progress(range(n_steps)):
        gamma_t, gamma_s = gammas[step], gammas[step + 1]  # s is earlier than t, and less noisy
        (alpha_t, sigma_t), (alpha_s, sigma_s) = signal_and_noise(gamma_t), signal_and_noise(gamma_s)
        share_new = -torch.expm1(gamma_s - gamma_t)
        mean = alpha_s / alpha_t * (z - sigma_t * share_new * predict_noise(z, gamma_t[None]))
        z = mean + sigma_s * torch.sqrt(share_new) * noise()
    cumulative = level_log_probabilities(z[0], config).exp().cumsum(-1).numpy()  # [n_frames, n_bands, n_levels]
    drawn = rng.random((n_frames, config.n_bands, 1)) * cumulative[..., -1:]
    return (cumulative <= drawn).sum(-1).astype(np.uint8)
