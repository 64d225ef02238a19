"""The benchmarks' own parts: counts that normalise, intervals that cover, tables that run."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from music import random_performance

from benchmarks import speed
from benchmarks.audio_likelihood import BandCounts
from benchmarks.statistics import bootstrap_interval, markdown_table
from benchmarks.symbolic_likelihood import Unigram
from symbolic.events import ATTRIBUTES, encode

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("path", sorted(ROOT.glob("benchmarks/*.py")), ids=lambda path: path.stem)
def test_every_benchmark_can_be_imported(path):
    assert importlib.import_module(f"benchmarks.{path.stem}").__doc__


def test_speed_prints_every_scorer_beside_the_peer(capsys):
    assert speed.main(["--notes", "60"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("flat peer", "events", "vqvae", "spectral_lm"))


def test_unigram_probabilities_sum_to_one_and_cost_what_they_say():
    music = [random_performance(seed, 40) for seed in range(3)]
    unigram = Unigram(music)
    for name in ATTRIBUTES:
        assert np.exp(-unigram.nats[name]).sum() == pytest.approx(1.0)
    events = encode(music[0], end=False)
    pitches = events[events[:, 0] < 400, 1]
    expected = sum(unigram.nats["pitch"][pitch] for pitch in pitches)
    assert unigram.by_attribute(music[0])["pitch"] == pytest.approx(expected)


@pytest.mark.parametrize("knows_previous", [False, True])
def test_band_counts_are_probabilities(knows_previous):
    levels = np.random.default_rng(1).integers(0, 161, (20, 88)).astype(np.uint8)
    counts = BandCounts([levels], knows_previous=knows_previous)
    assert np.allclose(np.exp(-counts.nats).sum(axis=-1), 1.0)
    assert counts.nll_nats(levels) < levels.size * np.log(161)


def test_the_interval_covers_the_mean_and_narrows_with_more_pieces():
    rng = np.random.default_rng(1)
    few, many = (rng.normal(3.0, 1.0, count) for count in (20, 2000))
    widths = []
    for sample in (few, many):
        low, high = bootstrap_interval(sample, lambda rows: rows.mean())
        assert low < sample.mean() < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 5


def test_tables_are_markdown():
    assert markdown_table(["a", "b"], [["x", "1"]]) == "| a | b |\n| --- | ---: |\n| x | 1 |"


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/*.md")), ids=lambda path: path.stem)
def test_documents_hold_no_placeholder(page):
    assert "@@" not in page.read_text(encoding="utf-8")
