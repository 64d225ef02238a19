"""The ranks behind the composers' table."""

from dataclasses import replace

import numpy as np
from music import random_performance
from tiny_models import UNTRAINED, save_tiny

from benchmarks import composers
from benchmarks.composers import rank_of_truth
from symbolic.data.corpus import Piece, write_corpus
from symbolic.models.phrases.model import PhraseGPT


def test_the_truth_ranks_by_how_many_are_as_likely():
    nats = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [2.0, 2.0, 2.0]])
    assert rank_of_truth(nats, np.array([0, 2, 1])).tolist() == [1, 3, 3]


def test_the_command_prints_models_and_what_needs_none(tmp_path, capsys):
    save_tiny(tmp_path, PhraseGPT(replace(UNTRAINED, composers=("Bach", "Liszt", "Chopin"))))
    names = [*[("Liszt", "train")] * 2, ("Bach", "train"), ("Bach", "test"), ("Liszt", "test"), ("Unknown", "test")]
    music = [random_performance(seed, 30) for seed in range(len(names))]
    stops = np.cumsum([len(performance) for performance in music]).tolist()
    pieces = [
        Piece(f"{stop}", f"{stop}.mid", composer, "", f"{stop}", split, stop - len(performance), stop, 1.0, (), {})
        for (composer, split), performance, stop in zip(names, music, stops, strict=True)
    ]
    write_corpus(tmp_path / "corpus", pieces, music, [], "tests")
    assert composers.main(["--data", str(tmp_path / "corpus"), "--weights", str(tmp_path), "--notes", "5", "20"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("2 test pieces of 3 composers")
    rows = [line.strip("| ").split(" | ") for line in out.splitlines() if line.startswith("| ")][2:]
    assert [row[0] for row in rows] == ["events"] * 2 + ["vqvae"] * 2 + ["most training pieces", "guessing"]
    # the untrained model finds all composers alike, and a tie counts against the truth
    assert [row[2].split(" ")[0] for row in rows] == ["0.00"] * 4 + ["0.50", "0.33"]
    assert [row[3].split(" ")[0] for row in rows] == ["1.00"] * 5 + ["1.00"]
