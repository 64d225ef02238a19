"""What spectral_lm says of a recording: how likely what is heard in it is, and how much likelier than shuffled notes.

The likelihood alone rewards silence and monotony. Two models of one architecture share what they know of density and
of what is misheard; the background model heard the same music in the same sound with its notes out of order. So in the
ratio of their likelihoods (Ren et al. 2019, "Likelihood ratios for out-of-distribution detection", eq. 4) all of that
cancels, and what is left is owed to the order of the notes. docs/spectral_lm.md tells how far that goes.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from audio.scorer import Description
from audio.signal.waveform import Sound, cut, without_dc
from audio.spectral.config import BACKGROUND_KIND, KIND, SHIPPED_WEIGHTS, SpectralLMConfig
from audio.spectral.frames import (
    ACTIVE_DB,
    STEPS_PER_SECOND,
    FrameConfig,
    active_frames,
    in_steps,
    quantised_frames,
)
from audio.spectral.loading import load_frame_model
from audio.spectral.model import SpectralLM, step_nats
from audio.spectral.view import SPECTRAL_LM
from losscal.errors import InputError, WeightsError
from losscal.files import sha256_of

if TYPE_CHECKING:
    from torch import Tensor

MIN_ACTIVE_FRACTION = 0.1
"""A recording that is active for a smaller share of its time is refused: silence would decide its likelihood."""
STEADY_SHARE, STEADY_SECONDS = 0.9, 5.0
"""Where one semitone is the loudest in so much of so long a sound, it is a tone, a drone or a hum, and hardly music."""
SILENCE_DB = -60.0
"""What lies that far below the loudest sample, before the first or behind the last louder one, is silence."""


@dataclass(frozen=True)
class SpectralScore:
    """What the models say about one recording.

    step_nats: float64 [T], -log p of each step (audio.spectral.hearing) under the model. background_nats: the same
    under the background model, None where there is none. is_active: bool [T]. seconds: of the whole file. lead_seconds:
    of the silence before the first step. loudest_band_share: of the active frames, those in which the band that leads
    most often is the loudest.
    """

    step_nats: np.ndarray
    background_nats: np.ndarray | None
    is_active: np.ndarray
    seconds: float
    lead_seconds: float = 0.0
    loudest_band_share: float = 0.0

    @property
    def active_seconds(self) -> float:
        """Length of the active steps."""
        return float(self.is_active.sum()) / STEPS_PER_SECOND

    @property
    def active_fraction(self) -> float:
        """Share of the whole file that is active."""
        return min(1.0, self.active_seconds / self.seconds)  # the last step may reach beyond the end

    @property
    def nll_nats(self) -> float:
        """-log p of all steps."""
        return float(self.step_nats.sum())

    @property
    def nll_nats_per_second(self) -> float:
        """-log p of all steps by the seconds of the whole file, silence included."""
        return self.nll_nats / self.seconds

    @property
    def llr_nats_per_second(self) -> float | None:
        """The log-likelihood ratio of the active steps by their seconds; None without a background model.

        Positive where the sound is likelier with its notes in order. Silence has no notes and no part in it.
        """
        return None if self.background_nats is None else float(self._step_llr().sum()) / self.active_seconds

    def curve(self) -> np.ndarray:
        """A row for each second of the steps, the last one perhaps shorter: structured float64 [seconds].

        start_seconds, from the file's start; nll_nats_per_second; llr_nats_per_second, only with a background model,
        to which silence adds nothing; active_fraction. Rates are by the seconds of the row, so that rows weighted by
        them sum to the totals.
        """
        columns = {"nll_nats_per_second": self.step_nats, "active_fraction": self.is_active}
        if self.background_nats is not None:
            columns["llr_nats_per_second"] = self._step_llr()
        rate = STEPS_PER_SECOND
        second = (np.arange(len(self.step_nats)) / rate).astype(np.int64)
        n_steps = np.bincount(second)
        rows = np.zeros(len(n_steps), dtype=[(name, np.float64) for name in ("start_seconds", *columns)])
        rows["start_seconds"] = self.lead_seconds + np.arange(len(rows))
        for name, values in columns.items():
            rows[name] = np.bincount(second, weights=values) / n_steps * (1.0 if name == "active_fraction" else rate)
        return rows

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader should know of the sound beside its figures, which are high for a tone that never changes."""
        if self.loudest_band_share < STEADY_SHARE or self.active_seconds < STEADY_SECONDS:
            return ()
        return (f"hardly music: one semitone is the loudest in {self.loudest_band_share:.0%} of its sound",)

    def report(self) -> dict[str, Any]:
        """The view's keys, JSON values; percentile and typicality are for those who have references."""
        curve = self.curve()
        return {
            "nll_nats": self.nll_nats,
            "nll_nats_per_second": self.nll_nats_per_second,
            "llr_nats_per_second": self.llr_nats_per_second,
            "percentile": None,
            "typicality": None,
            "active_fraction": self.active_fraction,
            "curve": {name: curve[name].tolist() for name in curve.dtype.names},
        }

    def _step_llr(self) -> np.ndarray:
        """The log-likelihood ratio of each step, 0 of the silent ones: float64 [T]."""
        return np.where(self.is_active, self.background_nats - self.step_nats, 0.0)


