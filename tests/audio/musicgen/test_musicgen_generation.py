"""What is drawn: greedy as transformers does it, seeded, on from a prompt, along conditions; and the command line."""

import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import torch
from tiny_musicgen import N_CODES, random_codes, random_model, tiny, tones

from audio.musicgen import checks as musicgen_checks
from audio.musicgen.__main__ import main
from audio.musicgen.checkpoint import MusicGen
from audio.musicgen.codec import decode, encode, prepared
from audio.musicgen.config import LOUDNESS_LUFS, CodeSamplingConfig, WindowConfig
from audio.musicgen.generation import continue_codes, draw, first_half, generate
from audio.signal.waveform import Waveform, loudness_lufs, read_audio
from losscal.errors import InputError

GREEDY = CodeSamplingConfig(top_k=1)
SHORT = WindowConfig(window_seconds=0.4, context_seconds=0.1)
NOTHING = random_codes(0)


def seeded(seed=1):
    return torch.Generator().manual_seed(seed)


def continued(musicgen, n_frames, *, prompt=NOTHING, condition=None, sampling=GREEDY, seed=1, config=SHORT):
    prompt = prompt if len(prompt) == musicgen.n_codebooks else random_codes(0, musicgen.n_codebooks)
    condition = condition or musicgen.condition()
    return continue_codes(musicgen, prompt, n_frames, condition, sampling, seeded(seed), config)


@pytest.mark.parametrize("kind", ["musicgen", "musicgen_melody"])
def test_greedy_codes_with_and_without_guidance_are_those_of_transformers(checkpoint, kind):
    musicgen = MusicGen(random_model(kind), checkpoint, "")
    prompt = random_codes(6)
    under = {}
    for guidance in (1.0, 3.0, 4.0):
        codes = under[guidance] = continued(
            musicgen,
            40,
            prompt=prompt,
            condition=musicgen.condition("a calm waltz"),
            sampling=CodeSamplingConfig(top_k=1, guidance=guidance),
            config=WindowConfig(),
        )
        sound = musicgen.model.generate(
            input_ids=torch.tensor([[3, 4, 6, 1]]),
            attention_mask=torch.ones(1, 4, dtype=torch.int64),
            decoder_input_ids=torch.cat([torch.full((4, 1), N_CODES), prompt], dim=1),
            do_sample=False,
            guidance_scale=guidance,
            max_length=40 + 4,
        )
        np.testing.assert_allclose(decode(musicgen, codes), sound[0].numpy(), atol=1e-5)
    # One step of guidance shows, so agreement at each scale means the scale itself is right.
    assert not torch.equal(under[1.0], under[3.0]) and not torch.equal(under[3.0], under[4.0])


@pytest.mark.parametrize(("kind", "channels"), [("musicgen", 1), ("musicgen", 2), ("musicgen_melody", 1)])
def test_codes_are_complete_and_the_prompt_stays_across_windows(kind, channels):
    musicgen = tiny(kind, channels)
    for n_prompt in (0, 1, 19, 20, 33):
        prompt = random_codes(n_prompt, musicgen.n_codebooks)
        codes = continued(musicgen, 60, prompt=prompt, sampling=CodeSamplingConfig())
        assert codes.shape == (musicgen.n_codebooks, 60) and torch.equal(codes[:, :n_prompt], prompt)
        assert codes.min() >= 0 and codes.max() < N_CODES


def test_a_seed_fixes_the_codes_and_greedy_needs_none():
    warm = CodeSamplingConfig(temperature=2.0)
    first = continued(tiny(), 40, sampling=warm, seed=1)
    assert torch.equal(first, continued(tiny(), 40, sampling=warm, seed=1))
    assert not torch.equal(first, continued(tiny(), 40, sampling=warm, seed=2))
    assert torch.equal(continued(tiny(), 40, seed=1), continued(tiny(), 40, seed=2))


def test_guidance_moves_conditioned_codes_alone(checkpoint):
    musicgen = MusicGen(tiny().model, checkpoint, "")
    condition = musicgen.condition("a piano")
    weak, strong = CodeSamplingConfig(top_k=1, guidance=1.0), CodeSamplingConfig(top_k=1, guidance=8.0)
    under_text = [continued(musicgen, 20, condition=condition, sampling=some) for some in (weak, strong)]
    assert not torch.equal(*under_text)
    assert torch.equal(*(continued(musicgen, 20, sampling=some) for some in (weak, strong)))


def test_a_melody_is_followed():
    musicgen = tiny("musicgen_melody")
    codes = [continued(musicgen, 30, condition=musicgen.condition(melody=tones(2.0, seed=seed))) for seed in (1, 2)]
    assert not torch.equal(*codes) and not torch.equal(codes[0], continued(musicgen, 30))


