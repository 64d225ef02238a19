"""The transcription benchmark: its figures on recordings whose notes are heard in a known way."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from music import random_performance

from audio.signal.waveform import Waveform, in_memory
from benchmarks.transcription import __main__ as benchmark
from benchmarks.transcription.cost import repeated
from benchmarks.transcription.likelihood import rank_correlation, spreads
from benchmarks.transcription.takes import Take, takes_in
from benchmarks.transcription.wrong_notes import wrong_notes_table
from bridge.transcription import opening
from bridge.transcription.transcriber import Heard, HeardNote
from losscal.errors import InputError
from symbolic.notes.performance import write_midi

LATE_SECONDS = 0.06


class ReadsAlong:
    """Hears what was played, all of it late, and every fifth note of the far piano not at all."""

    name, version, fingerprint, core_seconds_per_second = "reads along", "1.0", "", 0.0

    def __init__(self, progress):
        pass

    def transcribe(self, sound):
        piece = PLAYED[Path(sound.source).name.split(".")[0]]
        notes = [
            HeardNote(onset / 100 + LATE_SECONDS, (onset + duration) / 100 + LATE_SECONDS, pitch, 80)
            for onset, duration, pitch, _ in piece.notes.tolist()
            if onset / 100 < sound.seconds
        ]
        return notes if "near" in sound.source else [note for i, note in enumerate(notes) if i % 5]


PLAYED = {name: random_performance(seed) for seed, name in enumerate(("adagio", "presto"))}


@pytest.fixture
def recordings(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setitem(opening.TRANSCRIBERS, "reads along", ReadsAlong)
    folder = tmp_path / "recordings"
    folder.mkdir()
    for i, (piece, performance) in enumerate(PLAYED.items()):
        for j, instrument in enumerate(("near", "near2", "far")):
            write_midi(performance, folder / f"{piece}.{instrument}.mid")
            noise = 0.1 * np.random.default_rng(10 * i + j).normal(size=round(8000 * performance.seconds))
            soundfile.write(folder / f"{piece}.{instrument}.flac", noise, 8000)
    return folder


def test_the_tables_tell_what_was_heard(recordings, capsys):
    assert benchmark.main(["--recordings", str(recordings), "--transcriber", "reads along", "--lengths"]) == 0
    lines = [line.split(" | ") for line in capsys.readouterr().out.splitlines()]
    rows = {line[0].removeprefix("| "): line[1:] for line in lines if len(line) > 1}
    assert rows["near"] == ["2", "1.000", "1.000", "1.000", "1.000 |"]
    recall = np.mean([np.mean(np.arange(len(piece)) % 5 > 0) for piece in PLAYED.values()])
    assert rows["far"][:3] == ["2", "1.000", f"{recall:.3f}"]
    assert rows["all"][0] == "6"
    table, spread_table = ([line[1:] for line in lines if line[0] == "| pitch"][i] for i in (0, 1))
    assert float(table[2]) > 0.85  # the rank correlation: ties of what was played are none of what was heard
    assert [float(text.strip(" |")) for text in spread_table][2] == 0.0  # of what was played, the same in all sounds
    assert "another instrument, without the sign" in rows


class FarFromKey60:
    """A note costs as many bits as it lies semitones from key 60."""

    def score(self, performances):
        distances = (np.abs(of.notes["pitch"].astype(int) - 60).mean() for of in performances)
        return [SimpleNamespace(onset_bits_per_note=bits) for bits in distances]


def test_wrong_notes_are_held_against_what_another_instrument_does():
    def take(piece, instrument, pitch):
        notes = tuple(HeardNote(i * 0.2, i * 0.2 + 0.1, pitch, 80) for i in range(100))
        return Take(piece, instrument, PLAYED["adagio"], 0.0, Heard(notes, "t", "1", "s"))

    takes = [take("a", "near", 60), take("a", "far", 61), take("b", "near", 60)]
    lines = [line.strip("| ").split(" | ") for line in wrong_notes_table(takes, FarFromKey60()).splitlines()[2:]]
    rows = {line[0]: [cell.split()[0] for cell in line[1:] if cell.strip()] for line in lines}
    accuracies = [float(rows[f"{percent}% of the notes wrong"][0]) for percent in (1, 5, 10)]
    assert accuracies[0] > 0.7 and accuracies[1:] == [1.0, 1.0]  # one wrong note may be another instrument's right one
    assert float(rows["10% of the notes wrong"][1]) == pytest.approx(0.65, abs=0.15)  # 10 % by 1 to 12 semitones
    difference, relative = rows["another instrument, without the sign"]
    assert difference == "1.00" and float(relative.rstrip("%")) == pytest.approx(100 / 0.6, rel=0.4)


def test_what_lies_behind_the_seconds_asked_for_is_left_out(recordings):
    seconds = 2.0
    for take in takes_in(recordings, ReadsAlong(iter), None, seconds):
        whole = PLAYED[take.piece].notes["onset_ticks"] / 100
        assert len(take.played) == (whole < seconds).sum() and take.played_from_seconds == 0.0
        assert max(note.start_seconds for note in take.heard.notes) < seconds + LATE_SECONDS


def test_a_folder_without_recordings_is_told(tmp_path):
    with pytest.raises(InputError, match=r"holds no PIECE\.INSTRUMENT\.flac"):
        list(takes_in(tmp_path, ReadsAlong(iter), None, 1.0))


def test_the_rank_correlation_is_spearmans():
    assert rank_correlation(np.array([1.0, 2.0, 3.0, 4.0]), np.array([-5.0, 0.1, 9.0, 0.2])) == pytest.approx(0.8)


def test_spreads_are_those_within_pieces_on_three_instruments_and_between_them():
    heard = Heard((), "t", "1", "s")
    takes = [Take(piece, "", PLAYED["adagio"], 0.0, heard) for piece in "aaabbbcc"]
    within, between, n_pieces = spreads(takes, np.array([1.0, 2.0, 3.0, 11.0, 12.0, 13.0, 50.0, 90.0]))
    assert (within, between, n_pieces) == (1.0, pytest.approx(np.std([2.0, 12.0], ddof=1)), 2)


def test_a_repeated_sound_is_as_long_as_asked_for():
    sound = Waveform(np.arange(1.0, 4.0, dtype=np.float32).reshape(1, 3), 1, "s")
    assert in_memory(repeated(sound, 7)).samples.tolist() == [[1, 2, 3, 1, 2, 3, 1]]
