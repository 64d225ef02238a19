"""What a MusicGen checkpoint's config.json may say of the model's sizes, checked before anything is built.

The defaults are transformers' own, for what a file leaves out. Other keys than these are passed over: every version of
transformers writes some of its own, and none of them makes a model larger.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, log2, prod
from pathlib import Path
from typing import Annotated, Any

from losscal.errors import WeightsError
from losscal.settings import Range, Settings, require
from losscal.weights import config_from_json

Layers = Annotated[int, Range(1, 1000)]
Width = Annotated[int, Range(1, 100_000)]
Few = Annotated[int, Range(1, 100)]
Codebooks = Annotated[int, Range(1, 64)]
MAX_RATIOS, MAX_QUANTIZERS = 16, 1000


@dataclass(frozen=True)
class TextEncoder(Settings):
    """Sizes of T5."""

    vocab_size: Annotated[int, Range(1, 10_000_000)] = 32_128
    d_model: Width = 512
    d_kv: Width = 64
    d_ff: Width = 2048
    num_layers: Layers = 6
    num_heads: Layers = 8
    relative_attention_num_buckets: Annotated[int, Range(4, 100_000)] = 32
    relative_attention_max_distance: Annotated[int, Range(4, 1_000_000)] = 128


@dataclass(frozen=True)
class AudioEncoder(Settings):
    """Sizes of EnCodec."""

    sampling_rate: Annotated[int, Range(4000, 768_000)] = 24_000
    audio_channels: Annotated[int, Range(1, 2)] = 1
    target_bandwidths: tuple[Annotated[float, Range(0.01, 1000)], ...] = (1.5, 3.0, 6.0, 12.0, 24.0)
    upsampling_ratios: tuple[Few, ...] = (8, 5, 4, 2)
    codebook_size: Annotated[int, Range(2, 1_000_000)] = 1024
    hidden_size: Width = 128
    num_filters: Width = 32
    num_residual_layers: Few = 1
    num_lstm_layers: Few = 2
    kernel_size: Few = 7
    last_kernel_size: Few = 7
    residual_kernel_size: Few = 3
    dilation_growth_rate: Few = 2
    compress: Few = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        n_ratios = len(self.upsampling_ratios)
        require(1 <= n_ratios <= MAX_RATIOS, f"upsampling_ratios: {n_ratios} numbers, allowed are 1 to {MAX_RATIOS}")
        require(len(self.target_bandwidths) > 0, "target_bandwidths: holds no number")
        frames_per_second = ceil(self.sampling_rate / prod(self.upsampling_ratios))
        bits_per_second = frames_per_second * ceil(log2(self.codebook_size))
        n_quantizers = 1000 * self.target_bandwidths[-1] // bits_per_second
        require(
            1 <= n_quantizers <= MAX_QUANTIZERS,
            f"target_bandwidths: makes {n_quantizers:.0f} codebooks, allowed are 1 to {MAX_QUANTIZERS}",
        )


@dataclass(frozen=True)
class Decoder(Settings):
    """Sizes of the decoder over codes; its vocabulary is followed by one symbol that fills the delay pattern."""

    vocab_size: Annotated[int, Range(2, 1_000_000)] = 2048
    pad_token_id: Annotated[int, Range(2, 1_000_000)] = 2048
    max_position_embeddings: Annotated[int, Range(2, 1_000_000)] = 2048
    num_hidden_layers: Layers = 24
    num_attention_heads: Layers = 16
    hidden_size: Width = 1024
    ffn_dim: Width = 4096
    num_codebooks: Codebooks = 4
    audio_channels: Annotated[int, Range(1, 2)] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            self.pad_token_id == self.vocab_size,
            f"pad_token_id {self.pad_token_id}: must be the symbol behind the vocabulary, {self.vocab_size}",
        )
        require(
            self.hidden_size % (2 * self.num_attention_heads) == 0,
            f"hidden_size {self.hidden_size}: is no multiple of 2 x num_attention_heads {2 * self.num_attention_heads}",
        )
        require(
            self.num_codebooks % self.audio_channels == 0,
            f"num_codebooks {self.num_codebooks}: is no multiple of audio_channels {self.audio_channels}",
        )


@dataclass(frozen=True)
class Melody(Settings):
    """Sizes of the melody's chroma."""

    num_chroma: Annotated[int, Range(12, 12)] = 12
    chroma_length: Annotated[int, Range(1, 100_000)] = 235


def check_architecture(config: Mapping[str, Any], path: Path) -> None:
    """Raises WeightsError, naming `path` and the key, where the sizes of a config.json are missing or make no model."""
    parts: dict[str, Any] = {}
    for name, kind, model_types in (
        ("text_encoder", TextEncoder, ("t5",)),
        ("audio_encoder", AudioEncoder, ("encodec",)),
        ("decoder", Decoder, ("musicgen_decoder", "musicgen_melody_decoder")),
    ):
        values = config.get(name)
        parts[name] = config_from_json(kind, values, name, path)
        if values.get("model_type") not in model_types:
            found = values.get("model_type")
            raise WeightsError(
                f"{path}: {name}.model_type is {found!r:.40}, needed is {model_types[0]}; fetch it anew."
            )
    config_from_json(Melody, dict(config), "config", path)
    n_codes, n_entries = parts["decoder"].vocab_size, parts["audio_encoder"].codebook_size
    if n_codes != n_entries:
        raise WeightsError(f"{path}: decoder.vocab_size is {n_codes}, the codebooks hold {n_entries}; fetch it anew.")
