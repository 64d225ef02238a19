"""A tiny random MusicGen: what loads and what is refused, conditions, delays, the table of positions."""

import hashlib
import json
import shutil

import numpy as np
import pytest
import torch
from tiny_musicgen import MAX_STEPS, N_CODES, random_codes, random_model, tiny, tones

from audio.musicgen.checkpoint import MusicGen
from audio.musicgen.melody import one_hot_chroma
from audio.musicgen.steps import delayed, shifted, undelayed
from losscal.errors import InputError, WeightsError


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
    monkeypatch.setattr("audio.musicgen.checkpoint.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"run pip install '\.\[musicgen\]' in LossCal's folder"):
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
