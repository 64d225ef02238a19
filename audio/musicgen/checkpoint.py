"""A MusicGen checkpoint of transformers, by hub name or local folder: codes and a condition in, logits out.

The two architectures take a condition in different ways, MusicGen by cross-attention and MusicGen Melody as steps
before the first code; callers see one. The null condition is text states of zero, over which cross-attention adds
nothing, and for Melody the constant chroma it was trained with.
"""

import math
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from audio.checkpoints import (
    checkpoint_folder,
    load_transformers_model,
    model_type,
    read_json_object,
    sha256_of_weights,
)
from audio.musicgen.architecture import check_architecture
from audio.musicgen.melody import CHROMA_HOP_SAMPLES, one_hot_chroma
from audio.signal.waveform import Sound, in_memory, resample, to_mono
from losscal.errors import InputError, in_words

CLASS_NAMES = {
    "musicgen": "MusicgenForConditionalGeneration",
    "musicgen_melody": "MusicgenMelodyForConditionalGeneration",
}
"""`model_type` of a checkpoint's config.json to its class in transformers."""


@dataclass(frozen=True)
class Condition:
    """What the music is asked to be.

    text: states of the text encoder, float32 [1, n, hidden]; zeros where no text is given. chroma: one-hot pitch
    classes of a melody, float32 [1, L, 12], None without one.
    """

    text: Tensor
    chroma: Tensor | None
    is_null: bool


