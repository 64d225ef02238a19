"""Ratings are the package's, window by window; a list is answered line by line, whatever is wrong with some."""

import json
import sys
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import pytest
import soundfile
import torch
from sounds import Hum, added_bytes_per_second

from audio import audiobox
from audio.audiobox import AXES, BATCH_WINDOWS, AudioboxScorer, main
from audio.checkpoints import checkpoint_folder
from audio.signal.waveform import Waveform, in_memory, normalise
from losscal.errors import InputError, WeightsError

RATE = 16_000
SCALE = {axis: {"mean": 5.0 + i, "std": 0.5 + i} for i, axis in enumerate(AXES)}


def sound(seconds, seed=0, gain=0.1, sample_rate=RATE):
    """Noise bursts of changing level."""
    rng = np.random.default_rng(seed)
    envelope = np.repeat(rng.uniform(0.2, 1.0, int(seconds) + 1), sample_rate)[: round(seconds * sample_rate)]
    return Waveform((gain * envelope * rng.standard_normal(len(envelope)))[None].astype(np.float32), sample_rate, "x")


class LoudestSample(torch.nn.Module):
    """Each window's loudest sample by CE, what it holds in samples by CU, what lies behind its mask by PC."""

    target_transform = SCALE

    def __init__(self):
        super().__init__()
        self.batch_sizes = []

    def forward(self, batch):
        wav, mask = batch["wav"], batch["mask"]
        assert wav.shape == mask.shape == (len(wav), 1, 10 * RATE) and mask.dtype == torch.bool
        self.batch_sizes.append(len(wav))
        level = wav.abs()
        return {
            "CE": level.amax((1, 2)),
            "CU": mask.sum((1, 2)).float(),
            "PC": level.masked_fill(mask, 0.0).amax((1, 2)),
            "PQ": torch.zeros(len(wav)),
        }


@pytest.fixture
def stand_in():
    return AudioboxScorer(LoudestSample(), "hash")


@pytest.fixture(scope="module")
def aes():
    """The package's model with WavLM made small, and its two modules."""
    module = pytest.importorskip("audiobox_aesthetics.model.aes")
    from audiobox_aesthetics.model.wavlm import WavLMConfig

    small = WavLMConfig(vars(module.DEFAULT_AUDIO_CFG))
    small.update({"encoder_layers": 2, "encoder_embed_dim": 16, "encoder_ffn_embed_dim": 32})
    small.update({"encoder_attention_heads": 2, "conv_pos": 16, "conv_pos_groups": 2})
    small.update({"conv_feature_layers": "[(8,10,5)] + [(8,3,2)] * 4 + [(8,2,2)] * 2"})
    with patch.object(module, "DEFAULT_AUDIO_CFG", small):
        yield module


@pytest.fixture(scope="module")
def checkpoint(aes, tmp_path_factory):
    torch.manual_seed(3)
    model = aes.AesMultiOutput(nth_layer=3, proj_num_layer=2, target_transform=SCALE)
    for weights in model.layer_weights.values():
        torch.nn.init.normal_(weights)
    folder = tmp_path_factory.mktemp("aes")
    model.save_pretrained(folder)
    return folder


def test_a_rating_is_the_mean_weighted_by_what_each_window_holds(stand_in):
    waveform = sound(23.4)
    samples = np.abs(in_memory(normalise(waveform, -23.0)).samples[0])
    pieces = [(samples[:160_000], 160_000), (samples[160_000:320_000], 160_000), (samples[320_000:], 54_400)]
    got = stand_in.score(waveform)
    loudest = sum(piece.max() * n for piece, n in pieces) / 374_400
    held = sum(n * n for _, n in pieces) / 374_400
    assert got == pytest.approx(
        {"CE": 5.0 + 0.5 * loudest, "CU": 6.0 + 1.5 * held, "PC": 7.0, "PQ": 8.0}, rel=1e-6
    )  # PC: behind the mask there are zeros


def test_a_long_recording_is_rated_in_bounded_batches(stand_in):
    stand_in.score(sound(95.0))
    assert stand_in.model.batch_sizes == [BATCH_WINDOWS, BATCH_WINDOWS, 2]


