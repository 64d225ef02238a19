"""MusicGen's sequence: steps that hold a code of each codebook, and the windows in which a long one is walked through.

Step s holds code s - delay(k) of codebook k (Copet et al. 2023, section 2.3, "delay"), so a code is predicted from all
earlier frames, from the lower codebooks of its own and from the first codebooks of the next frames. K codebooks of T
frames are T + longest delay steps; where no code is, there is the fill symbol. Each step is new to exactly one window,
so scoring and drawing walk alike and every code counts once.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from audio.musicgen.checkpoint import MusicGen
from audio.musicgen.config import WindowConfig


@dataclass(frozen=True)
class Window:
    """Steps start..last-1 of the sequence, of which first..last-1 are new."""

    start: int
    first: int
    last: int

    @property
    def new(self) -> slice:
        """Where the new steps lie in the window."""
        return slice(self.first - self.start, self.last - self.start)


def windows(musicgen: MusicGen, n_steps: int, config: WindowConfig, first: int = 0) -> list[Window]:
    """The windows over steps first..n_steps-1; before a window's new steps stand context_seconds of every codebook.

    Raises ValueError where the context leaves a window nothing to add.
    """
    window_steps = round(config.window_seconds * musicgen.frame_rate)
    context_steps = round(config.context_seconds * musicgen.frame_rate) + max(musicgen.delays)
    if context_steps >= window_steps:
        raise ValueError(f"context_seconds {config.context_seconds}: fills the window of {config.window_seconds} s")
    found = []
    while first < n_steps:
        start = max(0, first - context_steps)
        last = min(n_steps, start + window_steps)
        found.append(Window(start, first, last))
        first = last
    return found


def delayed(musicgen: MusicGen, codes: Tensor) -> Tensor:
    """Codes [K, T], or anything laid out like them, to steps [K, T + longest delay]."""
    steps = codes.new_full((len(codes), codes.shape[1] + max(musicgen.delays)), musicgen.fill)
    for of_codebook, code, delay in zip(steps, codes, musicgen.delays, strict=True):
        of_codebook[delay : delay + len(code)] = code
    return steps


def undelayed(musicgen: MusicGen, steps: Tensor) -> Tensor:
    """The reverse: steps [K, T + longest delay] to codes [K, T]."""
    n_frames = steps.shape[1] - max(musicgen.delays)
    rows = zip(steps, musicgen.delays, strict=True)
    return torch.stack([of_codebook[delay : delay + n_frames] for of_codebook, delay in rows])


def seen(musicgen: MusicGen, steps: Tensor, window: Window) -> Tensor:
    """A copy of a window's steps [K, W] in which nothing is left of frames before the window, as at a beginning."""
    view = steps[:, window.start : window.last].clone()
    for of_codebook, delay in zip(view, musicgen.delays, strict=True):
        of_codebook[:delay] = musicgen.fill
    return view


def shifted(musicgen: MusicGen, steps: Tensor) -> Tensor:
    """What the decoder reads to predict `steps` [K, W]: a fill symbol, then all but the last, [K, W]."""
    return F.pad(steps[:, :-1], (1, 0), value=musicgen.fill)
