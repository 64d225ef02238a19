"""Training of the symbolic models: crops, optimiser, and the commands from a tiny cache to weights that score."""

import csv
import errno
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml
from music import random_performance, write_random_corpus

from losscal.errors import InputError
from symbolic.data.corpus import Corpus
from symbolic.models.phrases.codebooks import Codebooks, load_codebooks, save_codebooks
from symbolic.models.phrases.config import PhraseConfig
from symbolic.models.phrases.model import PhraseGPT
from symbolic.models.registry import load_model
from symbolic.scoring.likelihood import SymbolicScorer
from symbolic.tokens.events import REST
from train import gpt, vqvae
from train.configs import CropConfig, OptimConfig
from train.gpt import start_from, with_styles
from train.optim import MuonAdamW, build_optimizer
from train.symbolic.crops import Crops, collate, vary


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Six training pieces and two for validation."""
    folder = tmp_path_factory.mktemp("cache")
    write_random_corpus(folder, train=6, validation=2)
    return folder


SMALL_SHAPE = {"layers": 1, "width": 16, "heads": 2, "window_events": 16, "codec_width": 8, "codec_layers": 1}
CODEC = [f"--model.{name}={SMALL_SHAPE[name]}" for name in ("heads", "codec_width", "codec_layers")]
SMALL = [
    *(f"--model.{name}={value}" for name, value in SMALL_SHAPE.items()),
    *("--crops.crop_events", "16", "--crops.batch_size", "2", "--crops.steps_per_epoch", "2"),
    *("--crops.validation_notes", "32"),
    *("--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false"),
    *("--trainer.log_every_n_steps", "1", "--trainer.precision", "32-true"),
]


@pytest.fixture(scope="module")
def codebooks(tmp_path_factory):
    """Codebooks that nobody has trained."""
    path = tmp_path_factory.mktemp("vqvae") / "codebooks.safetensors"
    config = PhraseConfig(**SMALL_SHAPE)
    save_codebooks(path, Codebooks(config), {"configs": {"phrases": vars(config)}})
    return str(path)


@pytest.fixture(scope="module")
def common(cache, codebooks):
    return ["--data", str(cache), "--vqvae", codebooks, *SMALL]


def logged(out):
    """The rows of the last run's log that hold a validation."""
    path = max((out / "csv").glob("version_*/metrics.csv"), key=lambda path: int(path.parent.name[8:]))
    with open(path, newline="") as file:
        return [row for row in csv.DictReader(file) if row["validation_bits_per_note"]]


def validation_bits(out):
    return [float(row["validation_bits_per_note"]) for row in logged(out)]


def test_crops_are_reproducible_and_differ(cache):
    corpus, config = Corpus.open(cache), CropConfig(crop_events=16)
    first, again = (Crops(corpus, config, ()) for _ in range(2))
    assert all(np.array_equal(first[i].events, again[i].events) for i in range(8))
    assert any(not np.array_equal(first[i].events, first[i + 8].events) for i in range(8))


def test_crops_come_from_training_pieces_only_and_say_where_they_begin(cache):
    config = CropConfig(
        crop_events=16,
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
    crops = Crops(corpus, config, ())
    for index in range(40):
        crop = crops[index]
        notes = crop.events[crop.events[:, 0] < 400]
        if len(notes) >= 9:
            assert tuple(notes[:8, 1]) in pitches["train"]
        openings += not crop.mid_piece
    assert 0.3 < openings / 40 < 0.7


def test_a_crop_goes_on_from_what_can_be_recalled_in_it_varied_alike(cache):
    corpus = Corpus.open(cache)
    crops = Crops(corpus, CropConfig(crop_events=16, opening_share=0.0, tempo_share=0.0, velocity_bins=0), ())
    pieces = [corpus.performance(piece) for piece in corpus.of_split("train")]
    steps_of = [np.diff(piece.notes["pitch"].astype(int)) for piece in pieces]
    lengths = set()
    for index in range(20):
        crop = crops[index]
        row = np.concatenate([crop.before, crop.events])
        steps = np.diff(row[row[:, 0] < REST, 1])  # whatever the transposition
        assert any(np.array_equal(steps, known[: len(steps)]) for known in steps_of)
        lengths.add(len(crop.before))
    assert max(lengths) > 16
    few = Crops(corpus, CropConfig(crop_events=16, opening_share=0.0, tempo_share=0.0, recalled_notes=5), ())
    assert max((few[index].before[:, 0] < REST).sum() for index in range(20)) == 5
    batch = collate([few[index] for index in range(4)])
    assert [row[there].tolist() for row, there in zip(batch.before, batch.is_before, strict=True)] == [
        few[index].before.tolist() for index in range(4)
    ]
    assert batch.is_before.long().diff(dim=1).min() >= 0  # what is none comes first


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
    assert torch.allclose(matrix, matrix_together, atol=2e-3)  # torch's own rounds its updates to bfloat16
    assert not torch.allclose(matrix, parameters()[0], atol=2e-2)
    assert torch.equal(vector, vector_together)


@pytest.mark.parametrize(("muon_lr", "in_muon"), [(0.02, ["trunk.0.weight"]), (0.0, [])])
def test_muon_takes_the_trained_matrices_of_hidden_modules(muon_lr, in_muon):
    layers = {
        "embed": torch.nn.Linear(2, 2),
        "trunk": torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)),
    }
    model = torch.nn.ModuleDict(layers)
    model["trunk"][1].requires_grad_(False)
    optimizer = build_optimizer(model, OptimConfig(muon_lr=muon_lr), hidden=("trunk",))["optimizer"]
    names = {id(p): name for name, p in model.named_parameters()}
    rates = {names[id(p)]: group["initial_lr"] for group in optimizer.param_groups for p in group["params"]}
    assert rates.keys() == {"embed.weight", "embed.bias", "trunk.0.weight", "trunk.0.bias"}
    assert [name for name, rate in rates.items() if rate == muon_lr] == in_muon


