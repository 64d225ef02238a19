"""The transcriber transkun 2.0.1 (Yan and Duan, ISMIR 2024), fed segment by segment.

The package is MIT-licensed; its weights, inside it, were trained on MAESTRO (CC BY-NC-SA). Of its modules those of the
model alone are imported, so of its dependencies none is needed that LossCal has not.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from bridge.transcription import segments
from bridge.transcription.segments import Event, hear_in_segments
from bridge.transcription.transcriber import HeardNote, Progress
from bridge.transcription.transkun_blocks import compute_in_blocks
from losscal.errors import InputError, in_words
from losscal.files import sha256_of
from losscal.processes.memory import give_back_freed_memory

if TYPE_CHECKING:
    import numpy as np

    from audio.signal.waveform import Sound

INSTALL = "pip install --no-deps transkun==2.0.1"


class Transkun:
    """Opens the model; raises InputError where the package is not installed or without its weights."""

    name = "transkun"
    core_seconds_per_second = 0.55

    def __init__(self, progress: Progress = iter) -> None:
        spec = find_spec("transkun")
        if spec is None or spec.origin is None:
            raise InputError(f"transkun: is not installed; run {INSTALL}.")
        folder = Path(spec.origin).parent / "pretrained"
        self._settings, self._weights = folder / "2.0.conf", folder / "2.0.pt"
        self.version, self._progress = version("transkun"), progress
        try:  # what is heard changes with the code that makes notes of the model's answers, too
            self.fingerprint = sha256_of(self._settings, self._weights, __file__, segments.__file__)
        except OSError as error:
            raise InputError(f"{error.filename}: {error.strerror}; run {INSTALL} --force-reinstall.") from error

    def transcribe(self, sound: "Sound") -> Sequence[HeardNote]:
        """As `Transcriber.transcribe`; raises InputError where the package cannot be used, too."""
        notes = hear_in_segments(self._model, sound, self._progress)
        give_back_freed_memory()
        return notes

    @cached_property
    def _model(self) -> "_Model":
        try:
            return _Model(_load(self._settings, self._weights))
        except Exception as error:  # other people's code may raise anything
            raise InputError(
                f"{self._weights.parent.parent}: transkun {self.version} cannot be used ({in_words(error)}); "
                f"run {INSTALL} --force-reinstall."
            ) from error


class _Model:
    """The network as a SegmentModel. model: a transkun.ModelTransformer.TransKun, of any weights."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.sample_rate, self.hop_samples = model.fs, model.hopSize
        self.segment_samples = round(model.segmentSizeInSecond * model.fs)
        self.n_keys = len(model.targetMIDIPitch)

    def decode(self, samples: "np.ndarray", first_frames: Sequence[int]) -> tuple[Sequence[Event], Sequence[int]]:
        """As `SegmentModel.decode`."""
        import torch
        from transkun.Util import makeFrame

        model = self._model
        with torch.inference_mode():
            frames = makeFrame(torch.from_numpy(samples).unsqueeze(0), model.hopSize, model.windowSize)
            (events,), end_frames = model.transcribeFrames(
                frames.unsqueeze(0),
                forcedStartPos=list(first_frames),
                lastFrameIdx=round(self.segment_samples / model.hopSize),
            )
        return [
            Event(
                start_seconds=event.start,
                end_seconds=event.end,
                number=abs(event.pitch),
                velocity=max(event.velocity, 1),
                is_pedal=event.pitch < 0,
                has_onset=event.hasOnset,
                has_end=event.hasOffset,
            )
            for event in events
        ], end_frames


def _load(settings: Path, weights: Path) -> Any:
    import torch

    with stand_ins():
        from transkun.ModelTransformer import ModelConfig, TransKun

        config = ModelConfig()
        vars(config).update(json.loads(settings.read_text(encoding="utf-8"))["Model"]["config"])
        model = TransKun(config)
    model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True)["state_dict"])
    model.backbone.useGradientCheckpoint = False  # it is for training, and takes a fifth of the time
    compute_in_blocks(model)
    return model.eval()


@contextmanager
def stand_ins() -> Iterator[None]:
    """For what transkun imports and its model needs nothing of.

    mir_eval measures in its training, and takes a second and 65 MiB. Of torchaudio, where that is absent, one function
    is asked for, whose result the weights overwrite.
    """
    import torch

    modules = {} if "mir_eval" in sys.modules else {"mir_eval": ModuleType("mir_eval")}
    if find_spec("torchaudio") is None:
        modules["torchaudio"] = ModuleType("torchaudio")
        modules["torchaudio"].functional = SimpleNamespace(
            melscale_fbanks=lambda n_freqs, n_mels, **_: torch.zeros(n_freqs, n_mels)
        )
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in modules:
            del sys.modules[name]
