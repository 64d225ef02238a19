"""`python -m train.spectral_lm` renders, trains, resumes and writes weights that the scorer loads."""

import json
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from audio.spectral.config import BACKGROUND_KIND, HEARING_KIND, KIND
from audio.spectral.scoring import SpectralLMScorer
from bridge.synthesis.synthesiser import default_soundfont
from losscal.errors import InputError
from losscal.weights import load_weights
from symbolic.data.corpus import Corpus, Piece, write_corpus
from symbolic.notes.performance import NOTE_DTYPE, Performance
from train.frames.acoustics import AcousticsConfig
from train.frames.data import FrameCache, FrameSet, FrameWindowConfig, RenderedSet, recipe_of
from train.frames.excerpts import ExcerptConfig, RenderedExcerpt, ShuffleConfig, SoundRecipe, excerpts_of
from train.frames.module import Windows
from train.spectral_hearing import main as train_hearing
from train.spectral_lm import main

SMALL_MODEL = [
    *("--model.channels", "8", "--model.n_layers", "2", "--model.band_context", "2"),
    *("--model.cell_channels", "8", "--model.past_steps", "1", "--model.lower_reach", "2"),
    *("--model.hearing_channels", "2", "--misheard.hours", "0"),
]
SHORT_RUN = [
    *("--windows.batch_size", "2", "--windows.window_frames", "16", "--windows.steps_per_epoch", "2"),
    *("--optim.steps", "4", "--trainer.precision", "32-true", "--trainer.enable_progress_bar", "false"),
]


def performance(seed: int, n_notes: int = 60) -> Performance:
    rng = np.random.default_rng(seed)
    notes = np.zeros(n_notes, NOTE_DTYPE)
    notes["onset_ticks"] = np.arange(n_notes) * 10
    notes["duration_ticks"], notes["pitch"] = 20, rng.integers(40, 80, n_notes)
    notes["velocity_bin"] = 20
    return Performance(notes)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Corpus:
    folder, pieces, start = tmp_path_factory.mktemp("data") / "corpus", [], 0
    performances = [performance(seed) for seed in range(4)]
    for index, (each, split) in enumerate(zip(performances, ["train", "train", "validation", "test"], strict=True)):
        stop = start + len(each)
        pieces.append(Piece(str(index), f"{index}.mid", "", "", str(index), split, start, stop, each.seconds, (), {}))
        start = stop
    write_corpus(folder, pieces, performances, [], "made in the test")
    return Corpus.open(folder)


EXCERPTS = ExcerptConfig(train_hours=0.0025, validation_excerpts=1, excerpt_seconds=3.0, render_sample_rate=16_000)
SOUND = SoundRecipe((default_soundfont(),), EXCERPTS)
SMALL_RENDERS = [
    *("--excerpts.train_hours", "0.001", "--excerpts.validation_excerpts", "1", "--workers", "1"),
    *("--excerpts.excerpt_seconds", "3", "--excerpts.render_sample_rate", "16000"),
    *("--soundfonts", f"[{default_soundfont()}]"),
]


@pytest.fixture(scope="module")
def frames(corpus) -> FrameCache:
    return FrameCache.prepare(corpus, SOUND, corpus.folder.parent / "frames", n_workers=1)


@pytest.fixture(scope="module")
def hearing(corpus, frames) -> list[str]:
    """The flag of weights that train.spectral_hearing made of the excerpts."""
    out = corpus.folder.parent / "hearing"
    flags = ["--frames", str(frames.folder), "--out", str(out), "--model.channels", "2", *SHORT_RUN]
    with pytest.raises(SystemExit):  # these notes are in order, and it is to hear others, too
        train_hearing(flags)
    recipe = frames.folder / "recipe.json"
    as_played = recipe.read_text()
    recipe.write_text(json.dumps(json.loads(as_played) | {"shuffle": {}}))
    train_hearing(flags)
    recipe.write_text(as_played)
    return ["--hearing", str(out / f"{HEARING_KIND}.safetensors")]


def test_excerpts_are_repeatable_and_stay_in_their_split(corpus):
    excerpts = list(excerpts_of(corpus, "train", EXCERPTS))
    assert len(excerpts) == 3
    train = {tuple(corpus.performance(piece).notes["pitch"]) for piece in corpus.of_split("train")}
    for excerpt, again in zip(excerpts, excerpts_of(corpus, "train", EXCERPTS), strict=True):
        notes = excerpt.performance.notes
        np.testing.assert_array_equal(notes, again.performance.notes)
        pitches = tuple(notes["pitch"])
        assert any(pitches == whole[i : i + len(pitches)] for whole in train for i in range(len(whole)))
        assert notes["onset_ticks"][-1] < 300


