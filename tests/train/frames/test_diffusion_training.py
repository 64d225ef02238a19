"""`python -m train.diffusion` trains on prepared frames, resumes, and writes weights that the scorer loads."""

import json
import shlex
import subprocess
import sys

import numpy as np
import pytest
import torch

from audio.diffusion.scoring import KIND, DiffusionScorer, window_nats
from audio.spectral.frames import FrameConfig
from losscal.weights import load_weights
from train.diffusion import main
from train.frames.data import FrameCache, RenderedSet
from train.frames.excerpts import SPLITS, RenderedExcerpt

SMALL_MODEL = [
    *("--model.channels", "8", "--model.n_layers", "2", "--model.band_context", "2"),
    *("--model.cell_channels", "4", "--model.cell_layers", "1"),
]
SHORT_RUN = [
    *("--windows.batch_size", "2", "--windows.window_frames", "8", "--windows.steps_per_epoch", "2"),
    *("--optim.steps", "4", "--trainer.precision", "32-true", "--trainer.enable_progress_bar", "false"),
    *("--validation.times", "2", "--validation.window_frames", "16"),
]


@pytest.fixture(scope="module")
def frames(tmp_path_factory) -> FrameCache:
    folder = tmp_path_factory.mktemp("frames")
    rng = np.random.default_rng(0)
    for split in SPLITS:
        levels = [rng.integers(161, size=(20, 88), dtype=np.uint8) for _ in range(2)]
        RenderedSet.save(folder, split, [RenderedExcerpt(each, np.zeros((0, 2), np.int32)) for each in levels])
    recipe = {"data_hash": "of the test", "frames_hash": FrameConfig().hash, "shuffle": None}
    (folder / "recipe.json").write_text(json.dumps(recipe))
    return FrameCache.open(folder)


def test_two_steps_then_resumed_equal_four_steps(frames, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    common = ["--frames", str(frames.folder), *SMALL_MODEL, *SHORT_RUN]
    main([*common, "--out", "half", "--trainer.max_steps", "2"])
    main([*common, "--out", "resumed", "--resume", "half/checkpoints/last.ckpt"])
    main([*common, "--out", "whole"])
    half, resumed, whole = (
        torch.load(f"{out}/checkpoints/last.ckpt", weights_only=True) for out in ("half", "resumed", "whole")
    )
    assert (half["global_step"], resumed["global_step"], whole["global_step"]) == (2, 4, 4)
    for name, value in whole["state_dict"].items():
        torch.testing.assert_close(resumed["state_dict"][name], value, rtol=0, atol=0)
    assert any((half["state_dict"][name] != value).any() for name, value in whole["state_dict"].items())

    state, story = load_weights(f"whole/{KIND}.safetensors", kind=KIND)
    assert story["data_hash"] == "of the test" and story["frames"] == frames.recipe
    assert story["command"] == shlex.join(["python", "-m", "train.diffusion", *common, "--out", "whole"])
    scorer = DiffusionScorer.load("whole")
    assert set(state) == set(scorer.model.state_dict())
    assert 0 < story["figures"]["validation_nats_per_second"] < 20_000


def test_validation_is_the_mean_of_the_scorer_s_bounds(frames, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    still = ["--optim.steps", "2", "--optim.warmup_steps", "1000000", "--optim.adamw_lr", "1e-9"]
    main(["--frames", str(frames.folder), *SMALL_MODEL, *SHORT_RUN, *still, "--out", "run"])
    scorer = DiffusionScorer.load("run")
    levels = [excerpt for split in SPLITS[1:] for excerpt in frames.of_split(split)]
    estimates = [window_nats(scorer.model, excerpt, scorer.estimate).sum() / 4 for excerpt in levels]
    of_story = load_weights(f"run/{KIND}.safetensors", kind=KIND)[1]["figures"]["validation_nats_per_second"]
    assert of_story == pytest.approx(sum(estimates) / (sum(map(len, levels)) / 31.25), rel=0.1)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--data", "nowhere"], "python -m symbolic.prepare"),
        (["--frames", "nowhere"], "no complete frames"),
        (["--model.channels", "0"], "channels"),
        (["--validation.repeats", "1"], "repeats"),
        (["--unknown", "1"], "unknown"),
    ],
)
def test_wrong_flags_and_absent_data_exit_with_2(arguments, reason, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2 and reason in capsys.readouterr().err


def test_frames_of_shuffled_notes_are_refused(frames, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.json").write_text(json.dumps(frames.recipe | {"shuffle": {"rules": []}}))
    with pytest.raises(SystemExit):
        main(["--frames", str(tmp_path)])
    assert "not as they were played" in capsys.readouterr().err


def test_help_needs_neither_torch_nor_lightning():
    code = (
        "import sys\nfrom train.diffusion import main\n"
        "try: main(['--help'])\nexcept SystemExit: assert not {'torch', 'lightning'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
