"""Long files show how far they are: each loop over their blocks or windows can be watched from above."""

import numpy as np
import pytest
import soundfile
from music import random_performance
from tiny_models import tiny_model

from audio.signal.waveform import open_audio
from bridge.render import render
from losscal.processes.progress import watching
from symbolic.notes.performance import write_midi
from symbolic.scoring.likelihood import score
from symbolic.scoring.phrases import CHUNK_EVENTS


@pytest.fixture
def seen():
    """[desc, total, steps so far] of each loop that is watched in the test."""
    loops = []

    def progress(steps, desc, total):
        loop = [desc, len(steps) if total is None else total, 0]
        loops.append(loop)
        for step in steps:
            loop[-1] += 1
            yield step

    with watching(progress):
        yield loops


def test_each_pass_over_a_recording_is_watched_block_by_block(seen, tmp_path):
    soundfile.write(tmp_path / "take.wav", 0.1 * np.random.default_rng(0).standard_normal(200_000), 22_050)
    blocks = list(open_audio(tmp_path / "take.wav").blocks())
    assert seen == [["take.wav", len(blocks), len(blocks)]] and len(blocks) > 2


def test_the_stretches_of_a_long_piece_are_watched(seen):
    music = [random_performance(1, 2 * CHUNK_EVENTS + 100)]
    scored = score(tiny_model(), music)
    ((desc, total, steps),) = seen
    assert desc == "notes" and total == steps == 3
    with watching(lambda steps, **told: steps):
        assert score(tiny_model(), music)[0].nll_nats == pytest.approx(scored[0].nll_nats)
    assert len(seen) == 1


@pytest.mark.fluidsynth
def test_rendering_is_watched(seen, tmp_path):
    write_midi(random_performance(1, 20), tmp_path / "piece.mid")
    render(tmp_path / "piece.mid")
    playing, reading = seen
    assert playing[0] == "playing" and playing[1] == playing[2] >= 40
    assert reading[0] == "piece.mid, as played" and reading[1] == reading[2] > 0
