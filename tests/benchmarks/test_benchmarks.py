"""The benchmarks' own parts: counts that normalise, intervals that cover, tables that run."""

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from music import random_performance

from benchmarks import speed, symbolic_likelihood
from benchmarks.audio_likelihood import KeyCounts
from benchmarks.llama import peer as llama
from losscal.statistics import bootstrap_interval, markdown_table
from symbolic.data.corpus import Piece, write_corpus
from symbolic.notes.performance import NOTE_DTYPE, Performance

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", sorted(ROOT.glob("benchmarks/*.py")), ids=lambda path: path.stem)
def test_every_benchmark_can_be_imported(path):
    assert importlib.import_module(f"benchmarks.{path.stem}").__doc__


def test_speed_prints_every_scorer_beside_the_peer(tiny_weights, monkeypatch, capsys):
    monkeypatch.setattr(speed, "RUNS", 1)
    assert speed.main(["--weights", str(tiny_weights), "--notes", "60", "--lengths", "20", "100"]) == 0
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    rates, lengths = rows[2:5], rows[7:]
    assert [row[0] for row in rates] == ["| llama", "| events", "| vqvae"]
    assert [row[:2] for row in lengths] == [[f"| {name}", n] for name in ("events", "vqvae") for n in ("20", "100")]
    assert all(float(row[2]) > 0 for row in lengths)


def test_memory_that_scoring_adds_is_seen():
    code = (
        "import numpy; from benchmarks.speed import peak_mib; "
        "before = peak_mib(); block = numpy.ones(2**28 // 8); print(peak_mib() - before)"
    )
    added = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert 250 < float(added) < 280


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Four pieces, two of them long enough for late notes: train, validation, test, test."""
    folder = tmp_path_factory.mktemp("cache")
    music = [random_performance(seed, notes) for seed, notes in ((0, 200), (1, 30), (2, 200), (3, 30))]
    stops = np.cumsum([len(performance) for performance in music]).tolist()
    pieces = [
        Piece(f"{i}", f"{i}.mid", "Bach", "baroque", f"{i}", split, stop - len(performance), stop, 1.0, (), {})
        for i, (performance, stop, split) in enumerate(
            zip(music, stops, ("train", "validation", "test", "test"), strict=True)
        )
    ]
    write_corpus(folder, pieces, music, [], "made in a test")
    return folder


def test_a_trained_peer_stands_in_the_table_beside_our_models(cache, tiny_weights, tmp_path, capsys):
    peer = tmp_path / "1e-3"
    assert llama.main(["train", "--data", str(cache), "--seconds", "0.1", "--out", str(peer)]) == 0
    flags = ["--data", str(cache), "--weights", str(tiny_weights), "--llama", str(peer)]
    assert symbolic_likelihood.main(flags) == 0
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    names = [row[0].removeprefix("| ") for row in rows]
    counted = ["unigram", "order-3 Markov of tokens", "order-3 Markov of notes"]
    models = ["llama 1e-3", "events", "vqvae bound"]
    assert names == ["model", "---", *counted, *models, "model", "---", *models]
    late_notes = {name: int(row[1]) for name, row in zip(names[-3:], rows[-3:], strict=True)}
    assert 0 < late_notes["llama 1e-3"] < late_notes["events"] == late_notes["vqvae bound"]


def test_symbols_are_midilike_tokens_without_repeated_velocities():
    notes = np.zeros(3, dtype=NOTE_DTYPE)
    notes["onset_ticks"], notes["pitch"], notes["duration_ticks"] = (0, 0, 150), (60, 64, 62), 10
    notes["velocity_bin"] = (5, 5, 6)
    # on, velocity | on | shift, off, off, 2 shifts, on, velocity, shift, off
    assert symbolic_likelihood.symbols_by_note(Performance(notes)).tolist() == [2, 1, 9]


@pytest.mark.parametrize("knows_previous", [False, True])
def test_key_counts_are_probabilities(knows_previous):
    struck = (np.random.default_rng(1).random((40, 88)) < 0.1).astype(np.uint8)
    counts = KeyCounts([struck], knows_previous=knows_previous)
    assert np.allclose(np.exp(-counts.nats).sum(axis=-1), 1.0)
    assert counts.nll_nats(struck) < struck.size * np.log(2)


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