def test_rating_holds_a_few_windows_of_a_long_recording(stand_in):
    assert added_bytes_per_second(lambda seconds: stand_in.score(Hum(seconds)), 80, 240) < 12_800


def test_gain_rate_and_channels_change_nothing(stand_in):
    waveform = sound(12.0)
    wanted = stand_in.score(waveform)
    assert stand_in.score(Waveform(waveform.samples * np.float32(4.0), RATE, "loud")) == pytest.approx(wanted, rel=1e-5)
    stereo = Waveform(np.concatenate([waveform.samples] * 2), RATE, "stereo")
    assert stand_in.score(stereo) == pytest.approx(wanted, rel=1e-5)
    doubled = Waveform(np.repeat(waveform.samples, 2, axis=1), 2 * RATE, "32 kHz")
    assert stand_in.score(doubled)["CU"] == wanted["CU"]


def test_the_packages_model_is_rated_window_by_window(checkpoint):
    scorer = AudioboxScorer.load(checkpoint)
    waveform = sound(43.7, seed=5)
    samples = torch.from_numpy(in_memory(normalise(waveform, -23.0)).samples[0])
    totals = dict.fromkeys(AXES, 0.0)
    for part in samples.split(10 * RATE):
        window = torch.zeros(10 * RATE)
        window[: len(part)] = part
        mask = torch.arange(10 * RATE) < len(part)
        prediction = scorer.model({"wav": window[None, None], "mask": mask[None, None]})
        for axis in AXES:
            totals[axis] += len(part) * (prediction[axis].item() * SCALE[axis]["std"] + SCALE[axis]["mean"])
    got = scorer.score(waveform)
    assert got == pytest.approx({axis: total / len(samples) for axis, total in totals.items()}, rel=1e-5)
    assert (
        len({round(value - SCALE[axis]["mean"], 6) for axis, value in got.items()}) == 4
    )  # random weights are at work


def test_the_packages_own_inference_agrees(checkpoint, monkeypatch):
    pytest.importorskip("tqdm.rich", exc_type=ImportError)
    # What its inference imports beside the model is not at work here: sound at 16 kHz is not resampled.
    resampler = SimpleNamespace(functional=SimpleNamespace(resample=lambda wav, orig_freq, new_freq: wav))
    with patch.dict(sys.modules, {"torchaudio": resampler, "requests": SimpleNamespace()}):
        from audiobox_aesthetics import infer
    scorer = AudioboxScorer.load(checkpoint)
    monkeypatch.setattr(infer, "AesMultiOutput", SimpleNamespace(from_pretrained=lambda name: scorer.model))
    waveforms = [in_memory(normalise(sound(seconds, seed=7), -23.0)) for seconds in (3.2, 31.5)]
    batch = [{"path": torch.from_numpy(waveform.samples), "sample_rate": RATE} for waveform in waveforms]
    wanted = infer.AesPredictor(checkpoint_pth=None).forward(batch)
    for waveform, row in zip(waveforms, wanted, strict=True):
        assert scorer.score(waveform) == pytest.approx(row, rel=1e-4)


def test_a_checkpoint_is_loaded_whole_or_refused(checkpoint, tmp_path, capsys):
    from safetensors.torch import load_file, save_file

    assert len(AudioboxScorer.load(checkpoint).weights_sha256) == 64
    assert capsys.readouterr().out == ""
    (tmp_path / "config.json").write_bytes((checkpoint / "config.json").read_bytes())
    with pytest.raises(InputError, match="safetensors"):
        AudioboxScorer.load(tmp_path)
    weights = tmp_path / "model.safetensors"
    state = load_file(checkpoint / "model.safetensors")
    state.pop("proj_layer.PQ.0.weight")
    save_file(state, weights)
    with pytest.raises(WeightsError, match=r"proj_layer\.PQ\.0\.weight"):
        AudioboxScorer.load(tmp_path)
    weights.write_bytes((checkpoint / "model.safetensors").read_bytes()[:1000])
    with pytest.raises(WeightsError, match="fetch the checkpoint anew"):
        AudioboxScorer.load(tmp_path)
    weights.write_bytes((checkpoint / "model.safetensors").read_bytes())
    config = json.loads((checkpoint / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "target_transform": None}))
    with pytest.raises(WeightsError, match="scale"):
        AudioboxScorer.load(tmp_path)


