"""The check of sampled files finds nothing wrong in what is right, and finds what is wrong."""

import mido
import numpy as np
import pytest
from music import random_performance

from benchmarks import generated_files
from benchmarks.generated_files import CHECKS, CLEANED, READERS, goes_on_exactly, survives
from symbolic.notes.performance import NOTE_DTYPE, Performance, write_midi
from symbolic.scoring.likelihood import SymbolicScorer


@pytest.mark.parametrize("seed", range(3))
def test_playable_music_survives_in_every_library(seed, tmp_path):
    assert survives(random_performance(seed), tmp_path / "a.mid") == dict.fromkeys(CHECKS, True)


def test_a_key_struck_while_down_does_not(tmp_path):
    notes = np.array([(0, 50, 60, 9), (20, 50, 60, 9)], dtype=NOTE_DTYPE)
    assert not any(survives(Performance(notes), tmp_path / "a.mid").values())


def changed(message):
    if message.type == "note_on" and message.velocity:
        return message.copy(velocity=message.velocity % 127 + 1)
    return message


def test_files_with_other_notes_do_not(tmp_path, monkeypatch):
    def write(performance, path):
        write_midi(performance, path)
        file = mido.MidiFile(path)
        file.tracks[0][:] = [changed(message) for message in file.tracks[0]]
        file.save(path)

    monkeypatch.setattr(generated_files, "write_midi", write)
    result = survives(random_performance(1), tmp_path / "a.mid")
    assert not any(result[name] for name in READERS)
    assert not result[CLEANED]


def test_a_continuation_that_changes_its_prompt_is_found(tiny_weights, tmp_path, monkeypatch):
    scorer = SymbolicScorer.load("vqvae", tiny_weights)
    piece = random_performance(2, 40)
    assert goes_on_exactly(scorer, piece, tmp_path / "a.mid")
    monkeypatch.setattr("symbolic.sampling.pieces.generate", lambda *_, **__: random_performance(3, len(piece)))
    assert not goes_on_exactly(scorer, piece, tmp_path / "a.mid")


def test_the_command_counts_over_both_models(tiny_weights, capsys):
    sizes = {"pieces": 3, "notes": 24, "endings": 1, "continuations": 2}
    flags = [text for name, size in sizes.items() for text in (f"--{name}", str(size))]
    assert generated_files.main(["--weights", str(tiny_weights), *flags]) == 0
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert [row[0] for row in rows[2:]] == ["events", "vqvae"]
    for row in rows[2:]:
        assert row[1:5] == ["3 of 3"] * 4
        assert row[5] in ("0 of 1", "1 of 1")
        assert row[6] == "2 of 2"
