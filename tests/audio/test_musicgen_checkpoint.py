"""A tiny random MusicGen: what loads and what is refused, conditions, delays, the table of positions."""

import functools
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from audio.musicgen_checkpoint import MusicGen
from audio.musicgen_melody import one_hot_chroma
from audio.musicgen_steps import delayed, shifted, undelayed
from audio.waveform import Waveform
from losscal.errors import InputError, WeightsError

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


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint")
    random_model().save_pretrained(folder)
    save_tokenizer(folder)
    return folder


def test_a_saved_checkpoint_gives_the_same_logits_and_names_its_weights(checkpoint):
    loaded = MusicGen.load(checkpoint)
    inputs = random_codes(9)[None]
    wanted = tiny().logits(inputs, tiny().prefix(tiny().condition()))
    torch.testing.assert_close(loaded.logits(inputs, loaded.prefix(loaded.condition())), wanted, rtol=0, atol=0)
    assert wanted.shape == (1, 4, 9, N_CODES)
    assert loaded.weights_sha256 == hashlib.sha256((checkpoint / "model.safetensors").read_bytes()).hexdigest()


def without_tensor(folder):
    from safetensors.torch import load_file, save_file

    state = load_file(folder / "model.safetensors")
    del state["decoder.lm_heads.2.weight"]
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def truncated(folder):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])


def of_another_kind(folder):
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))


def without_config(folder):
    (folder / "config.json").unlink()


def without_weights(folder):
    (folder / "model.safetensors").unlink()


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (without_tensor, WeightsError, "lacks 1 weights of its model, decoder.lm_heads.2.weight first"),
        (truncated, WeightsError, "cannot be loaded"),
        (of_another_kind, InputError, "holds a 'bert' model"),
        (without_config, InputError, "holds no config.json"),
        (without_weights, InputError, "holds no model"),
    ],
)
def test_a_damaged_checkpoint_is_refused_in_one_sentence(checkpoint, tmp_path, damage, error, message):
    folder = shutil.copytree(checkpoint, tmp_path / "damaged")
    damage(folder)
    with pytest.raises(error, match=message) as caught:
        MusicGen.load(folder)
    assert str(folder) in str(caught.value)


def test_no_transformers_no_hub_no_such_name(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="some/checkpoint: no such folder, and the hub cannot be reached"):
        MusicGen.load("some/checkpoint")
    with pytest.raises(InputError, match="no name on the hub"):
        MusicGen.load("/no/such/folder")
    monkeypatch.setattr("audio.musicgen_checkpoint.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"install it with pip install 'losscal\[musicgen\]'"):
        MusicGen.load("some/checkpoint")


def test_delays_in_mono_and_stereo_and_back():
    codes = random_codes(5, n_codebooks=8)
    for channels, delays in ((1, (0, 1, 2, 3)), (2, (0, 0, 1, 1, 2, 2, 3, 3))):
        musicgen = tiny(channels=channels)
        assert musicgen.delays == delays
        some = codes[: len(delays)]
        steps = delayed(musicgen, some)
        for codebook, delay in enumerate(delays):
            wanted = [N_CODES] * delay + some[codebook].tolist() + [N_CODES] * (3 - delay)
            assert steps[codebook].tolist() == wanted
            assert shifted(musicgen, steps)[codebook].tolist() == [N_CODES, *wanted[:-1]]
        assert torch.equal(undelayed(musicgen, steps), some)


@pytest.mark.parametrize("kind", ["musicgen", "musicgen_melody"])
def test_text_enters_as_transformers_lets_it(checkpoint, kind):
    musicgen = MusicGen(random_model(kind), checkpoint, "")
    condition = musicgen.condition("a calm waltz")
    assert condition.text.shape == (1, 4, 32) and not condition.is_null  # three words and the end
    codes = random_codes(7)
    with torch.inference_mode():
        wanted = musicgen.model(input_ids=torch.tensor([[3, 4, 6, 1]]), decoder_input_ids=codes).logits[:, -7:]
    got = musicgen.logits(codes[None], musicgen.prefix(condition))[0]
    torch.testing.assert_close(got, wanted, rtol=0, atol=1e-5)
    null = musicgen.logits(codes[None], musicgen.null_prefix(condition))[0]
    assert (got - null).abs().max() > 0.01
    with pytest.raises(InputError, match="--text: is empty"):
        musicgen.condition("  ")
    with pytest.raises(InputError, match="no readable tokenizer"):
        tiny().condition("a calm waltz")


def test_a_melody_enters_as_transformers_lets_it():
    musicgen = tiny("musicgen_melody")
    tune = tones(4.0)
    condition = musicgen.condition(melody=tune)
    chroma = one_hot_chroma(tune.samples[0], 32_000, 12)
    codes = random_codes(7)
    nothing = torch.zeros(1, 1, dtype=torch.int64)
    for start_frame, n_past in ((0, 0), (150, 23)):  # 150 * 640 / 4096 = 23.4
        with torch.inference_mode():
            wanted = musicgen.model(
                input_ids=nothing,
                attention_mask=nothing,
                input_features=torch.cat([chroma[n_past:], chroma[:n_past]])[None],
                decoder_input_ids=codes,
            ).logits[:, -7:]
        got = musicgen.logits(codes[None], musicgen.prefix(condition, start_frame))[0]
        torch.testing.assert_close(got, wanted, rtol=0, atol=1e-5)
    with pytest.raises(InputError, match="tones: this checkpoint takes no melody"):
        tiny().condition(melody=tune)


@pytest.mark.parametrize(("hertz", "pitch_class"), [(440.0, 9), (261.63, 0), (1108.73, 1)])
def test_chroma_names_the_pitch_class(hertz, pitch_class):
    t = np.arange(32_000) / 32_000
    chroma = one_hot_chroma(np.sin(2 * np.pi * hertz * t).astype(np.float32), 32_000, 12)
    assert chroma.shape == (8, 12) and (chroma.argmax(dim=1) == pitch_class).all() and (chroma.sum(dim=1) == 1).all()
    assert one_hot_chroma(np.zeros(10, np.float32), 32_000, 12).shape == (5, 12)


@pytest.mark.parametrize("kind", ["musicgen", "musicgen_melody"])
def test_no_step_beyond_the_position_table(kind):
    musicgen = tiny(kind)
    prefix = musicgen.prefix(musicgen.condition())
    n_prefix = prefix.shape[1] if musicgen.takes_melody else 0
    table = musicgen.model.decoder.model.decoder.embed_positions
    fitting = random_codes(MAX_STEPS - n_prefix)[None]
    musicgen.logits(fitting, prefix)
    with pytest.raises(InputError, match=f"a window of {MAX_STEPS + 1} steps exceeds"):
        musicgen.logits(random_codes(MAX_STEPS - n_prefix + 1)[None], prefix)
    cache = musicgen.new_cache()
    musicgen.logits(fitting, prefix, cache)
    with pytest.raises(InputError, match=f"a window of {MAX_STEPS + 1} steps exceeds"):
        musicgen.logits(fitting[..., :1], prefix, cache)
    assert len(table.weights) == MAX_STEPS