@pytest.mark.parametrize(
    ("sampling", "wanted"),
    [
        (CodeSamplingConfig(), [0.4, 0.3, 0.2, 0.1]),
        (CodeSamplingConfig(top_k=2), [4 / 7, 3 / 7, 0.0, 0.0]),
        (CodeSamplingConfig(top_k=1), [1.0, 0.0, 0.0, 0.0]),
        (CodeSamplingConfig(top_p=0.75), [4 / 9, 3 / 9, 2 / 9, 0.0]),
        (CodeSamplingConfig(top_p=0.7), [4 / 7, 3 / 7, 0.0, 0.0]),
        (CodeSamplingConfig(temperature=0.5), [16 / 30, 9 / 30, 4 / 30, 1 / 30]),
        (CodeSamplingConfig(top_k=3, top_p=0.5), [4 / 7, 3 / 7, 0.0, 0.0]),
    ],
)
def test_draws_follow_the_distribution(sampling, wanted):
    order = torch.tensor([2, 0, 3, 1])  # which code has which share
    logits = torch.empty(4).index_copy_(0, order, torch.tensor([0.4, 0.3, 0.2, 0.1]).log())
    n = 20_000
    drawn = draw(logits.expand(n, 4), sampling, seeded())
    shares = torch.bincount(drawn, minlength=4)[order] / n
    np.testing.assert_allclose(shares, wanted, atol=0.015)
    assert ((shares == 0) == (torch.tensor(wanted) == 0)).all()


@pytest.mark.parametrize(
    "wrong", [{"temperature": 0.0}, {"top_k": 0}, {"top_p": 0.0}, {"top_p": 1.1}, {"guidance": 0.5}]
)
def test_sampling_out_of_bounds_is_refused(wrong):
    with pytest.raises(ValueError, match="allowed is"):
        CodeSamplingConfig(**wrong)


def test_a_continuation_is_the_prompt_and_then_new_sound_at_the_target_loudness():
    half = first_half(tones(2.0, channels=2, sample_rate=44_100))
    assert (half.n_channels, half.n_samples) == (2, 44_100)
    assert first_half(Waveform(np.ones((1, 5), np.float32), 8, "")).seconds == 3 / 8
    sound = generate(tiny(), seconds=1.0, seed=1, prompt=half, config=SHORT)
    assert sound.samples.shape == (1, 64_000) and sound.sample_rate == 32_000
    assert loudness_lufs(sound) == pytest.approx(LOUDNESS_LUFS, abs=0.05)
    prompt = encode(tiny(), prepared(tiny(), half))
    decoded = decode(tiny(), continued(tiny(), 100, prompt=prompt, sampling=CodeSamplingConfig()))
    gain = sound.samples[0, 0] / decoded[0, 0]
    np.testing.assert_allclose(sound.samples, decoded * gain, atol=1e-4)
    assert generate(tiny(), seconds=0.5, seed=1, config=SHORT).seconds == 0.5


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "recording.wav"
    sound = tones(1.2, channels=2, sample_rate=44_100)
    soundfile.write(path, sound.samples.T, sound.sample_rate, subtype="FLOAT")
    return path


def test_the_command_evaluates(checkpoint, recording, capsys):
    arguments = ["evaluate", "--audio", str(recording), "--model", str(checkpoint)]
    assert main([*arguments, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["label"] == "nll of EnCodec codes" and report["condition"] is None
    assert report["seconds"] == 1.2 and len(report["cross_entropy"]) == 4 and report["curve"]["start_seconds"] == [0, 1]
    assert report["perplexity"] == pytest.approx(np.exp(np.mean(report["cross_entropy"])))
    assert set(report["reconstruction"]) == {"waveform_l1", "spectral_convergence", "log_magnitude_l1"}
    assert main([*arguments, "--text", "a calm waltz"]) == 0
    told = capsys.readouterr().out
    assert "text condition" in told and "(nll of EnCodec codes; lower is likelier)" in told
    assert f"perplexity {report['perplexity']:.2f}," not in told


@pytest.mark.parametrize(
    ("flags", "seconds"),
    [
        (["--audio", "recording.wav"], 1.2),
        (["--audio", "recording.wav", "--seconds", "0.5", "--greedy"], 1.7),
        (["--text", "a piano", "--seconds", "0.4", "--top-p", "0.9"], 0.4),
    ],
)
def test_the_command_generates(checkpoint, recording, monkeypatch, flags, seconds, capsys):
    monkeypatch.chdir(recording.parent)
    assert main(["generate", *flags, "--model", str(checkpoint), "--out", "new.wav"]) == 0
    written = read_audio("new.wav")
    assert written.seconds == pytest.approx(seconds, abs=0.021)
    assert loudness_lufs(written) == pytest.approx(LOUDNESS_LUFS, abs=0.05)
    assert "at -14 LUFS" in capsys.readouterr().out
    assert {path.name for path in recording.parent.iterdir()} == {"recording.wav", "new.wav"}


def test_wrong_usage_is_answered_before_anything_is_loaded(capsys):
    with pytest.raises(InputError, match=r"missing\.wav: no such file"):
        main(["generate", "--out", "new.wav", "--audio", "missing.wav", "--model", "never/loaded"])
    with pytest.raises(SystemExit, match="2"):
        main(["generate", "--out", "new.mp3", "--model", "never/loaded"])
    assert "argument --out: new.mp3: end the name in .wav" in capsys.readouterr().err


def test_the_command_checks_a_checkpoint(checkpoint, recording, capsys, monkeypatch):
    assert main(["self-check", str(checkpoint), "--audio", str(recording)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line[:6] for line in told] == ["pass  "] * 6 + ["      "] * 3
    failing = musicgen_checks.Check("one and one is three", False, "2")
    monkeypatch.setattr(musicgen_checks, "CHECKS", (lambda *_: failing,))
    assert main(["self-check", str(checkpoint)]) == 1
    assert capsys.readouterr().out == "FAIL  one and one is three (2)\n"


def test_help_needs_no_heavy_import():
    probe = "import sys, audio.musicgen; sys.exit(bool({'torch', 'transformers', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0
