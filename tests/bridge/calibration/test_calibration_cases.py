"""Versions of an excerpt are what they are called, follow their seed, and touch nothing else."""

from itertools import pairwise

import numpy as np
import pytest

from bridge.calibration.cases import CONTROLS, ORIGINAL, SEVERITIES, YARDSTICK, Case, Studio, transposed
from bridge.synthesis.synthesiser import default_soundfont
from losscal.errors import InputError
from symbolic.data.excerpts import Excerpt, SourcePiece
from symbolic.notes.performance import NOTE_DTYPE, Performance

RATE, SECONDS = 16_000, 2.0


def melody(n_notes):
    """A note each 200 ms, no two of one pitch in a row, some louder and longer than others."""
    notes = np.zeros(n_notes, dtype=NOTE_DTYPE)
    notes["onset_ticks"], notes["pitch"] = np.arange(n_notes) * 20, 50 + np.arange(n_notes) * 7 % 29
    notes["velocity_bin"], notes["duration_ticks"] = 10 + np.arange(n_notes) % 12, 10 + np.arange(n_notes) % 5
    return Performance(notes)


def excerpt(seconds=SECONDS):
    music = melody(20)
    return Excerpt(SourcePiece("m", "sha", 20, music.seconds, lambda: music), 0, music, seconds)


@pytest.fixture(scope="module")
def studio():
    return Studio(RATE, default_soundfont())


@pytest.fixture(scope="module")
def versions(studio):
    return {version.case: version for version in studio.versions(excerpt(), 1)}


def test_each_corruption_has_five_severities_and_the_controls_follow(studio, versions):
    assert all(len(amounts) == len(set(amounts)) == 5 for amounts in SEVERITIES.values())
    assert list(versions) == [ORIGINAL, *studio.cases, *map(Case, CONTROLS)]
    assert len(studio.cases) == 5 * len(SEVERITIES)


def test_the_yardstick_is_always_there_and_an_unknown_name_is_said():
    assert {case.name for case in Studio(RATE, None, ("clip",)).cases} == {YARDSTICK.name, "clip"}
    with pytest.raises(InputError, match="--corruptions clap: no such corruption; choose of wrong_notes,"):
        Studio(RATE, None, ("clap",))
    with pytest.raises(InputError, match=r"clip 6 %: no such corruption; choose of clip 0\.5 %,clip 2 %,"):
        Studio(RATE, None, ("clip 6 %",))
    with pytest.raises(InputError, match="--controls a hall: no such control; choose of gain"):
        Studio(RATE, None, controls=("a hall",))


def test_single_cases_and_controls_are_made_alone():
    studio = Studio(RATE, None, ("clip 5 %", "wrong_notes 1 %"), controls=("a room",))
    assert list(map(str, studio.cases)) == ["wrong_notes 1 %", "wrong_notes 10 %", "clip 5 %"]
    assert [version.case.name for version in studio.versions(excerpt(), 1)][-2:] == ["clip", "a room"]


def test_without_another_soundfont_its_control_is_left_out():
    cases = [version.case.name for version in Studio(RATE, None, ("clip",)).versions(excerpt(), 1)]
    assert cases[-1] == "a semitone lower"


def test_cases_read_as_people_write_them():
    cases = [Case("wrong_notes", 0.1), Case("low_pass", 4000.0), Case("detune", 50.0), Case("clip", 0.005), ORIGINAL]
    assert list(map(str, cases)) == [
        "wrong_notes 10 %",
        "low_pass 4000 Hz",
        "detune 50 cents",
        "clip 0.5 %",
        "original",
    ]


@pytest.mark.fluidsynth
def test_notes_are_those_of_the_sound_and_a_change_of_sound_has_none(versions):
    original = versions[ORIGINAL]
    assert original.sound().samples.shape == (2, SECONDS * RATE)
    changed = [case for case, version in versions.items() if case.severity and version.notes is None]
    assert {case.name for case in changed} == {"noise_bursts", "low_pass", "clip", "detune"}
    moved = versions[YARDSTICK].notes.notes["pitch"] != original.notes.notes["pitch"]
    assert moved.sum() == 2
    assert not np.array_equal(versions[YARDSTICK].sound().samples, original.sound().samples)


@pytest.mark.fluidsynth
def test_controls_change_what_they_say(versions):
    original = versions[ORIGINAL].sound().samples
    assert np.allclose(versions[Case("gain -12 dB")].sound().samples * 10**0.6, original, atol=1e-6)
    assert versions[Case("1 s of silence at either end")].sound().seconds == SECONDS + 2
    assert np.array_equal(versions[Case("another SoundFont")].sound().samples, original)  # which is here the same one
    higher = versions[Case("a semitone higher")].notes.notes["pitch"]
    assert np.array_equal(higher, versions[ORIGINAL].notes.notes["pitch"] + 1)


def test_severities_are_nested_and_follow_the_seed(studio, versions):
    pitch = versions[ORIGINAL].notes.notes["pitch"]
    touched = [
        set(np.flatnonzero(versions[Case("wrong_notes", share)].notes.notes["pitch"] != pitch))
        for share in SEVERITIES["wrong_notes"]
    ]
    assert all(milder <= harsher for milder, harsher in pairwise(touched))
    assert [len(of) for of in touched] == [1, 1, 2, 5, 10]
    again, other = (
        {version.case: version for version in maker.versions(excerpt(), 1)}
        for maker in (studio, Studio(RATE, None, seed=2))
    )
    assert np.array_equal(again[YARDSTICK].notes.notes, versions[YARDSTICK].notes.notes)
    assert not np.array_equal(other[YARDSTICK].notes.notes, versions[YARDSTICK].notes.notes)


def test_transposing_leaves_out_what_has_no_key():
    music = melody(4)
    music.notes["pitch"] = 21, 50, 60, 108
    assert transposed(music, 1).notes["pitch"].tolist() == [22, 51, 61]
    assert transposed(music, -1).notes["pitch"].tolist() == [49, 59, 107]
    assert transposed(music, -1).notes["onset_ticks"].tolist() == [0, 20, 40]


def test_an_excerpt_of_the_top_key_alone_has_no_version_a_semitone_higher(studio):
    music = melody(2)
    music.notes["pitch"] = 108
    alone = Excerpt(SourcePiece("m", "sha", 2, music.seconds, lambda: music), 0, music, SECONDS)
    found = {version.case.name: version for version in studio.versions(alone, 1)}
    assert found["a semitone higher"][1:] == (None, None)
    assert found["a semitone lower"].notes.notes["pitch"].tolist() == [107, 107]


@pytest.mark.fluidsynth
def test_adversaries_are_what_they_are_called(studio):
    found = {version.case.name: version for version in studio.adversaries(SECONDS)}
    assert not found["silence"].sound().samples.any() and found["silence"].notes is None
    assert len(found["held chord"].notes) == 5
    assert len(found["scale"].notes) == 17  # one each 120 ms
    sounds = {name: version.sound() for name, version in found.items()}
    assert {sound.seconds for sound in sounds.values()} == {SECONDS}
    halves = np.abs(sounds["steady tones"].samples[0]).reshape(2, -1).mean(axis=1)
    assert halves[0] == pytest.approx(halves[1], rel=0.05) and halves[0] > 0.01
