"""Sound as rows of numbers, by models: what FAD, KAD, KLD and the CLAP score are computed of.

Our own spectral_lm needs nothing that is not shipped; CLAP, EnCodec and classifiers of sound are checkpoints of
transformers, by hub name or local folder. They read a recording at -23 LUFS in full windows of equal weight, the last
of which ends where the recording ends; a recording shorter than a window is padded as its checkpoint pads.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from audio.checkpoints import checkpoint_folder, load_transformers_model, model_type, sha256_of_weights
from audio.signal.blocks import excerpts
from audio.signal.waveform import Sound, prepare_mono, without_dc
from audio.spectral.config import KIND as SPECTRAL_LM
from audio.spectral.frames import STEPS_PER_SECOND, quantised_frames
from audio.spectral.model import rms_norm, step_nats
from audio.spectral.scoring import SpectralLMScorer
from losscal.errors import InputError

LOUDNESS_LUFS = -23.0
CLASSIFIER_WINDOW_SECONDS = 10
ENCODEC_WINDOW_SECONDS = 1
"""EnCodec was trained on excerpts of this length."""


class Embedder(Protocol):
    """Rows of numbers of a recording; `name` tells which, and distances under different ones do not compare."""

    name: str
    weights_sha256: str

    def embed(self, sound: Sound) -> np.ndarray:
        """Any sound to float32 [N, D], N >= 1; raises InputError where it is too quiet to normalise."""
        ...


class SpectralLMEmbedder:
    """The states of our own model's trunk, from which it predicts what is struck next; a row is their mean over 1 s."""

    name = SPECTRAL_LM

    def __init__(self, scorer: SpectralLMScorer) -> None:
        self.model, self.weights_sha256 = scorer.model, scorer.weights_sha256

    def embed(self, sound: Sound) -> np.ndarray:
        """Any sound to float32 [seconds, channels of the trunk]."""
        with _outputs_of(self.model.trunk[-1]) as states:  # [1, T, channels] of each window
            step_nats(self.model, self.model.hear(quantised_frames(sound)))
        rows = []
        for window in states:
            n_seconds = max(1, round(window.shape[1] / STEPS_PER_SECOND))
            rows += [part.mean(dim=0) for part in rms_norm(window[0]).tensor_split(n_seconds)]
        return torch.stack(rows).numpy()


class ClapEmbedder:
    """CLAP (Wu et al. 2023): a row of norm 1 for each window of 10 s, in a space where texts have their place too."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name, self.folder, self.weights_sha256 = name, folder, sha256_of_weights(folder)
        self.model = load_transformers_model(folder, "ClapModel")
        self.extract = _read("AutoFeatureExtractor", folder)

    @torch.inference_mode()
    def embed(self, sound: Sound) -> np.ndarray:
        """Any sound to float32 [windows, width of the projection]."""
        rows = []
        for window in windows_of(sound, self.extract.sampling_rate, self.extract.nb_max_samples):
            features = self.extract(window, sampling_rate=self.extract.sampling_rate, return_tensors="pt")
            # The extractor of a model with feature fusion declares one window of every batch longer than it is.
            features["is_longer"] = torch.zeros((1, 1), dtype=torch.bool)
            rows.append(self.model.get_audio_features(**features).pooler_output[0])
        return torch.stack(rows).numpy()

    @torch.inference_mode()
    def embed_text(self, text: str) -> np.ndarray:
        """A text to float32 [width of the projection] of norm 1; raises InputError where no tokenizer lies there."""
        tokens = _read("AutoTokenizer", self.folder)(text, return_tensors="pt", truncation=True)
        return self.model.get_text_features(**tokens).pooler_output[0].numpy()


class EncodecEmbedder:
    """EnCodec (Défossez et al. 2022) before its quantiser: a row is the mean over a window of 1 s, coded by itself."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name, self.weights_sha256 = name, sha256_of_weights(folder)
        self.model = load_transformers_model(folder, "EncodecModel")

    @torch.inference_mode()
    def embed(self, sound: Sound) -> np.ndarray:
        """Any sound to float32 [seconds, width of the code space]."""
        config = self.model.config
        rows = []
        for window in windows_of(sound, config.sampling_rate, ENCODEC_WINDOW_SECONDS * config.sampling_rate):
            samples = torch.from_numpy(window).expand(1, config.audio_channels, -1)
            if config.normalize:  # as its own encode() does
                samples = samples / (samples.square().mean().sqrt() + 1e-8)
            rows.append(self.model.encoder(samples)[0].mean(dim=-1))
        return torch.stack(rows).numpy()


EMBEDDERS: dict[str, Callable[[Path, str], Embedder]] = {"clap": ClapEmbedder, "encodec": EncodecEmbedder}
"""`model_type` of a checkpoint's config.json to what reads it."""


def load_embedder(name: str) -> Embedder:
    """SPECTRAL_LM, or a checkpoint of CLAP or EnCodec by folder or hub name.

    Raises InputError where it is not to be had or of another kind, WeightsError where it is broken.
    """
    if name == SPECTRAL_LM:
        return SpectralLMEmbedder(SpectralLMScorer.load())
    folder = checkpoint_folder(name)
    kind = model_type(folder)
    if kind not in EMBEDDERS:
        raise InputError(f"{name}: holds a {kind!r} model; give one of {', '.join(EMBEDDERS)}, or {SPECTRAL_LM}.")
    return EMBEDDERS[kind](folder, name)


class SoundClassifier:
    """Any classifier of sound of transformers; what it says of a recording is the mean over windows of 10 s."""

    def __init__(self, name: str) -> None:
        folder = checkpoint_folder(name)
        self.name, self.weights_sha256 = name, sha256_of_weights(folder)
        self.model = load_transformers_model(folder, "AutoModelForAudioClassification")
        self.extract = _read("AutoFeatureExtractor", folder)

    @torch.inference_mode()
    def log_probabilities(self, sound: Sound) -> np.ndarray:
        """Any sound to float64 [classes]: log of the mean softmax, also of models trained with many labels."""
        rate = self.extract.sampling_rate
        rows = []
        for window in windows_of(sound, rate, CLASSIFIER_WINDOW_SECONDS * rate):
            logits = self.model(**self.extract(window, sampling_rate=rate, return_tensors="pt")).logits
            rows.append(logits[0].double().log_softmax(dim=-1))
        return (torch.stack(rows).logsumexp(dim=0) - np.log(len(rows))).numpy()


def windows_of(sound: Sound, sample_rate: int, window_samples: int) -> Iterator[np.ndarray]:
    """Mono windows, float32 [window_samples], evenly placed from the first sample to the last, no gaps between.

    A sound that is shorter is one shorter window. Raises InputError where it is too quiet to normalise.
    """
    mono = prepare_mono(without_dc(sound), sample_rate, LOUDNESS_LUFS)
    n_windows = -(-mono.n_samples // window_samples)
    starts = np.linspace(0, max(0, mono.n_samples - window_samples), n_windows).round().astype(int)
    for samples in excerpts(mono.blocks(), ((start, start + window_samples) for start in starts)):
        yield samples[0]


@contextmanager
def _outputs_of(module: nn.Module) -> Iterator[list[Tensor]]:
    """What `module` returns each time it is called within the block, in order."""
    outputs: list[Tensor] = []
    handle = module.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    try:
        yield outputs
    finally:
        handle.remove()


def _read(class_name: str, folder: Path) -> Any:
    """A part of a checkpoint that has no weights, by its class in transformers; raises InputError where it lacks."""
    import transformers

    try:
        return getattr(transformers, class_name).from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: lacks files for an {class_name}; fetch the whole checkpoint.") from error