class SpectralLMScorer:
    """Scores recordings with the shipped weights, offline.

    weights_sha256: of the model's file and, where there is one, the background model's behind it.
    """

    name, unit = SPECTRAL_LM.name, SPECTRAL_LM.unit
    sample_rate = FrameConfig().sample_rate
    loudness_lufs = FrameConfig().loudness_lufs

    def __init__(self, model: SpectralLM, weights_sha256: str, background: SpectralLM | None = None) -> None:
        self.model, self.weights_sha256, self.background = model, weights_sha256, background

    @classmethod
    def load(cls, weights_dir: str | Path | None = None) -> "SpectralLMScorer":
        """From `weights_dir` or the package, with the background model where its weights lie beside the model's.

        Raises WeightsError where a file is broken or does not fit, and where the model's own is missing.
        """
        folder = Path(weights_dir or SHIPPED_WEIGHTS)
        path, background_path = (folder / f"{kind}.safetensors" for kind in (KIND, BACKGROUND_KIND))
        model = load_model(path)
        if background_path.is_file():
            background = load_model(background_path, kind=BACKGROUND_KIND)
            if background.config != model.config:
                raise WeightsError(f"{background_path}: is of another size than {path.name}; train it with --init.")
            if any((ours != theirs).any() for ours, theirs in zip(*map(_hearing_of, (model, background)), strict=True)):
                raise WeightsError(f"{background_path}: hears by other weights than {path.name}; train both with one.")
            return cls(model, sha256_of(path, background_path), background)
        return cls(model, sha256_of(path))

    def describe(self) -> Description:
        """What the figures are of."""
        return Description(self.unit, self.sample_rate, self.loudness_lufs, self.weights_sha256)

    def score(self, sound: Sound) -> dict[str, Any]:
        """The report's spectral_lm keys, and `remarks` where there are any.

        Raises InputError as `score_levels` does and where it is all but silent.
        """
        score = self.score_sound(sound)
        return score.report() | ({"remarks": score.remarks} if score.remarks else {})

    def score_sound(self, sound: Sound) -> SpectralScore:
        """The score of any sound, its frames taken from where the silence ends; raises InputError as `score` does.

        So silence put before a sound moves no frame on it: half a frame's shift alone makes other levels.
        """
        sound = without_dc(sound)
        first, last = sounding_span(sound)
        score = self.score_levels(quantised_frames(cut(sound, first, last)), sound.seconds, sound.source)
        return replace(score, lead_seconds=first / sound.sample_rate)

    def score_levels(self, levels: np.ndarray, seconds: float, source: str) -> SpectralScore:
        """The score of frames uint8 [T, n_bands] as audio.spectral.frames makes them, of a sound of `seconds`.

        Raises InputError naming `source` where less than MIN_ACTIVE_FRACTION of it is active.
        """
        is_active = active_frames(levels)
        active_fraction = is_active.sum() / FrameConfig().frames_per_second / seconds
        if active_fraction < MIN_ACTIVE_FRACTION:
            raise InputError(
                f"{source}: only {active_fraction:.1%} of it is louder than {ACTIVE_DB:.0f} dB, the limit is "
                f"{MIN_ACTIVE_FRACTION:.0%}; cut the silence away, a likelihood of silence means nothing."
            )
        struck = self.model.hear(levels)
        background_nats = None if self.background is None else step_nats(self.background, struck)
        nats = step_nats(self.model, struck)
        n_led = np.bincount(levels[is_active].argmax(axis=1))  # frames, by the band that is the loudest
        steady = float(n_led.max()) / n_led.sum()
        return SpectralScore(nats, background_nats, in_steps(is_active) > 0, seconds, loudest_band_share=steady)


def sounding_span(sound: Sound) -> tuple[int, int]:
    """(first, last): all samples before `first` and from `last` on are silence, see SILENCE_DB; two passes.

    The threshold follows the loudest sample of any channel, so that gain does not move it.
    """
    threshold = max(np.abs(block).max() for block in sound.blocks()) * 10.0 ** (SILENCE_DB / 20.0)
    first, last, start = sound.n_samples, 0, 0
    for block in sound.blocks():
        (loud,) = np.nonzero((np.abs(block) >= threshold).any(axis=0))
        if len(loud):
            first, last = min(first, start + int(loud[0])), start + int(loud[-1]) + 1
        start += block.shape[1]
    return first, last


def load_model(path: Path, kind: str = KIND) -> SpectralLM:
    """The model in a weights file; raises WeightsError as `load_frame_model` does."""
    return load_frame_model(path, kind=kind, config_name=KIND, config=SpectralLMConfig, model=SpectralLM)


def _hearing_of(model: SpectralLM) -> list["Tensor"]:
    return list(model.hearing.parameters())
