"""Embeddings are the models' own; folders are compared, whatever is wrong with some of their files."""

import json

import numpy as np
import pytest
import soundfile
import torch

from audio import set_metrics
from audio.metrics.embeddings import (
    ClapEmbedder,
    EncodecEmbedder,
    SoundClassifier,
    SpectralLMEmbedder,
    load_embedder,
    windows_of,
)
from audio.set_metrics import Models, compare, main, measure, recording_of
from audio.signal.waveform import Waveform, in_memory, normalise
from audio.spectral.config import SpectralLMConfig
from audio.spectral.frames import quantised_frames
from audio.spectral.model import SpectralLM, rms_norm
from audio.spectral.scoring import SpectralLMScorer
from losscal.errors import InputError, WeightsError

RATE = 16_000


def noise(seconds, sample_rate=RATE, seed=0):
    samples = 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * sample_rate))
    samples -= samples.mean()  # an offset is taken out of what is measured
    return Waveform(samples[None].astype(np.float32), sample_rate, "noise")


def beats(pitches, step_seconds, sample_rate=RATE):
    """Short decaying tones, one after another."""
    t = np.arange(round(step_seconds * sample_rate)) / sample_rate
    tones = [np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * t) * np.exp(-25 * t) for pitch in pitches]
    return Waveform((0.5 * np.concatenate(tones))[None].astype(np.float32), sample_rate, "beats")


class Spectrum:
    """An embedding without a model: of each second, decibels in eight bands."""

    name, weights_sha256 = "spectrum", "hash"

    def embed(self, waveform):
        seconds = windows_of(waveform, RATE, RATE)
        power = [np.abs(np.fft.rfft(second, 2048)[1:]).reshape(8, -1).mean(axis=1) for second in seconds]
        return np.log10(np.array(power) + 1e-3).astype(np.float32)


MODELS = Models(Spectrum())


# Embeddings