def test_the_rate_warms_up_stays_and_falls_to_zero():
    config = OptimConfig(steps=100, warmup_steps=10, decay_share=0.5)
    rates = [config.rate(step) for step in range(101)]
    assert rates[0] == pytest.approx(1 / 11)
    assert rates[10] == rates[50] == 1.0
    assert rates[75] == pytest.approx(0.5)
    assert rates[100] == 0.0


def test_the_network_trains_resumes_and_scores(common, tmp_path):
    flags = ["--out", str(tmp_path), *common]
    gpt.main([*flags, "--optim.steps", "2"])
    first = validation_bits(tmp_path)
    gpt.main([*flags, "--optim.steps", "6", "--resume", str(tmp_path / "checkpoints" / "last.ckpt")])
    assert len(first) == 1
    assert len(validation_bits(tmp_path)) == 2  # steps 3-4 and 5-6 only
    for name in ("events", "vqvae"):
        assert np.isfinite(SymbolicScorer.load(name, tmp_path).score([random_performance(1)])[0].bits_per_note)


def test_codes_and_what_they_say_are_watched_in_training(common, tmp_path):
    gpt.main(["--out", str(tmp_path), *common, "--optim.steps", "2"])
    (row,) = logged(tmp_path)
    assert 0 < float(row["validation_left_out_share"]) <= 1
    for name in ("told", "told_1", "codes", "codes_1", "pitch"):
        assert float(row[f"validation_{name}_bits"]) > 0


def test_codebooks_learn_and_are_taken_as_they_are(cache, tmp_path):
    flags = ["--data", str(cache), *SMALL]
    vqvae.main([*flags, "--out", str(tmp_path), "--optim.steps", "4", "--crops.batch_size", "4"])
    path = tmp_path / "codebooks.safetensors"
    gpt.main([*flags, "--out", str(tmp_path), "--optim.steps", "2", "--vqvae", str(path)])
    taken = load_model(tmp_path / "phrases.safetensors")[0].codebooks.state_dict()
    trained = load_codebooks(path).state_dict()
    torch.manual_seed(1)
    fresh = Codebooks(PhraseConfig(**SMALL_SHAPE)).state_dict()
    for name, value in trained.items():
        assert torch.equal(taken[name].float(), value)
    assert any(not torch.equal(trained[name], fresh[name].bfloat16().float()) for name in fresh)


