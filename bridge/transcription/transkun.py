"""The transcriber transkun 2.0.1 (Yan and Duan, ISMIR 2024), fed segment by segment.

The package is MIT-licensed; its weights, inside it, were trained on MAESTRO (CC BY-NC-SA). Of its modules those of the
model alone are imported, so of its dependencies none is needed that LossCal has not. Segments of 16 s overlap; a note
that reaches beyond one is taken up by the next, which decodes each key from where the last finished note of it ended.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from audio.signal.blocks import excerpts
from bridge.transcription.transcriber import HeardNote
from losscal.errors import InputError

if TYPE_CHECKING:
    from audio.signal.waveform import Sound

STEP_SECONDS = 14.0
"""Between the starts of segments: 2 s of each are heard twice."""
Progress = Callable[[Iterable[Any]], Iterable[Any]]
"""Wraps the starts of segments, as tqdm does."""


class Transkun:
    """Opens the model; raises InputError where the package is not installed. progress: see Progress."""

    name = "transkun"

    def __init__(self, progress: Progress = iter) -> None:
        if find_spec("transkun") is None:
            raise InputError("transkun: is not installed; run pip install --no-deps transkun==2.0.1.")
        self.version = version("transkun")
        self._model, self._progress = _load(), progress

    def transcribe(self, sound: "Sound") -> Sequence[HeardNote]:
        """As `Transcriber.transcribe`."""
        import torch
        from transkun.Data import resolveOverlapping
        from transkun.Util import makeFrame

        from audio.signal.waveform import resample, to_mono

        model = self._model
        hop, rate = model.hopSize, model.fs
        n_step = -(-round(STEP_SECONDS * rate) // hop) * hop
        n_segment = round(model.segmentSizeInSecond * rate)
        n_overlap = n_segment - n_step
        mono = resample(to_mono(sound), rate)
        firsts = range(-n_overlap, mono.n_samples, n_step)  # the first segment begins before the sound
        spans = [(max(0, first), min(first + n_segment, mono.n_samples)) for first in firsts]
        begins = [n_overlap // hop] * len(model.targetMIDIPitch)  # frames from which each key is decoded
        heard: dict[int, list[Any]] = {}
        for first, piece in zip(self._progress(firsts), excerpts(mono.blocks(), spans), strict=True):
            samples = torch.zeros(1, n_segment)
            at = max(0, -first)
            samples[0, at : at + piece.shape[-1]] = torch.from_numpy(piece[0].copy())
            with torch.inference_mode():
                (events,), ends = model.transcribeFrames(
                    makeFrame(samples, hop, model.windowSize).unsqueeze(0),
                    forcedStartPos=begins,
                    lastFrameIdx=round(n_segment / hop),
                )
            begins = [max(end - n_step // hop, 0) for end in ends]
            for event in events:
                event.start = max(0.0, event.start + first / rate)
                event.end = max(event.start, event.end + first / rate)
                _join(heard.setdefault(event.pitch, []), event)
        for events in heard.values():
            events[-1].hasOffset = True
        whole = [event for events in heard.values() for event in events if event.hasOffset and event.end > event.start]
        return [
            HeardNote(event.start, event.end, abs(event.pitch), event.velocity, event.pitch < 0)
            for event in resolveOverlapping(whole)
        ]


def _join(earlier: list[Any], event: Any) -> None:
    """Add a segment's event of one key, or take it for the last one's continuation or correction."""
    if earlier and event.start < earlier[-1].end:
        if event.hasOnset:
            earlier[-1] = event
        else:
            earlier[-1].hasOffset = event.hasOffset
            earlier[-1].end = max(event.end, earlier[-1].end)
    elif event.hasOnset:
        earlier.append(event)


def _load() -> Any:
    import torch

    folder = Path(find_spec("transkun").origin).parent / "pretrained"
    settings = json.loads((folder / "2.0.conf").read_text(encoding="utf-8"))["Model"]["config"]
    with _mel_scale_stand_in():
        from transkun.ModelTransformer import ModelConfig, TransKun

        config = ModelConfig()
        vars(config).update(settings)
        model = TransKun(config)
    model.load_state_dict(torch.load(folder / "2.0.pt", map_location="cpu", weights_only=True)["state_dict"])
    model.backbone.useGradientCheckpoint = False  # it is for training, and takes a fifth of the time
    return model.eval()


@contextmanager
def _mel_scale_stand_in() -> Iterator[None]:
    """Where torchaudio is absent: its one function that is asked for, whose result the weights overwrite."""
    if find_spec("torchaudio") is not None:
        yield
        return
    import torch

    module = ModuleType("torchaudio")
    module.functional = SimpleNamespace(melscale_fbanks=lambda n_freqs, n_mels, **_: torch.zeros(n_freqs, n_mels))
    sys.modules["torchaudio"] = module
    try:
        yield
    finally:
        del sys.modules["torchaudio"]
