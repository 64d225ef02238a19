"""Training in two processes that share every batch: the same as in one, and a run goes on from either in the other."""

import csv
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from music import write_random_corpus

from losscal.errors import InputError
from symbolic.data.corpus import Corpus
from symbolic.models.phrases.codebooks import Codebooks, save_codebooks
from symbolic.models.phrases.config import PhraseConfig
from train import gpt, vqvae
from train.configs import CropConfig
from train.symbolic.phrase_data import PhraseData

MONITOR = "validation_left_out_share"
MODEL = {"layers": 1, "width": 16, "heads": 2, "window_events": 16, "codec_width": 8, "codec_layers": 1}
SMALL = [
    *(f"--model.{name}={value}" for name, value in MODEL.items()),
    *("--crops.crop-events=32", "--crops.steps-per-epoch=2", "--crops.validation-notes=32", "--crops.batch-size=4"),
    *("--optim.steps=6", "--optim.warmup-steps=0", "--optim.adamw-lr=0.01", "--training.ema-decay=0.1"),
    "--trainer.precision=32-true",
    *("--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false", "--trainer.accelerator=cpu"),
]
TWO = ["--trainer.devices=2", "--trainer.strategy=ddp"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A cache of six training pieces and ten for validation, five of which are validated on, and codebooks."""
    folder = tmp_path_factory.mktemp("two")
    write_random_corpus(folder / "cache", train=6, validation=10, notes=40)
    config = PhraseConfig(**MODEL)
    save_codebooks(folder / "codebooks.safetensors", Codebooks(config), {"configs": {"phrases": vars(config)}})
    return folder


def validations(out):
    """The validation figures of all of a folder's runs, by step."""
    by_step = {}
    for path in out.glob("csv/*/metrics.csv"):
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                if row.get(MONITOR):
                    by_step[int(row["step"])] = {
                        name: float(value) for name, value in row.items() if value and name.startswith("validation")
                    }
    return by_step


@pytest.mark.parametrize(("command", "weights"), [(gpt, "phrases"), (vqvae, "codebooks")], ids=["gpt", "vqvae"])
def test_a_run_goes_on_in_two_processes_and_back_as_in_one(folder, tmp_path, command, weights):
    own = (
        ["--vqvae", str(folder / "codebooks.safetensors"), "--training.every-batch-for-rates=2"]
        if command is gpt
        else []
    )
    flags = ["--data", str(folder / "cache"), *SMALL, *own]

    def arguments(out, steps):
        last = out / "checkpoints" / "last.ckpt"
        resume = ["--resume", str(last)] if last.is_file() else []
        return [*flags, "--out", str(out), f"--trainer.max_steps={steps}", *resume]

    one, other = tmp_path / "one", tmp_path / "other"
    command.main(arguments(one, 2))
    begun = last_state(one)
    shutil.copytree(one, other)
    command.main(arguments(one, 4))
    command.main(arguments(one, 6))
    in_two = [sys.executable, "-m", command.__name__, *arguments(other, 4), *TWO]
    done = subprocess.run(in_two, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    command.main(arguments(other, 6))

    expected, found = validations(one), validations(other)
    assert sorted(expected) == sorted(found)
    assert len(expected) == 3
    for step, figures in expected.items():
        assert found[step] == pytest.approx(figures, rel=1e-5)
    whole, shared = last_state(one), last_state(other)
    learned = max(float((whole[name] - begun[name]).abs().max()) for name in whole)
    apart = max(float((whole[name] - shared[name]).abs().max()) for name in whole)
    assert apart < 0.01 * learned
    assert files(one) == files(other)  # nothing is written twice


def files(out):
    return sorted(
        str(path.relative_to(out)) for path in out.rglob("*") if path.suffix in {".ckpt", ".csv", ".safetensors"}
    )


def last_state(out):
    return torch.load(out / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]


def test_every_crop_and_validation_batch_is_one_process_s(folder):
    corpus, config = Corpus.open(folder / "cache"), CropConfig(crop_events=32, batch_size=4)

    def data_of(process, processes):
        data = PhraseData(corpus, config, ())
        data.trainer = SimpleNamespace(global_rank=process, world_size=processes, global_step=3)
        data.setup("fit")
        return next(iter(data.train_dataloader())).events, list(data.val_dataloader())

    (crops, validated), *shares = data_of(0, 1), data_of(0, 2), data_of(1, 2)
    for process, (own_crops, own_validated) in enumerate(shares):
        assert torch.equal(own_crops, crops[process::2])
        for rows, expected in zip(own_validated, validated[process::2], strict=True):
            assert all(np.array_equal(row, other) for row, other in zip(rows, expected, strict=True))
    assert len(validated) == 3  # an odd number: one process has a batch more
    with pytest.raises(InputError, match=r"--crops.batch-size: 4 excerpts cannot be shared out evenly among 3"):
        data_of(0, 3)
    with pytest.raises(InputError, match=r"--trainer.devices: 3 batches of validation are too few for 4"):
        data_of(0, 4)
