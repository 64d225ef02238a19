"""How likely MusicGen finds a recording: the teacher-forced likelihood of its EnCodec codes.

p(codes) = prod over the steps of `audio.musicgen.steps` of prod over codebooks of p(code | earlier steps), each factor
from the first window that holds it. The factors are the model's own, unguided softmax.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from audio.musicgen.checkpoint import Condition, MusicGen
from audio.musicgen.codec import Reconstruction, encode_and_compare, prepared
from audio.musicgen.config import DEFAULT_CHECKPOINT, DEFAULT_WINDOWS, LOUDNESS_LUFS, WindowConfig
from audio.musicgen.steps import Window, delayed, seen, shifted, undelayed, windows
from audio.musicgen.view import MUSICGEN
from audio.scorer import Description
from audio.signal.waveform import Sound

LABEL = "nll of EnCodec codes"


def code_nats(
    musicgen: MusicGen,
    codes: Tensor,
    condition: Condition,
    config: WindowConfig = DEFAULT_WINDOWS,
    progress: Callable[[Iterable[Window]], Iterable[Window]] = iter,
) -> np.ndarray:
    """-log p of each code: codes int64 [K, T] to nats float64 [K, T]; the memory it takes is a window's.

    progress: wraps the iterable of windows, as tqdm does. Raises InputError as `MusicGen.logits` does.
    """
    steps = delayed(musicgen, codes)
    nats = torch.zeros(steps.shape, dtype=torch.float64)
    for window in progress(windows(musicgen, steps.shape[1], config)):
        view = seen(musicgen, steps, window)
        prefix = musicgen.prefix(condition, window.start)
        logits = musicgen.logits(shifted(musicgen, view)[None], prefix)[0]  # [K, W, V]
        of_view = F.cross_entropy(logits.transpose(1, 2), view, ignore_index=musicgen.fill, reduction="none")
        nats[:, window.first : window.last] = of_view[:, window.new]
    return undelayed(musicgen, nats).numpy()


@dataclass(frozen=True)
class MusicGenScore:
    """What MusicGen says about one recording.

    code_nats: float64 [K, T]. frame_rate: of the T frames, in Hz. seconds: of the whole file.
    """

    code_nats: np.ndarray
    frame_rate: int
    seconds: float
    reconstruction: Reconstruction

    @property
    def cross_entropy(self) -> np.ndarray:
        """Mean nats of a code, for each codebook [K]."""
        return self.code_nats.mean(axis=1)

    @property
    def perplexity(self) -> float:
        """exp of the mean cross-entropy over the codebooks; V where the model knows nothing."""
        return float(np.exp(self.cross_entropy.mean()))

    @property
    def nll_nats_per_second(self) -> float:
        """All codes' nats by the seconds of the file."""
        return float(self.code_nats.sum()) / self.seconds

    @property
    def curve(self) -> np.ndarray:
        """Nats per second over time: a value for each second, the last one for what is left over."""
        starts = np.arange(0, self.code_nats.shape[1], self.frame_rate)
        n_frames = np.diff(np.append(starts, self.code_nats.shape[1]))
        return np.add.reduceat(self.code_nats.sum(axis=0), starts) / (n_frames / self.frame_rate)

    def report(self) -> dict[str, Any]:
        """The keys of the report; "reconstruction" is EnCodec's own loss, not MusicGen's."""
        return {
            "perplexity": self.perplexity,
            "nll_nats_per_second": self.nll_nats_per_second,
            "cross_entropy": self.cross_entropy.tolist(),
            "curve": {"start_seconds": list(range(len(self.curve))), "nll_nats_per_second": self.curve.tolist()},
            "reconstruction": asdict(self.reconstruction),
        }


class MusicGenScorer:
    """Scores recordings with one checkpoint under one condition, by default none."""

    name, unit = MUSICGEN.name, MUSICGEN.unit
    loudness_lufs = LOUDNESS_LUFS

    def __init__(self, musicgen: MusicGen, text: str | None = None, config: WindowConfig = DEFAULT_WINDOWS) -> None:
        self.musicgen, self.config = musicgen, config
        self.sample_rate, self.weights_sha256 = musicgen.sample_rate, musicgen.weights_sha256
        self.condition = musicgen.condition(text)
        self.context_policy = (
            f"musicgen: windows of {config.window_seconds:g} s, every code scored once, with at least "
            f"{config.context_seconds:g} s before it where the file has them"
        )

    @classmethod
    def load(
        cls, checkpoint: str | Path = DEFAULT_CHECKPOINT, text: str | None = None, device: str = "cpu"
    ) -> "MusicGenScorer":
        """A hub name or a local folder; raises InputError and WeightsError as `MusicGen.load` does."""
        return cls(MusicGen.load(checkpoint, device), text)

    def describe(self) -> Description:
        """What the figures are of."""
        return Description(self.unit, self.sample_rate, self.loudness_lufs, self.weights_sha256)

    def score(self, sound: Sound) -> dict[str, Any]:
        """The report's musicgen keys; raises InputError where the sound is too quiet to have a loudness."""
        return self.score_codes(sound).report()

    def score_codes(
        self, sound: Sound, progress: Callable[[Iterable[Window]], Iterable[Window]] = iter
    ) -> MusicGenScore:
        """Any sound's score; `progress` as in `code_nats`. Of the sound only its codes and their nats are held."""
        codes, reconstruction = encode_and_compare(self.musicgen, prepared(self.musicgen, sound))
        nats = code_nats(self.musicgen, codes, self.condition, self.config, progress)
        return MusicGenScore(nats, self.musicgen.frame_rate, sound.seconds, reconstruction)
