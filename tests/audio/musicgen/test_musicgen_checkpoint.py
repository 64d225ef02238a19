"""A tiny random MusicGen: what loads and what is refused, conditions, delays, the table of positions."""

import hashlib
import json
import shutil

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
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


def with_config(checkpoint, folder, change):
    """A checkpoint of the same weights whose config.json is what `change` makes of it."""
    shutil.copytree(checkpoint, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(change(config)))
    return folder


def setting(part, key, value):
    return lambda config: {**config, part: {**config[part], key: value}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            setting("decoder", "num_hidden_layers", -1),
            r"decoder\.num_hidden_layers -1: allowed is .* from 1 up to 1000",
        ),
        (setting("decoder", "num_hidden_layers", 10**9), r"decoder\.num_hidden_layers 1000000000: allowed is"),
        (setting("decoder", "num_hidden_layers", 1000), "a larger model than the .* numbers of its weights"),
        (setting("decoder", "num_hidden_layers", "6"), r"decoder\.num_hidden_layers is '6', which is no"),
        (setting("decoder", "num_hidden_layers", 1e5), r"decoder\.num_hidden_layers is 100000\.0, which is no"),
        (setting("decoder", "hidden_size", 96_000), "a larger model than the .* numbers of its weights"),
        (setting("decoder", "max_position_embeddings", 1_000_000), "a larger model than the .* numbers of its weights"),
        (setting("decoder", "num_attention_heads", 3), r"decoder\.hidden_size 32: is no multiple"),
        (setting("decoder", "pad_token_id", 3), r"decoder\.pad_token_id 3: must be"),
        (setting("decoder", "activation_function", "none"), "cannot be loaded|make no|is no Musicgen"),
        (setting("decoder", "dropout", "much"), "is no Musicgen"),
        (setting("audio_encoder", "upsampling_ratios", 8), r"audio_encoder\.upsampling_ratios is 8, which is no"),
        (setting("audio_encoder", "upsampling_ratios", [2] * 100), r"upsampling_ratios: 100 numbers"),
        (setting("audio_encoder", "target_bandwidths", [999.0]), "makes 3330 codebooks"),
        (setting("audio_encoder", "model_type", "bert"), r"audio_encoder\.model_type is 'bert'"),
        (setting("audio_encoder", "codebook_size", 128), "decoder.vocab_size is 64, the codebooks hold 128"),
        (setting("text_encoder", "num_layers", 10**9), r"text_encoder\.num_layers 1000000000: allowed is"),
        (lambda config: {**config, "decoder": [1]}, "decoder is .1., no JSON object"),
        (lambda config: {key: config[key] for key in config if key != "decoder"}, "decoder is None, no JSON object"),
        (lambda config: {**config, "quantization_config": {"quant_method": "bitsandbytes"}}, "weights are quantised"),
        (lambda config: {**config, "model_type": ["musicgen"]}, r"holds no config\.json of transformers"),
        (lambda config: [config], "no JSON object"),
    ],
)
def test_a_config_that_makes_no_model_is_refused_before_it_is_built(checkpoint, tmp_path, change, message):
    folder = with_config(checkpoint, tmp_path / "changed", change)
    with pytest.raises((InputError, WeightsError), match=message) as caught:
        MusicGen.load(folder)
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value)


def test_keys_that_other_versions_of_transformers_write_are_passed_over(checkpoint, tmp_path):
    folder = with_config(checkpoint, tmp_path / "changed", setting("decoder", "of_another_version", 3))
    assert MusicGen.load(folder).n_codes == N_CODES


def in_shards(checkpoint, folder, **index):
    """The checkpoint with its weights in one shard beside an index, of which `index` replaces parts."""
    shutil.copytree(checkpoint, folder)
    shard = "model-00001-of-00001.safetensors"
    (folder / "model.safetensors").rename(folder / shard)
    with safe_open(folder / shard, framework="pt") as file:
        names = dict.fromkeys(file.keys(), shard)
    values = {"metadata": {"total_size": 1}, "weight_map": names} | index
    (folder / "model.safetensors.index.json").write_text(json.dumps(values))
    return folder


def test_weights_in_shards_are_read_links_included(checkpoint, tmp_path):
    folder = in_shards(checkpoint, tmp_path / "shards")
    shard = next(folder.glob("model-*"))
    shard.rename(tmp_path / "blob")
    shard.symlink_to(tmp_path / "blob")  # as in the hub's cache
    assert MusicGen.load(folder).n_codes == N_CODES


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ({"weight_map": {"a": "../model.safetensors"}}, r"a lies in '\.\./model\.safetensors', no"),
        ({"weight_map": {"a": "/etc/model.safetensors"}}, "a lies in '/etc/model.safetensors', no"),
        ({"weight_map": {"a": "sub/model.safetensors"}}, "a lies in 'sub/model.safetensors', no"),
        ({"weight_map": {"a": "config.json"}}, r"a lies in 'config\.json', no"),
        ({"weight_map": {"a": 3}}, "a lies in 3, no"),
        ({"weight_map": {"a": "model-2.safetensors"}}, r"model-2\.safetensors: is named by .* but is no file"),
        ({"weight_map": ["a"]}, "lacks the objects weight_map and metadata"),
        ({"weight_map": {}}, "lacks the objects weight_map and metadata"),
        ({"metadata": None}, "lacks the objects weight_map and metadata"),
    ],
)
def test_an_index_that_is_broken_or_names_a_file_elsewhere_is_refused(checkpoint, tmp_path, index, message):
    with pytest.raises(InputError, match=message):
        MusicGen.load(in_shards(checkpoint, tmp_path / "shards", **index))


def test_weights_that_are_not_finite_are_refused(checkpoint, tmp_path):
    folder = shutil.copytree(checkpoint, tmp_path / "changed")
    state = load_file(folder / "model.safetensors")
    state["decoder.lm_heads.2.weight"][0, 0] = float("nan")
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=r"decoder\.lm_heads\.2\.weight holds numbers that are not finite"):
        MusicGen.load(folder)


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
    with pytest.raises(InputError, match=r"tokenizer\.json.* cannot be used"):
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


def of_other_ids(text):
    tokenizer = json.loads(text)
    tokenizer["model"]["vocab"] = {word: 1000 + index for index, word in enumerate(tokenizer["model"]["vocab"])}
    return json.dumps(tokenizer)


@pytest.mark.parametrize("file", ["tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize("content", ["", "{", "[]", "null", '"x"', "{}", '{"added_tokens_decoder": [1]}', of_other_ids])
def test_a_damaged_tokenizer_is_refused_in_one_sentence(checkpoint, tmp_path, file, content):
    folder = shutil.copytree(checkpoint, tmp_path / "damaged")
    path = folder / (file if isinstance(content, str) else "tokenizer.json")
    path.write_text(content if isinstance(content, str) else content(path.read_text()))
    musicgen = MusicGen(random_model(), folder, "0" * 64)
    with pytest.raises(InputError, match=r"tokenizer\.json.* fetch (these files|the file) anew\.$") as caught:
        musicgen.condition("calm piano waltz")
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"pad_token_id": [1]}'])
def test_a_damaged_generation_config_is_named(checkpoint, tmp_path, content):
    folder = shutil.copytree(checkpoint, tmp_path / "damaged")
    (folder / "generation_config.json").write_text(content)
    with pytest.raises((InputError, WeightsError), match=r"generation_config\.json.* anew\.$") as caught:
        MusicGen.load(folder)
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value)