def test_windows_are_full_and_leave_nothing_out():
    waveform = noise(2.3)
    samples = in_memory(normalise(waveform, -23.0)).samples[0]
    windows = list(windows_of(waveform, RATE, RATE))
    assert [len(window) for window in windows] == [RATE] * 3
    np.testing.assert_array_equal(windows[0], samples[:RATE])
    np.testing.assert_array_equal(windows[-1], samples[-RATE:])
    np.testing.assert_array_equal(windows[1], samples[10_400:26_400])
    assert [len(window) for window in windows_of(noise(0.5), RATE, RATE)] == [RATE // 2]


def test_spectral_lm_rows_are_the_means_of_its_states(monkeypatch):
    torch.manual_seed(0)
    model = SpectralLM(SpectralLMConfig(channels=12, n_layers=3, band_context=4, cell_channels=8)).eval()
    embedder = SpectralLMEmbedder(SpectralLMScorer(model, "hash"))
    waveform = noise(20.0)
    with torch.no_grad():
        model.hearing.head.bias.fill_(0.0)
    struck = torch.from_numpy(model.hear(quantised_frames(waveform)))[None]
    assert struck.any()
    n_before = model.config.context_steps
    x = torch.nn.functional.pad(struck, (0, 0, n_before, 0)).float()
    with torch.inference_mode():
        h = torch.cat([model.start.expand(1, n_before, -1), model.embed(x[:, n_before:-1])], dim=1)
        for layer in model.trunk:
            h = layer(h)
        states = rms_norm(h)[0]  # [313, 12]; windows of 256 and 57 steps give rows of 16 and of 14 or 15
    parts = [*states[:256].split(16), *states[256:].tensor_split(4)]
    got = embedder.embed(waveform)
    assert got.shape == (20, 12) and got.dtype == np.float32
    np.testing.assert_allclose(got, torch.stack([part.mean(0) for part in parts]).numpy(), atol=1e-5)
    assert embedder.embed(noise(0.3)).shape == (1, 12)


@pytest.fixture(scope="module")
def clap(tmp_path_factory):
    """A tiny random CLAP with feature fusion, and its tokenizer."""
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    torch.manual_seed(1)
    text = {"vocab_size": 8, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    text |= {"intermediate_size": 16, "max_position_embeddings": 20}
    audio = {"num_mel_bins": 16, "spec_size": 64, "hidden_size": 32, "depths": [1, 1], "num_attention_heads": [2, 2]}
    audio |= {"patch_embeds_hidden_size": 16, "enable_fusion": True, "window_size": 4}
    config = transformers.ClapConfig(text_config=text, audio_config=audio, projection_dim=6)
    folder = tmp_path_factory.mktemp("clap")
    transformers.ClapModel(config).save_pretrained(folder)
    extractor = {"feature_size": 16, "max_length_s": 2, "hop_length": 1600, "truncation": "fusion"}
    transformers.ClapFeatureExtractor(**extractor).save_pretrained(folder)
    words = Tokenizer(WordLevel({"[PAD]": 1, "[UNK]": 3, "piano": 4, "organ": 5, "solo": 6}, unk_token="[UNK]"))
    words.pre_tokenizer = Whitespace()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]")
    fast.save_pretrained(folder)
    return folder


def test_clap_rows_are_the_models_of_windows_that_are_not_longer(clap):
    embedder = load_embedder(str(clap))
    assert isinstance(embedder, ClapEmbedder) and len(embedder.weights_sha256) == 64
    waveform = noise(5.0, 48_000)
    got = embedder.embed(waveform)
    samples = in_memory(normalise(waveform, -23.0)).samples[0]
    model, extract = embedder.model, embedder.extract
    for start, row in zip((0, 72_000, 144_000), got, strict=True):
        mel = extract(samples[start : start + 96_000], sampling_rate=48_000, return_tensors="pt")["input_features"]
        with torch.inference_mode():
            pooled = model.audio_model(input_features=mel, is_longer=torch.zeros(1, 1).bool()).pooler_output
            wanted = torch.nn.functional.normalize(model.audio_projection(pooled), dim=-1)
        np.testing.assert_allclose(row, wanted[0].numpy(), atol=1e-5)
    assert embedder.embed(noise(0.4, 48_000)).shape == (1, 6)


def test_the_clap_score_is_the_mean_cosine_with_the_text(clap, tmp_path, capsys):
    for side in "ab":
        (tmp_path / side).mkdir()
        soundfile.write(tmp_path / side / "x.wav", noise(4.5, 48_000, seed=ord(side)).samples.T, 48_000)
    command = [str(tmp_path / "a"), str(tmp_path / "b"), "--embedding", str(clap)]
    assert main([*command, "--text", "solo piano", "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)["clap_score"]
    embedder = load_embedder(str(clap))
    text = embedder.embed_text("solo piano")
    assert np.linalg.norm(text) == pytest.approx(1.0, abs=1e-5)
    assert np.abs(text - embedder.embed_text("solo organ")).max() > 1e-4
    for name, side in {"reference": "a", "evaluated": "b"}.items():
        from audio.signal.waveform import read_audio

        rows = embedder.embed(read_audio(tmp_path / side / "x.wav"))
        cosines = [row @ text / np.linalg.norm(row) / np.linalg.norm(text) for row in rows]
        assert scores[name] == pytest.approx(np.mean(cosines), abs=1e-6)


@pytest.mark.parametrize("channels", [1, 2])
def test_encodec_rows_are_the_means_of_its_latents(tmp_path, channels):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = {
        "sampling_rate": 8_000,
        "audio_channels": channels,
        "normalize": channels == 2,
        "upsampling_ratios": [8, 5],
    }
    config |= {"hidden_size": 6, "num_filters": 4, "codebook_size": 16, "codebook_dim": 6, "num_residual_layers": 1}
    transformers.EncodecModel(transformers.EncodecConfig(**config)).save_pretrained(tmp_path)
    embedder = load_embedder(str(tmp_path))
    assert isinstance(embedder, EncodecEmbedder)
    waveform = noise(3.0, 8_000)
    samples = in_memory(normalise(waveform, -23.0)).samples[0]
    got = embedder.embed(waveform)
    for second, row in zip(samples.reshape(3, 8_000), got, strict=True):
        sound = second / np.sqrt(np.mean(second**2)) if channels == 2 else second
        with torch.inference_mode():
            latents = embedder.model.encoder(torch.from_numpy(np.stack([sound] * channels))[None])
        np.testing.assert_allclose(row, latents[0].mean(dim=1).numpy(), atol=1e-5)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config |= {"num_mel_bins": 16, "max_length": 64, "num_labels": 5, "patch_size": 8}
    folder = tmp_path_factory.mktemp("ast")
    model = transformers.ASTForAudioClassification(transformers.ASTConfig(**config))
    torch.nn.init.normal_(model.classifier.dense.weight, std=2.0)
    model.save_pretrained(folder)
    transformers.ASTFeatureExtractor(num_mel_bins=16, max_length=64).save_pretrained(folder)
    return folder


def test_a_classifiers_word_on_a_recording_is_the_mean_of_its_windows(classifier):
    reader = SoundClassifier(str(classifier))
    waveform = noise(20.0)
    samples = in_memory(normalise(waveform, -23.0)).samples[0]
    probabilities = []
    for window in samples.reshape(2, -1):
        inputs = reader.extract(window, sampling_rate=RATE, return_tensors="pt")
        with torch.inference_mode():
            probabilities.append(reader.model(**inputs).logits[0].softmax(dim=-1).numpy())
    assert np.abs(probabilities[0] - probabilities[1]).max() > 1e-6
    np.testing.assert_allclose(np.exp(reader.log_probabilities(waveform)), np.mean(probabilities, axis=0), rtol=1e-4)


def test_kld_is_of_recordings_of_equal_name(classifier, tmp_path, capsys):
    sounds = {
        "a/1.wav": noise(3.0),
        "a/2.flac": beats([60] * 6, 0.5),
        "b/1.flac": beats([84] * 6, 0.5),
        "b/3.wav": noise(1),
    }
    for name, waveform in sounds.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        soundfile.write(tmp_path / name, waveform.samples.T, RATE)
    from audio.signal.waveform import read_audio

    reader = SoundClassifier(str(classifier))
    log_p, log_q = (reader.log_probabilities(read_audio(tmp_path / name)) for name in ("a/1.wav", "b/1.flac"))
    models = Models(Spectrum(), reader)
    report = measure(tmp_path / "a", tmp_path / "b", models)
    assert report["kld_nats"] == pytest.approx(np.sum(np.exp(log_p) * (log_p - log_q))) != 0.0
    assert any("KLD: 2 recordings have no namesake" in warning for warning in report["warnings"])


def test_checkpoints_of_another_kind_and_with_gaps_are_refused(clap, classifier, tmp_path):
    from safetensors.torch import load_file, save_file

    with pytest.raises(InputError, match="audio-spectrogram-transformer"):
        load_embedder(str(classifier))
    with pytest.raises(InputError, match=r"model\*\.safetensors"):
        load_embedder(str(tmp_path))
    state = load_file(clap / "model.safetensors")
    state.pop("audio_projection.linear1.weight")
    save_file(state, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match=r"config\.json"):
        load_embedder(str(tmp_path))
    (tmp_path / "config.json").write_bytes((clap / "config.json").read_bytes())
    with pytest.raises(WeightsError, match=r"lacks 1 weights of its model, audio_projection\.linear1\.weight"):
        load_embedder(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes((clap / "model.safetensors").read_bytes())
    with pytest.raises(InputError, match="AutoFeatureExtractor"):
        load_embedder(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"short")
    with pytest.raises(WeightsError, match="fetch the checkpoint anew"):
        load_embedder(str(tmp_path))
    with pytest.raises(InputError, match="is no "):
        SoundClassifier(str(clap))


# Folders


def test_equal_sets_lie_at_zero_and_the_order_does_not_matter():
    a = {str(i): recording_of(noise(6.0, seed=i), MODELS) for i in range(3)}
    b = {str(i): recording_of(beats([60, 64, 67, 72] * 3, 0.5), MODELS) for i in range(2)}
    same, _ = compare(a, a)
    for name in ("fad", "chroma_distance", "pitch_distance_semitones", "rhythm_distance_octaves", "mfcc_distance_db2"):
        assert same[name] == pytest.approx(0.0, abs=1e-6), name
    assert same["kad"] < 0.0  # unbiased: below 0 for the very same rows
    there, back = compare(a, b)[0], compare(b, a)[0]
    assert {name for name, value in there.items() if value is None} == {"kld_nats", "clap_score"}
    for name, value in there.items():
        if name not in ("kld_nats", "clap_score", "kad"):  # KAD's width is the reference's
            assert value == pytest.approx(back[name]) and value > 0.01, name


def test_a_transposition_moves_pitch_and_chroma_and_not_rhythm():
    low, high = ({"x": recording_of(beats(pitches, 0.25), MODELS)} for pitches in ([60, 67] * 10, [65, 72] * 10))
    figures, _ = compare(low, high)
    assert figures["pitch_distance_semitones"] == pytest.approx(5.0, abs=0.2)
    assert figures["chroma_distance"] > 0.5
    assert figures["rhythm_distance_octaves"] < 0.2
    octave = {"x": recording_of(beats([72, 79] * 10, 0.25), MODELS)}
    assert compare(low, octave)[0]["chroma_distance"] < 0.25


def test_half_the_tempo_is_an_octave_of_rhythm():
    fast, slow = ({"x": recording_of(beats([60, 64, 67] * 6, step), MODELS)} for step in (0.25, 0.5))
    figures, _ = compare(fast, slow)
    assert figures["rhythm_distance_octaves"] == pytest.approx(1.0, abs=0.15)
    assert figures["pitch_distance_semitones"] < 0.5
    held = {"x": recording_of(beats([60], 0.3), MODELS)}
    assert compare(fast, held)[0]["rhythm_distance_octaves"] is None


def test_fad_says_when_it_has_too_few_rows():
    sounds = {seconds: {"x": recording_of(noise(seconds, seed=seconds), MODELS)} for seconds in (1, 8, 9, 80)}
    few, warnings = compare(sounds[8], sounds[80])  # eight rows of eight dimensions
    assert few["fad"] is None and any("wants 80 rows of 8 dimensions, there are 8" in text for text in warnings)
    some, warnings = compare(sounds[9], sounds[80])
    assert some["fad"] > 0 and any("too high" in text for text in warnings)
    assert compare(sounds[80], sounds[80])[1] == []
    one, warnings = compare(sounds[1], sounds[80])
    assert one["kad"] is None and any(text.startswith("KAD") for text in warnings)


def test_the_command_tells_all_figures_and_goes_on_over_broken_files(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(set_metrics, "_load", lambda embedding, classifier, text: MODELS)
    (tmp_path / "a/deep").mkdir(parents=True)
    (tmp_path / "b/.hidden").mkdir(parents=True)
    for name, waveform in {
        "a/x": noise(9),
        "a/deep/y": noise(3),
        "b/x": beats([60] * 20, 0.5),
        "b/.hidden/z": noise(2),
    }.items():
        soundfile.write(tmp_path / f"{name}.wav", waveform.samples.T, RATE)
    (tmp_path / "b/notes.txt").write_text("no sound")
    folders = [str(tmp_path / "a"), str(tmp_path / "b")]
    assert main(folders) == 0
    shown = capsys.readouterr()
    for name in set_metrics.FIGURES:
        assert name in shown.out
    assert "None is a likelihood of one piece" in shown.out and "warning: FAD" in shown.err
    (tmp_path / "a/broken.wav").write_bytes(b"RIFF")
    (tmp_path / "a/x.flac").write_bytes((tmp_path / "a/x.wav").read_bytes())
    assert main([*folders, "--json"]) == 1
    told = capsys.readouterr()
    report = json.loads(told.out)
    assert report["errors"] == [line.removeprefix("error: ") for line in told.err.splitlines() if "error" in line]
    broken, doubled = report["errors"]
    assert "broken.wav: cannot be read" in broken and "x.wav: another recording beside it" in doubled
    size = report["reference"]
    assert (size["files"], size["seconds"], size["embedding_rows"]) == (2, pytest.approx(12.0), 12)
    assert report["evaluated"]["files"] == 1 and report["fad"] > 0 and report["embedding"]["name"] == "spectrum"


def test_what_cannot_be_measured_is_refused_in_one_sentence(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="--text"):
        set_metrics._load("spectral_lm", None, "piano")
    (tmp_path / "empty").mkdir()
    for name, reason in {"empty": "holds no recording", "gone": "no such folder"}.items():
        with pytest.raises(InputError, match=reason):
            measure(tmp_path / name, tmp_path / name, MODELS)
