"""From a folder to a test's sounds, and from its answers to results."""

import csv
import json
import math
from xml.etree import ElementTree

import numpy as np
import pytest
from music import random_performance
from test_results import scripted

from audio.signal.waveform import loudness_lufs, open_audio
from bridge.calibration.listeners import read_rows
from bridge.listen.answers import Answers
from bridge.listen.command import main
from bridge.listen.picture import results_svg
from bridge.listen.results import Results, Standing
from bridge.listen.stimuli import prepare
from bridge.listen.trials import ORIGINAL, RANDOM, TESTED, Stimulus, Study, StudyConfig
from bridge.score import score
from losscal.errors import InputError
from losscal.statistics import Estimate
from losscal.text import CONTROL
from symbolic.notes.performance import write_midi


def test_sounds_are_of_one_loudness_none_clips_and_names_tell_nothing(make_wav, tmp_path):
    folder = tmp_path / "pieces"
    folder.mkdir()
    for number, peak in enumerate((0.02, 0.3, 0.9)):
        make_wav(folder / f"take {number}.wav", seconds=2.0, peak=peak)
    heard = prepare(folder, folder / "take 1.wav", tmp_path / "sounds", seed=1)
    assert [(one.stimulus.name, one.stimulus.kind) for one in heard] == [
        ("take 0.wav", TESTED),
        ("take 2.wav", TESTED),
        ("copy of the original", ORIGINAL),
        ("random", RANDOM),
    ]
    sounds = [open_audio(one.sound) for one in heard]
    assert np.ptp([loudness_lufs(sound) for sound in sounds]) < 0.1
    assert max(np.abs(block).max() for sound in sounds for block in sound.blocks()) < 1.0
    assert not any(word in one.sound.name for one in heard for word in ("take", "copy", "random"))


@pytest.mark.fluidsynth
def test_notes_are_played_and_the_random_anchor_has_other_pitches(tmp_path):
    folder = tmp_path / "pieces"
    folder.mkdir()
    for number in range(3):
        write_midi(random_performance(number, 20), folder / f"{number}.mid")
    *_, copy, random = prepare(folder, folder / "0.mid", tmp_path / "sounds", seed=1)
    assert copy.stimulus.kind == ORIGINAL and random.stimulus.kind == RANDOM
    assert copy.sound.read_bytes() != random.sound.read_bytes()


def test_a_folder_without_two_pieces_or_with_a_broken_one_is_refused(make_wav, tmp_path):
    make_wav(tmp_path / "alone.wav", seconds=1.0)
    with pytest.raises(InputError, match="needs two pieces"):
        prepare(tmp_path, None, tmp_path / "sounds", seed=1)
    with pytest.raises(InputError, match="no such folder"):
        main([str(tmp_path / "absent")])
    with pytest.raises(InputError, match="no such file"):
        main(["results", str(tmp_path)])


def test_results_are_told_with_how_views_agree(views, make_midi, monkeypatch, tmp_path, capsys):
    """The stand-in view likes low notes, and the pitches are in the order of the taste of test_results."""
    names = [f"{number}.mid" for number in range(5)]
    for name, pitch in zip(names, (70, 50, 60, 65, 55), strict=True):
        make_midi(tmp_path / name, pitch=pitch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bridge.scorer.open_views", lambda *_: views)
    (tmp_path / "report.json").write_text(json.dumps(score(names, views=["events"])))
    stimuli = (*map(Stimulus, names), Stimulus("o", ORIGINAL), Stimulus("r", RANDOM))
    study, rng = Study(stimuli, StudyConfig()), np.random.default_rng(3)
    answers = Answers.of(tmp_path / "answers.sqlite", study)
    for listener in range(12):
        code = answers.begin()
        for answer in scripted(study, listener, rng):
            answers.give(code, answer.trial, answer.value)
    asked = ["results", str(tmp_path), "--report", "report.json", "--out", "results"]
    assert main(asked) == 0
    told = capsys.readouterr().out
    assert told.index("1.mid") < told.index("4.mid") < told.index("0.mid")
    assert "events: rank correlation with listeners 1.00 [" in told and "Krippendorff" in told
    row, _ = read_rows(tmp_path / "results/listening.json")
    assert (row.view, row.spearman, row.stimuli, row.listeners) == ("events", 1.0, 5, 11)  # one is flagged
    assert row.weights_sha256 == "events-hash" and 0.5 < row.alpha < 1.0
    with open(tmp_path / "results/listening.csv", newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert [line["name"] for line in table] == ["1.mid", "4.mid", "2.mid", "3.mid", "0.mid", "events", "vqvae"]
    assert all(float(line["low"]) <= float(line["value"]) <= float(line["high"]) for line in table)
    drawn = ElementTree.parse(tmp_path / "results/listening.svg")
    dots = [float(dot.get("cx")) for dot in drawn.iter("{http://www.w3.org/2000/svg}circle")]
    assert len(dots) == 7 and dots[:5] == sorted(dots[:5], reverse=True)
    with pytest.raises(InputError, match="--overwrite"):
        main(asked)


def test_a_picture_holds_any_name_and_opinions_that_are_not_known():
    config, hostile = StudyConfig(mode="pairs"), "<script>&\x00\u202e" + 40 * "long "
    study = Study((Stimulus("a"), Stimulus(hostile)), config)
    standings = (Standing(hostile, Estimate(0.2, -1.3, 2.1), 3), Standing("a", Estimate(*3 * [math.nan]), 0))
    drawn = ElementTree.fromstring(results_svg(Results(study, standings, None, 1, ())))
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}circle"))) == 1
    assert not any(CONTROL.search(text.text) for text in drawn.iter("{http://www.w3.org/2000/svg}text"))


def test_what_is_no_file_of_results_is_refused(tmp_path):
    (tmp_path / "other.json").write_text('{"version": 7, "views": []}')
    for name in ("absent.json", "other.json"):
        with pytest.raises(InputError, match=rf"{name}: no results of python -m bridge\.listen"):
            read_rows(tmp_path / name)