def test_codes_alone_leave_the_transformer_as_it_is(common, tmp_path):
    gpt.main(["--out", str(tmp_path), *common, "--optim.steps", "2"])
    init = ["--init", str(tmp_path / "phrases.safetensors"), "--codes-alone"]
    gpt.main(["--out", str(tmp_path / "codes"), *common, *init, "--optim.steps", "2"])
    paths = (folder / "phrases.safetensors" for folder in (tmp_path, tmp_path / "codes"))
    before, after = (load_model(path)[0].state_dict() for path in paths)
    changed = {name.partition(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"teller", "code_head"}


def test_a_start_of_another_shape_or_other_styles_is_refused(cache, common, tmp_path):
    gpt.main(["--out", str(tmp_path), *common, "--optim.steps", "2"])
    path = str(tmp_path / "phrases.safetensors")
    config = with_styles(PhraseConfig(**SMALL_SHAPE), Corpus.open(cache), 3)
    for shape in ({"width": 32}, {"layers": 2}, {"phrase_events": 4}):
        with pytest.raises(InputError, match="is of another shape than the --model flags ask for"):
            start_from(PhraseGPT(replace(config, **shape)), path)
    with pytest.raises(InputError, match="other composers and eras"):
        start_from(PhraseGPT(PhraseConfig(**SMALL_SHAPE)), path)


def test_styles_are_the_frequent_composers_and_all_eras(cache):
    corpus = Corpus.open(cache)
    config = with_styles(PhraseConfig(), corpus, 3)
    assert config.styles == ("Bach", "Handel", "baroque")
    assert with_styles(PhraseConfig(), corpus, 4).styles == ("baroque",)
    assert with_styles(PhraseConfig(), corpus, 0).styles == ()


def test_the_style_is_told_for_half_of_the_crops_and_truly(cache):
    corpus = Corpus.open(cache)
    styles = ("Bach", "Handel", "baroque")
    crops = Crops(corpus, CropConfig(crop_events=16), styles)
    told = np.array([crops[index].style for index in range(400)])
    assert 0.4 < told.any(axis=1).mean() < 0.6
    assert not (told[:, 0] * told[:, 1]).any()
    assert set(map(tuple, told[told.any(axis=1)])) == {(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (0, 1, 1)}


def test_flags_take_dashes_underscores_and_yaml(tmp_path, capsys):
    path = tmp_path / "flags.yaml"
    path.write_text("crops: {batch_size: 3}\nmodel:\n  heads: 2\n", encoding="utf-8")
    flags = ["--optim.muon-lr", "0.25", "--optim.adamw_lr=0.5", "--config", str(path)]
    with pytest.raises(SystemExit):
        gpt.main([*flags, "--print_config"])
    printed = yaml.safe_load(capsys.readouterr().out)
    assert (printed["optim"]["muon_lr"], printed["optim"]["adamw_lr"]) == (0.25, 0.5)
    assert (printed["crops"]["batch_size"], printed["model"]["heads"]) == (3, 2)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--data", "nowhere"], "python -m symbolic.prepare"),
        (["--model.heads", "3"], "--model.width 256: is no multiple"),
        (["--config", "wrong.yaml"], "--optim.muon-lr: 1000: allowed is a number from 0 up to 100"),
        (["--init", "nowhere.safetensors"], "no such weights file"),
        (["--codes-alone"], "--codes-alone: needs the transformer of --init"),
        (["--vqvae", "nowhere.safetensors"], "nowhere.safetensors: no such weights file"),
        (["--trainer.no_such_flag", "1"], "no_such_flag"),
        (["--resume", "nowhere.ckpt"], "no such checkpoint"),
        (["--model.phrase_events", "7"], "--crops.crop-events: 1024 is no multiple of --model.phrase-events 7"),
    ],
)
def test_wrong_usage_is_told_in_one_line(cache, codebooks, tmp_path, monkeypatch, capsys, flags, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong.yaml").write_text("optim: {muon_lr: 1000}\n", encoding="utf-8")
    with pytest.raises(SystemExit) as stop:
        gpt.main(["--data", str(cache), "--vqvae", codebooks, *CODEC, *flags])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


@pytest.fixture(scope="module")
def begun(common, tmp_path_factory):
    """(flags of a small run without --out, the folder of the two steps it has made)."""
    out = tmp_path_factory.mktemp("begun") / "run"
    flags = [*common, "--optim.steps", "4"]
    gpt.main([*flags, "--out", str(out), "--trainer.max_steps", "2"])
    return flags, out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--crops.steps_per_epoch", "1"], "begun with crops.steps_per_epoch 2, here it is 1"),
        (["--model.width", "32"], "width 16, here it is 32"),
        (["--optim.steps", "2", "--crops.steps_per_epoch", "2"], None),
        (["--optim.steps", "2", "--optim.decay-share", "0.9"], None),
    ],
)
def test_going_on_otherwise_than_begun_is_refused(begun, tmp_path, capsys, flags, message):
    common, out = begun
    arguments = [*common, *flags, "--out", str(tmp_path), "--resume", str(out / "checkpoints" / "last.ckpt")]
    if message is None:  # no step is left, nothing else is changed
        gpt.main(arguments)
        assert (tmp_path / "phrases.safetensors").is_file()
        return
    with pytest.raises(SystemExit) as stop:
        gpt.main(arguments)
    assert stop.value.code == 2 and message in capsys.readouterr().err
    assert not (tmp_path / "phrases.safetensors").exists()


def test_a_checkpoint_that_is_none_or_of_another_corpus_is_refused(begun, tmp_path, capsys):
    common, out = begun
    whole = (out / "checkpoints" / "last.ckpt").read_bytes()
    (tmp_path / "cut.ckpt").write_bytes(whole[: len(whole) // 2])
    shutil.copy(out / "phrases.safetensors", tmp_path / "weights.ckpt")
    other = torch.load(out / "checkpoints" / "last.ckpt", weights_only=True)
    other["losscal_run"]["data_hash"] = "0" * 64
    torch.save(other, tmp_path / "other.ckpt")
    torch.save({"a": 1}, tmp_path / "dict.ckpt")
    for name, message in (
        ("cut", "cut off or no checkpoint"),
        ("weights", "cut off or no checkpoint"),
        ("dict", "holds no run to go on from"),
        ("other", "was trained on another corpus (data hash 000000000000"),
    ):
        with pytest.raises(SystemExit):
            gpt.main([*common, "--out", str(tmp_path), "--resume", str(tmp_path / f"{name}.ckpt")])
        assert message in capsys.readouterr().err


def test_a_full_disk_ends_training_in_one_sentence(begun, tmp_path, capsys, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("lightning.Trainer.save_checkpoint", full)
    with pytest.raises(SystemExit):
        gpt.main([*begun[0], "--out", str(tmp_path)])
    assert "cannot be written (No space left on device); free some space" in capsys.readouterr().err