@pytest.mark.fluidsynth
def test_a_cache_is_made_once_and_named_by_its_content(corpus, frames, monkeypatch):
    monkeypatch.setattr("train.frames.data.WorkerPool", None)  # rendering again would fail
    root = frames.folder.parent
    assert FrameCache.prepare(corpus, SOUND, root, n_workers=1).folder == frames.folder
    assert frames.data_hash == corpus.data_hash
    train = frames.of_split("train")
    assert len(train) == 3 and all(len(excerpt) > 3.0 * 31.25 for excerpt in train)  # the tail is kept
    (frames.folder / "recipe.json").rename(frames.folder / "away.json")
    with pytest.raises(InputError, match="no complete frames"):
        FrameCache.open(frames.folder)
    (frames.folder / "away.json").rename(frames.folder / "recipe.json")


def test_a_damaged_cache_is_refused_with_what_to_do(tmp_path):
    RenderedSet.save(tmp_path, "train", [RenderedExcerpt(np.zeros((8, 4), np.uint8), np.zeros((0, 2), np.int32))])
    cut = tmp_path / "train_levels.npy"
    cut.write_bytes(cut.read_bytes()[:-1])
    (tmp_path / "recipe.json").write_text("{}")
    for read in (FrameCache.open, lambda folder: RenderedSet.load(folder, "train")):
        with pytest.raises(InputError, match=r"damaged.*; remove the folder and leave --frames out"):
            read(tmp_path)


def test_every_knob_of_the_sound_changes_the_recipe(corpus):
    recipes = [recipe_of(corpus, SOUND), recipe_of(corpus, replace(SOUND, soundfonts=2 * SOUND.soundfonts))]
    shuffle = ShuffleConfig()
    recipes.append(recipe_of(corpus, replace(SOUND, shuffle=shuffle)))
    for part in ("rules", "min_amount"):
        other = {"rules": ("semitone",), "min_amount": 0.5}[part]
        recipes.append(recipe_of(corpus, replace(SOUND, shuffle=replace(shuffle, **{part: other}))))
    for name, config in (("excerpts", EXCERPTS), ("acoustics", AcousticsConfig())):
        for each in fields(config):
            value = getattr(config, each.name)
            changed = replace(config, **{each.name: value + 1 if isinstance(value, int) else value * 0.99})
            recipes.append(recipe_of(corpus, replace(SOUND, **{name: changed})))
    texts = [repr(recipe) for recipe in recipes]
    assert len(texts) == len(set(texts)) == 5 + 8 + 10


def test_windows_cover_every_frame_and_know_what_lies_before():
    lengths = [50, 7, 33]
    excerpts = [np.full((n, 88), index + 1, dtype=np.uint8) for index, n in enumerate(lengths)]
    for excerpt in excerpts:
        excerpt[:, 0] = np.arange(len(excerpt))
    frames = FrameSet.of(excerpts)
    config = FrameWindowConfig(batch_size=1, window_frames=10, steps_per_epoch=13)  # one pass: 6 + 2 + 5 windows
    windows = Windows(frames, config, context_frames=8, epoch=0)
    seen = set()
    for levels, n_start in (windows[index] for index in range(len(windows))):
        assert levels.shape == (18, 88) and not levels[:n_start].any()
        index = int(levels[8, 1]) - 1
        real = levels[n_start : 8 + min(10, lengths[index])]
        first = int(real[0, 0])
        np.testing.assert_array_equal(real, excerpts[index][first : first + len(real)])
        assert n_start == 0 or first == 0
        seen |= {(index, first + 8 - n_start + offset) for offset in range(min(10, lengths[index]))}
    assert seen == {(index, frame) for index, length in enumerate(lengths) for frame in range(length)}
    np.testing.assert_array_equal(Windows(frames, config, 8, epoch=1)[3][0], Windows(frames, config, 8, epoch=1)[3][0])


