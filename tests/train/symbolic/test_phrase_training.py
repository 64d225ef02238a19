"""Training of the phrase model: it learns to use codes, and a run that was cut goes on as if it had not been."""

import os
import signal

import lightning
import numpy as np
import pytest
import torch
from music import write_random_corpus

from losscal.weights import kind_of, load_weights
from symbolic.models.phrases.codebooks import Codebooks, load_codebooks, save_codebooks
from symbolic.models.phrases.config import PhraseConfig
from symbolic.models.registry import load_model
from train import gpt, vqvae
from train.symbolic import run as training


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Four training pieces and two for validation."""
    folder = tmp_path_factory.mktemp("cache")
    write_random_corpus(folder, train=4, validation=2)
    return folder


SMALL = [
    *("--model.layers=1", "--model.width=16", "--model.heads=2", "--model.window_events=16", "--model.codec_width=8"),
    *("--model.codec_layers=1", "--model.code_layers=1", "--crops.crop_events=32"),
    *("--crops.steps_per_epoch=4", "--crops.validation_notes=32", "--optim.steps=8", "--crops.batch_size=2"),
    *("--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false", "--trainer.precision=32-true"),
]


@pytest.fixture(scope="module", params=[gpt, vqvae], ids=["gpt", "vqvae"])
def run(request, cache, tmp_path_factory):
    """Runs a command into a folder, with more flags, and gives the weights it writes."""
    folder = tmp_path_factory.mktemp("vqvae")
    config = PhraseConfig(heads=2, codec_width=8, codec_layers=1)
    save_codebooks(folder / "codebooks.safetensors", Codebooks(config), {"configs": {"phrases": vars(config)}})
    own = ["--vqvae", str(folder / "codebooks.safetensors"), "--style-pieces=1"] if request.param is gpt else []

    def run(out, *flags):
        """The weights, and what the run tells of its validation."""
        request.param.main(["--data", str(cache), "--out", str(out), *SMALL, *own, *flags])
        if request.param is gpt:
            model, story = load_model(out / "phrases.safetensors")
            return model.state_dict(), story["figures"]
        path = out / "codebooks.safetensors"
        return load_codebooks(path).state_dict(), load_weights(path, kind=kind_of(path))[1]["figures"]

    return run


@pytest.fixture(scope="module")
def whole(run, tmp_path_factory):
    """The folder of a run to the end, and what it made."""
    out = tmp_path_factory.mktemp("whole")
    return out, *run(out)


class EndAfter(lightning.Callback):
    """Asks the run to end, as a machine that shuts down does."""

    def __init__(self, step):
        self.step = step

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.global_step == self.step:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("step", [6, 8], ids=["within an epoch", "behind the last step"])
def test_a_run_that_was_cut_goes_on_to_the_same_weights(run, whole, step, tmp_path, monkeypatch):
    build = training.build_trainer
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(
            training, "build_trainer", lambda *a, callbacks, **k: build(*a, callbacks=[*callbacks, EndAfter(step)], **k)
        )
        run(tmp_path / "cut")
    checkpoint = tmp_path / "cut" / "checkpoints" / training.CHECKPOINT
    assert torch.load(checkpoint, weights_only=True)["global_step"] == step
    assert_same(run(tmp_path / "cut", "--resume", str(checkpoint)), whole[1:])


def test_a_run_that_was_at_its_end_gives_the_same_weights_again(run, whole):
    out, *made = whole
    assert_same(run(out, "--resume", str(out / "checkpoints" / training.CHECKPOINT)), made)


def assert_same(found, expected):
    (weights, figures), (expected_weights, expected_figures) = found, expected
    assert all(torch.equal(expected_weights[name], weights[name]) for name in expected_weights)
    assert figures == expected_figures != {}


def test_composers_are_drawn_more_evenly(cache):
    from symbolic.data.corpus import Corpus
    from train.configs import CropConfig
    from train.symbolic.crops import Crops

    corpus = Corpus.open(cache)
    by_composer = {}
    for evenness in (0.0, 1.0):
        crops = Crops(corpus, CropConfig(composer_evenness=evenness), ())
        shares = np.diff(crops.cumulative_share, prepend=0.0)
        of_bach = [piece.composer == "Bach" for piece in crops.pieces]
        by_composer[evenness] = float(shares[of_bach].sum())
    assert by_composer[1.0] == pytest.approx(0.5)
    assert by_composer[0.0] != pytest.approx(0.5)