class MusicGen:
    """A loaded checkpoint in fp32.

    Args:
        model: MusicgenForConditionalGeneration or MusicgenMelodyForConditionalGeneration.
        folder: where its files lie; the tokenizer is read from there when a text is given.
        weights_sha256: of its weights, see `audio.checkpoints.sha256_of_weights`.
    """

    def __init__(self, model: Any, folder: Path, weights_sha256: str) -> None:
        self.model, self.folder, self.weights_sha256 = model.eval().requires_grad_(False), folder, weights_sha256
        config = model.config
        self.takes_melody = config.model_type == "musicgen_melody"
        self.n_codebooks: int = config.decoder.num_codebooks
        self.n_codes: int = config.decoder.vocab_size
        self.channels: int = config.decoder.audio_channels
        self.fill: int = config.decoder.pad_token_id
        self.max_steps: int = config.decoder.max_position_embeddings
        self.sample_rate: int = config.audio_encoder.sampling_rate
        self.frame_samples: int = config.audio_encoder.hop_length
        self.frame_rate: int = config.audio_encoder.frame_rate

    @classmethod
    def load(cls, checkpoint: str | Path, device: str = "cpu") -> "MusicGen":
        """A local folder, or a hub name that is fetched once and then read from the hub's cache.

        Raises InputError where transformers, the checkpoint or the device is not to be had or the checkpoint is of
        another kind, WeightsError where the weights are broken or do not fill the model.
        """
        if find_spec("transformers") is None:
            raise InputError(
                "MusicGen needs the package transformers: run pip install '.[musicgen]' in LossCal's folder."
            )
        if device == "cuda" and not torch.cuda.is_available():
            raise InputError("--device cuda: this PyTorch sees no CUDA device; use cpu.")
        folder = checkpoint_folder(checkpoint)
        kind = model_type(folder)
        if kind not in CLASS_NAMES:
            raise InputError(f"{checkpoint}: holds a {kind!r} model; give a MusicGen or MusicGen Melody checkpoint.")
        check_architecture(read_json_object(folder / "config.json"), folder / "config.json")
        model = load_transformers_model(folder, CLASS_NAMES[kind])
        return cls(model.to(device), folder, sha256_of_weights(folder))

    @property
    def delays(self) -> tuple[int, ...]:
        """Steps by which each codebook lags behind the first; in stereo the two channels' codebooks alternate."""
        return tuple(codebook // self.channels for codebook in range(self.n_codebooks))

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.model.device

    def condition(self, text: str | None = None, melody: Sound | None = None) -> Condition:
        """The condition made of `text` and `melody`, null where both are None.

        Raises InputError where the text is empty, or a melody is given to a checkpoint that takes none.
        """
        if melody is not None and not self.takes_melody:
            raise InputError(f"{melody.source}: this checkpoint takes no melody; use facebook/musicgen-melody.")
        chroma = None
        if melody is not None:
            samples = in_memory(resample(to_mono(melody), self.sample_rate)).samples[0]
            chroma = one_hot_chroma(samples, self.sample_rate, self.model.config.num_chroma).to(self.device)[None]
        states = self._null_text(1) if text is None else self._text_states(text)
        return Condition(states, chroma, is_null=text is None and melody is None)

    def prefix(self, condition: Condition, start_frame: int = 0) -> Tensor:
        """The states that the decoder is given, [1, P, hidden], for a window that begins at `start_frame`.

        A melody is followed from there, and from its beginning again where it ends.
        """
        if not self.takes_melody:
            return condition.text
        config = self.model.config
        chroma = condition.chroma
        if chroma is None:
            chroma = torch.eye(config.num_chroma, device=self.device)[None, :1]
        n_past = start_frame * self.frame_samples // CHROMA_HOP_SAMPLES
        n_cycles = math.ceil(config.chroma_length / chroma.shape[1])
        chroma = chroma.roll(-n_past, dims=1).repeat(1, n_cycles, 1)[:, : config.chroma_length]
        return torch.cat([self._project(chroma, "audio_enc_to_dec_proj"), condition.text], dim=1)

    def null_prefix(self, condition: Condition) -> Tensor:
        """The prefix without `condition`, as long as the one with it."""
        return self.prefix(Condition(self._null_text(condition.text.shape[1]), None, is_null=True))

    def new_cache(self) -> Any:
        """An empty cache of keys and values for `logits`."""
        from transformers import DynamicCache, EncoderDecoderCache

        return EncoderDecoderCache(*(DynamicCache(config=self.model.config.decoder) for _ in range(2)))

    @torch.inference_mode()
    def logits(self, inputs: Tensor, prefix: Tensor, cache: Any = None) -> Tensor:
        """Logits of the code after each input: inputs int64 [B, K, S], prefix [B, P, hidden], to float32 [B, K, S, V].

        cache: what went before, from `new_cache`; it takes up the inputs. Raises InputError where a step would lie
        beyond the position table, which transformers would silently extend.
        """
        batch, _, n_steps = inputs.shape
        n_past = 0 if cache is None else cache.get_seq_length()
        if self.takes_melody and n_past > 0:
            prefix = None  # it lies in the cache
        n_prefix = prefix.shape[1] if self.takes_melody and prefix is not None else 0
        if n_past + n_prefix + n_steps > self.max_steps:
            raise InputError(
                f"{self.folder}: a window of {n_past + n_prefix + n_steps} steps exceeds the model's position table of "
                f"{self.max_steps}; shorten the text or the window."
            )
        logits = self.model.decoder(
            input_ids=inputs.flatten(0, 1),
            encoder_hidden_states=prefix,
            past_key_values=cache,
            use_cache=cache is not None,
        ).logits
        return logits[:, -n_steps:].unflatten(0, (batch, self.n_codebooks)).float()

    def _null_text(self, n_states: int) -> Tensor:
        return torch.zeros(1, n_states, self.model.config.decoder.hidden_size, device=self.device)

    @torch.inference_mode()
    def _text_states(self, text: str) -> Tensor:
        if not text.strip():
            raise InputError("--text: is empty; describe the music or leave the flag out.")
        tokens = self._tokens(text).to(self.device)
        return self._project(self.model.text_encoder(input_ids=tokens).last_hidden_state, "enc_to_dec_proj")

    def _tokens(self, text: str) -> Tensor:
        """Of the folder's tokenizer, int64 [1, n]."""
        from transformers import AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(self.folder, local_files_only=True)
            tokens = tokenizer(text, return_tensors="pt").input_ids
        except Exception as error:  # of values in its files that transformers never checks
            raise InputError(
                f"{self.folder}: its tokenizer (tokenizer.json, tokenizer_config.json) cannot be used "
                f"({in_words(error)}); fetch these files anew."
            ) from error
        n_words = self.model.config.text_encoder.vocab_size
        if not tokens.numel() or tokens.max() >= n_words:
            raise InputError(
                f"{self.folder}: its tokenizer.json is of another checkpoint, the text encoder knows {n_words} tokens; "
                "fetch the file anew."
            )
        return tokens

    def _project(self, states: Tensor, layer: str) -> Tensor:
        """Through the checkpoint's projection to the decoder's width, which only exists where the widths differ."""
        return getattr(self.model, layer)(states) if hasattr(self.model, layer) else states