def test_what_is_missing_is_told_in_one_sentence(monkeypatch):
    for name, reason in {"no/such/name": "no such folder", "nobody/nothing": "never fetched"}.items():
        with pytest.raises(InputError, match=reason):
            checkpoint_folder(name, fetch=False)
    monkeypatch.setattr(audiobox, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install --no-deps audiobox_aesthetics"):
        AudioboxScorer.load()


@pytest.fixture
def rate(stand_in, monkeypatch, tmp_path):
    """A function that rates lines by the command: (exit status, rows)."""
    monkeypatch.setattr(AudioboxScorer, "load", classmethod(lambda cls, checkpoint: stand_in))

    def run(lines):
        source, out = tmp_path / "in.jsonl", tmp_path / "out" / "rated.jsonl"
        source.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
        status = main([str(source), "--out", str(out), "--overwrite"])
        return status, [json.loads(row) for row in out.read_text().splitlines()]

    return run


@pytest.fixture
def wav(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, sound(6.0, sample_rate=8_000).samples.T, 8_000, subtype="FLOAT")
    return str(path)


def test_the_packages_own_lists_work_unchanged_and_ids_are_kept(rate, wav, stand_in):
    status, rows = rate(
        [{"path": wav}, {"path": wav, "start_time": 1, "end_time": 3}, {"id": "x", "path": wav, "k": [1]}]
    )
    whole = stand_in.score(sound(6.0, sample_rate=8_000))
    part = sound(6.0, sample_rate=8_000)
    part = stand_in.score(Waveform(part.samples[:, 8_000:24_000], 8_000, "part"))
    assert status == 0
    assert rows == [
        {"path": wav, **whole},
        {"path": wav, "start_time": 1, "end_time": 3, **part},
        {"id": "x", "path": wav, "k": [1], **whole},
    ]
    assert part["CU"] == 6.0 + 1.5 * 32_000


def test_an_answered_list_can_be_asked_again(rate, wav):
    _, first = rate([{"path": wav}, {"path": "missing.wav", "CE": 3.0}])
    assert "CE" not in first[1]
    status, again = rate([json.dumps(row) for row in first])
    assert (status, again) == (1, first)


BROKEN = {
    "{": "not JSON",
    "[" * 100_000: "not JSON",
    "[1]": "names no file",
    '{"path": 3}': "names no file",
    '{"path": "gone.wav"}': "no such file",
    '{"path": "%s"}' % ("n" * 5000): "cannot be read",
    '{"path": "WAV", "start_time": 1}': "start_time",
    '{"path": "WAV", "start_time": 2, "end_time": 2}': "start_time",
    '{"path": "WAV", "start_time": "1", "end_time": 2}': "start_time",
    '{"path": "WAV", "start_time": NaN, "end_time": 2}': "start_time",
    '{"path": "WAV", "start_time": 6, "end_time": Infinity}': "ends at 6.0 s",
}


def test_a_broken_line_is_told_by_number_and_the_others_go_on(rate, wav, capsys):
    lines = [line.replace("WAV", wav) for line in BROKEN]
    status, rows = rate([{"path": wav}, *lines, "", {"path": wav, "start_time": 0.5, "end_time": 1e9}])
    assert status == 1
    assert "CE" in rows[0] and "CE" in rows[-1] and len(rows) == len(lines) + 2
    told = capsys.readouterr()
    assert told.out == ""
    for number, (row, reason) in enumerate(zip(rows[1:-1], BROKEN.values(), strict=True), start=2):
        assert f"in.jsonl:{number}: " in row["error"] and reason in row["error"], row
        assert row["error"] in told.err and "CE" not in row


def test_a_list_that_cannot_be_used_is_refused(tmp_path):
    (tmp_path / "empty.jsonl").write_text("\n\n")
    (tmp_path / "latin.jsonl").write_bytes(b'{"path": "\xe9.wav"}\n')
    for name, reason in {"empty": "no line", "latin": "UTF-8", "gone": "cannot be read"}.items():
        with pytest.raises(InputError, match=reason):
            main([str(tmp_path / f"{name}.jsonl"), "--out", str(tmp_path / "o.jsonl")])
        assert not (tmp_path / "o.jsonl").exists()
