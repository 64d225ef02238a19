"""Training of the symbolic models: crops, optimiser, and the commands from a tiny cache to weights that score."""

import csv

import numpy as np
import pytest
import torch
from music import random_performance

from symbolic.corpus import Corpus, Piece, write_corpus
from symbolic.likelihood import SymbolicScorer
from train import gpt, vqvae
from train.configs import CropConfig, OptimConfig
from train.crops import Crops, vary
from train.optim import MuonAdamW


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Six training pieces and two for validation."""
    folder = tmp_path_factory.mktemp("cache")
    music = [random_performance(seed, 80) for seed in range(8)]
    pieces, start = [], 0
    for index, performance in enumerate(music):
        stop = start + len(performance)
        split = "train" if index < 6 else "validation"
        pieces.append(Piece(f"{index}", f"{index}.mid", "", "", f"{index}", split, start, stop, 1.0, (), {}))
        start = stop
    write_corpus(folder, pieces, music, [], "made in a test")
    return folder


SMALL = [
    *("--crops.crop_events", "16", "--crops.batch_size", "2", "--crops.steps_per_epoch", "2"),
    *("--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false"),
    *("--trainer.log_every_n_steps", "1", "--trainer.precision", "32-true"),
]
SMALL_GPT = [
    *SMALL,
    "--model.layers",
    "1",
    "--model.width",
    "16",
    "--model.heads",
    "2",
    "--model.context_patches",
    "16",
]


def validation_bits(out):
    (path,) = sorted((out / "csv").glob("*/metrics.csv"))[-1:]
    with open(path, newline="") as file:
        return [
            float(row["validation_bits_per_note"]) for row in csv.DictReader(file) if row["validation_bits_per_note"]
        ]


def test_crops_are_reproducible_and_differ_by_epoch(cache):
    corpus, config = Corpus.open(cache), CropConfig(crop_events=16, steps_per_epoch=4)
    first, again, later = (Crops(corpus, config, epoch) for epoch in (0, 0, 1))
    assert all(np.array_equal(first[i][0], again[i][0]) for i in range(len(first)))
    assert any(not np.array_equal(first[i][0], later[i][0]) for i in range(len(first)))


def test_crops_come_from_training_pieces_only_and_say_where_they_begin(cache):
    config = CropConfig(
        crop_events=16,
        steps_per_epoch=20,
        opening_share=0.5,
        transpose_down=0,
        transpose_up=0,
        tempo_share=0.0,
        velocity_bins=0,
    )
    corpus = Corpus.open(cache)
    pitches = {piece.split: set() for piece in corpus.pieces}
    for piece in corpus.pieces:
        keys = corpus.performance(piece).notes["pitch"].astype(int) - 21
        pitches[piece.split] |= {tuple(keys[i : i + 8]) for i in range(len(keys) - 8)}
    openings = 0
    crops = Crops(corpus, config, 0)
    for index in range(len(crops)):
        events, mid_piece = crops[index]
        notes = events[events[:, 0] < 400]
        if len(notes) >= 9:
            assert tuple(notes[:8, 1]) in pitches["train"]
        openings += not mid_piece
    assert 0.3 < openings / len(crops) < 0.7


def test_variation_moves_all_pitches_together_and_stays_on_the_piano():
    performance = random_performance(5, 40)
    for seed in range(20):
        varied = vary(performance, CropConfig(tempo_share=0.0), np.random.default_rng(seed))
        steps = varied.notes["pitch"].astype(int) - performance.notes["pitch"]
        assert len(set(steps)) == 1
        assert -5 <= steps[0] <= 6
    stretched = vary(performance, CropConfig(tempo_share=0.5), np.random.default_rng(3))
    ratio = stretched.notes["onset_ticks"][-1] / performance.notes["onset_ticks"][-1]
    assert ratio != pytest.approx(1.0, abs=0.01)


def test_muon_adamw_steps_as_the_two_apart_and_its_state_returns():
    config = OptimConfig()

    def parameters():
        generator = torch.Generator().manual_seed(1)
        return [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in ((4, 6), (5,))]

    def step(optimizers, values, count):
        for index in range(count):
            for value in values:
                value.grad = torch.full_like(value, 0.1 * (index + 1)) * value.detach()
            for optimizer in optimizers:
                optimizer.step()

    matrix, vector = parameters()
    apart = [
        torch.optim.Muon([matrix], lr=config.muon_lr, momentum=0.95, weight_decay=config.weight_decay),
        torch.optim.AdamW([vector], lr=config.adamw_lr, betas=(0.9, 0.95), weight_decay=0.0),
    ]
    step(apart, [matrix, vector], 5)
    matrix_together, vector_together = parameters()
    together = MuonAdamW([matrix_together], [vector_together], config)
    step([together], [matrix_together, vector_together], 3)
    resumed = MuonAdamW([matrix_together], [vector_together], config)
    resumed.load_state_dict(together.state_dict())
    for index in (3, 4):
        for value in (matrix_together, vector_together):
            value.grad = torch.full_like(value, 0.1 * (index + 1)) * value.detach()
        resumed.step()
    assert torch.equal(matrix, matrix_together)
    assert torch.equal(vector, vector_together)


def test_the_rate_warms_up_stays_and_falls_to_zero():
    config = OptimConfig(steps=100, warmup_steps=10, decay_share=0.5)
    rates = [config.rate(step) for step in range(101)]
    assert rates[0] == pytest.approx(1 / 11)
    assert rates[10] == rates[50] == 1.0
    assert rates[75] == pytest.approx(0.5)
    assert rates[100] == 0.0


def test_events_train_resume_and_score(cache, tmp_path):
    out = tmp_path / "events"
    flags = ["--data", str(cache), "--out", str(out), *SMALL_GPT]
    gpt.main([*flags, "--optim.steps", "2"])
    first = validation_bits(out)
    gpt.main([*flags, "--optim.steps", "6", "--resume", str(out / "checkpoints" / "last.ckpt")])
    assert len(first) == 1
    assert len(validation_bits(out)) == 2  # steps 3-4 and 5-6 only
    scorer = SymbolicScorer.load("events", out)
    assert np.isfinite(scorer.score([random_performance(1)])[0].bits_per_note)


def test_codes_train_on_a_frozen_vqvae_and_score(cache, tmp_path):
    vq_flags = ["--model.width", "16", "--model.levels", "[3,3]", "--model.notes_per_patch", "2"]
    vqvae.main(["--data", str(cache), "--out", str(tmp_path), *SMALL, *vq_flags, "--optim.steps", "2"])
    autoencoder = tmp_path / "vqvae_autoencoder.safetensors"
    codes_flags = ["--tokens", "codes", "--vqvae", str(autoencoder), "--optim.steps", "2"]
    gpt.main(["--data", str(cache), "--out", str(tmp_path), *SMALL_GPT, *codes_flags])
    scorer = SymbolicScorer.load("vqvae", tmp_path)
    result = scorer.score([random_performance(1)])[0]
    assert result.code_nll_nats > 0
    assert result.note_nll_nats > 0


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--data", "nowhere"], "python -m symbolic.prepare"),
        (["--model.heads", "3"], "width: 256 is no multiple"),
        (["--optim.steps", "0"], "steps: 0 is below 1"),
        (["--tokens", "codes", "--vqvae", "nowhere.safetensors"], "no such weights file"),
        (["--trainer.no_such_flag", "1"], "no_such_flag"),
        (["--resume", "nowhere.ckpt"], "no such checkpoint"),
        (["--model.context_patches", "64"], "crops.crop_events: 512 is above the model's window of 64"),
    ],
)
def test_wrong_usage_is_told_in_one_line_with_status_2(cache, capsys, flags, message):
    with pytest.raises(SystemExit) as stop:
        gpt.main(["--data", str(cache), *flags])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err
