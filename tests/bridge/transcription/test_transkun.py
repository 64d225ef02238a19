"""The real transcriber hears the notes that were played, none where nothing is, and says nothing meanwhile."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from memory import peak_added_mib

from audio.signal.waveform import Waveform, cut, open_audio
from bridge.transcription import transkun_blocks
from bridge.transcription.opening import open_transcriber
from bridge.transcription.transcriber import Heard
from bridge.transcription.transkun import stand_ins
from symbolic.notes.cleaning import read_midi
from symbolic.scoring.phrase_codes import note_f1

EXAMPLE = Path(__file__).parents[3] / "examples/bridal_chorus"
SECONDS = 8
pytestmark = pytest.mark.skipif(find_spec("transkun") is None, reason="transkun is not installed")


@pytest.fixture(scope="module")
def transkun():
    return open_transcriber()


def test_the_notes_of_a_rendering_are_heard(transkun, capfd):
    sound = open_audio(EXAMPLE.with_suffix(".wav"))
    with peak_added_mib() as peak:
        notes = transkun.transcribe(cut(sound, 0, SECONDS * sound.sample_rate))
    assert peak.mib < 450  # the package alone takes 1100, weights and all
    heard = Heard(tuple(notes), transkun.name, transkun.version, sound.source).cleaned.performance
    whole = read_midi(EXAMPLE.with_suffix(".mid")).performance
    played = whole.excerpt(0, int((whole.notes["onset_ticks"] < heard.notes["onset_ticks"][-1] + 5).sum()))
    assert len(played) > 30 and note_f1(played.notes, heard.notes) > 0.95
    assert capfd.readouterr().out == ""


def test_nothing_is_heard_in_quiet_noise(transkun):
    noise = 1e-4 * np.random.default_rng(0).normal(size=(1, 5 * 44_100))
    assert transkun.transcribe(Waveform(noise.astype(np.float32), 44_100, "noise.wav")) == []


@pytest.mark.parametrize("sizes", [(100, 8, 3), (7, 5, 90), (1000, 1000, 1)])
def test_in_blocks_of_any_size_the_network_says_the_same(sizes, monkeypatch):
    import torch

    for name, size in zip(("BLOCK_FRAMES", "BLOCK_ROWS", "BLOCK_KEYS"), sizes, strict=True):
        monkeypatch.setattr(transkun_blocks, name, size)
    with stand_ins():
        from transkun.ModelTransformer import ModelConfig, TransKun

        config = ModelConfig()
        config.baseSize, config.nLayers, config.scoringExpansionFactor = 8, 2, 1
        torch.manual_seed(0)
        model = TransKun(config).eval()
    model.backbone.useGradientCheckpoint = False
    torch.nn.init.uniform_(model.framewiseFeatureExtractor.freq2mels)
    torch.nn.init.normal_(model.scorer.map[0].weight)  # else hardly a span is chosen
    frames = torch.randn(1, 1, 150, config.windowSize)
    firsts = [3 * (key % 7) for key in range(len(model.targetMIDIPitch))]
    with torch.inference_mode():
        ((whole,), whole_ends) = model.transcribeFrames(frames, forcedStartPos=firsts, lastFrameIdx=149)
        transkun_blocks.compute_in_blocks(model)
        ((blocks,), block_ends) = model.transcribeFrames(frames, forcedStartPos=firsts, lastFrameIdx=149)
    assert len(whole) > 100 and block_ends == whole_ends
    for one, other in zip(whole, blocks, strict=True):
        assert vars(one) == pytest.approx(vars(other), abs=1e-4)
