"""A tiny MusicGen with random weights, its codes, its checkpoint on disk, and sound for it to hear."""

import functools
from pathlib import Path

import numpy as np
import pytest
import torch

from audio.musicgen.checkpoint import MusicGen
from audio.signal.waveform import Waveform

transformers = pytest.importorskip("transformers")

N_CODES = 64
MAX_STEPS = 140
WORDS = ["<pad>", "</s>", "<unk>", "a", "calm", "piano", "waltz"]


def random_model(kind="musicgen", channels=1):
    """Four codebooks of 64 codes a channel at 50 Hz; weights wide enough that contexts and conditions matter."""
    torch.manual_seed(7)
    melody = kind == "musicgen_melody"
    text = transformers.T5Config(d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2, vocab_size=len(WORDS))
    codec = transformers.EncodecConfig(
        sampling_rate=32_000,
        upsampling_ratios=[8, 5, 4, 4],
        codebook_size=N_CODES,
        target_bandwidths=[1.2],
        num_filters=2,
        hidden_size=8,
        use_causal_conv=False,
    )
    decoder_class = transformers.MusicgenMelodyDecoderConfig if melody else transformers.MusicgenDecoderConfig
    decoder = decoder_class(
        vocab_size=N_CODES,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        ffn_dim=32,
        max_position_embeddings=MAX_STEPS,
        pad_token_id=N_CODES,
        bos_token_id=N_CODES,
        num_codebooks=4 * channels,
        audio_channels=channels,
        initializer_factor=0.3,
    )
    parts = {"text_encoder": text.to_dict(), "audio_encoder": codec.to_dict(), "decoder": decoder.to_dict()}
    if melody:
        config = transformers.MusicgenMelodyConfig(**parts, chroma_length=20)
        model = transformers.MusicgenMelodyForConditionalGeneration(config)
    else:
        model = transformers.MusicgenForConditionalGeneration(transformers.MusicgenConfig(**parts))
    spread_codebooks(model.audio_encoder)
    return model


@torch.no_grad()
def spread_codebooks(codec):
    """Standardise the encoder's states and spread the codebooks over them, so that codes follow the sound and back."""
    states = codec.encoder(torch.from_numpy(tones(1.0).samples)[None])[0]  # [hidden, T]
    mean, spread = states.mean(dim=1), states.std(dim=1)
    last = codec.encoder.layers[-1].conv
    last.parametrizations.weight.original0.div_(spread[:, None, None])
    last.bias.sub_(mean).div_(spread)
    for depth, layer in enumerate(codec.quantizer.layers):
        layer.codebook.embed.normal_().div_(2**depth)  # transformers starts them at zero


def save_tokenizer(folder):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )
    fast.save_pretrained(folder)


@functools.cache
def tiny(kind="musicgen", channels=1):
    return MusicGen(random_model(kind, channels), Path("nowhere"), "0" * 64)


def random_codes(n_frames, n_codebooks=4, seed=3):
    return torch.randint(N_CODES, (n_codebooks, n_frames), generator=torch.Generator().manual_seed(seed))


def tones(seconds, channels=1, sample_rate=32_000, seed=5):
    """Decaying notes, a new one each quarter of a second, another tune in each channel."""
    generator = np.random.default_rng(seed)
    t = np.arange(round(seconds * sample_rate)) / sample_rate
    samples = 1e-3 * generator.standard_normal((channels, len(t)))
    for channel in samples:
        for onset in np.arange(0.0, seconds, 0.25):
            age = np.clip(t - onset, 0.0, None)
            channel += 0.2 * np.exp(-4.0 * age) * np.sin(2 * np.pi * generator.uniform(100.0, 900.0) * age)
    return Waveform(samples.astype(np.float32), sample_rate, "tones")