@pytest.mark.fluidsynth
def test_two_steps_then_resumed_equal_four_steps(frames, hearing, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    common = ["--frames", str(frames.folder), *hearing, *SMALL_MODEL, *SHORT_RUN]
    main([*common, "--out", "half", "--trainer.max_steps", "2"])
    main([*common, "--out", "resumed", "--resume", "half/checkpoints/last.ckpt"])
    main([*common, "--out", "whole"])
    resumed, whole = (torch.load(f"{out}/checkpoints/last.ckpt", weights_only=True) for out in ("resumed", "whole"))
    half = torch.load("half/checkpoints/last.ckpt", weights_only=True)
    assert (half["global_step"], resumed["global_step"], whole["global_step"]) == (2, 4, 4)
    for name, value in whole["state_dict"].items():
        torch.testing.assert_close(resumed["state_dict"][name], value, rtol=0, atol=0)
    assert any((half["state_dict"][name] != value).any() for name, value in whole["state_dict"].items())
    assert (tmp_path / "whole/csv/version_0/metrics.csv").read_text().count("\n") >= 2
    assert list((tmp_path / "whole/tensorboard").rglob("events*"))

    state, story = load_weights(f"whole/{KIND}.safetensors", kind=KIND)
    assert story["data_hash"] == frames.data_hash and story["frames"] == frames.recipe
    scorer = SpectralLMScorer.load("whole")
    assert set(state) == set(scorer.model.state_dict())
    assert np.isfinite(story["figures"]["validation_nats_per_second"])


@pytest.mark.fluidsynth
def test_a_moved_run_goes_on_with_its_best_checkpoint(frames, hearing, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    common = ["--frames", str(frames.folder), *hearing, *SMALL_MODEL, *SHORT_RUN]
    main([*common, "--out", "run", "--trainer.max_steps", "2"])
    Path("run").rename("moved")
    (best,) = Path("moved/checkpoints").glob("epoch*.ckpt")
    kept, last = (torch.load(path, weights_only=True) for path in (best, "moved/checkpoints/last.ckpt"))
    (state,) = (state for state in last["callbacks"].values() if "best_model_score" in state)
    state["best_model_score"] = torch.tensor(-1.0)  # nothing after it can be better
    state["best_k_models"] = {state["best_model_path"]: state["best_model_score"]}
    torch.save(last, "moved/checkpoints/last.ckpt")
    main([*common, "--out", "moved", "--resume", "moved/checkpoints/last.ckpt"])
    weights, story = load_weights(f"moved/{KIND}.safetensors", kind=KIND)
    assert story["figures"] == {"validation_nats_per_second": -1.0}
    for name, value in weights.items():
        assert torch.equal(value, kept["state_dict"][f"model.{name}"].bfloat16().float())


@pytest.mark.fluidsynth
def test_main_renders_from_a_prepared_corpus_and_the_background_starts_from_the_model(
    corpus, hearing, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    common = ["--data", str(corpus.folder), "--out", "run", *SMALL_RENDERS, *hearing, *SMALL_MODEL, *SHORT_RUN]
    main([*common, "--trainer.max_steps", "1"])
    assert len(list((tmp_path / "runs" / "frames").iterdir())) == 1
    assert SpectralLMScorer.load("run").background is None

    main([*common, "--background", "--init", f"run/{KIND}.safetensors", "--optim.adamw_lr", "1e-12"])
    assert len(list((tmp_path / "runs" / "frames").iterdir())) == 2
    _, story = load_weights(f"run/{BACKGROUND_KIND}.safetensors", kind=BACKGROUND_KIND)
    assert story["frames"]["shuffle"]["rules"]
    scorer = SpectralLMScorer.load("run")
    torch.testing.assert_close(scorer.background.embed.weight, scorer.model.embed.weight)  # the start, hardly moved
    with pytest.raises(SystemExit):
        main([*common, "--frames", story_folder(tmp_path, shuffled=True)])


def story_folder(tmp_path, *, shuffled: bool) -> str:
    """The folder of frames, of those below runs/frames, whose notes are shuffled or not."""
    caches = map(FrameCache.open, (tmp_path / "runs" / "frames").iterdir())
    return next(str(cache.folder) for cache in caches if (cache.recipe["shuffle"] is not None) == shuffled)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--data", "nowhere"], "python -m symbolic.prepare"),
        (["--frames", "nowhere"], "no complete frames"),
        (["--init", "nowhere.safetensors"], "no such weights file"),
        (["--soundfonts", "[nowhere.sf2]"], "nowhere.sf2: no such file"),
        (["--shuffle.rules", "[jumble]"], "jumble: unknown"),
        (["--model.channels", "0"], "channels"),
        (["--unknown", "1"], "unknown"),
        (["--frames", ".", "--trainer.no_such_flag", "1"], "no_such_flag"),
    ],
)
def test_wrong_flags_and_absent_data_exit_with_2(arguments, reason, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2 and reason in capsys.readouterr().err


def test_help_needs_neither_torch_nor_lightning():
    code = (
        "import sys\nfrom train.spectral_lm import main\n"
        "try: main(['--help'])\nexcept SystemExit: assert not {'torch', 'lightning'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
