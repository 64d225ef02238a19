"""Versions that are recordings: ranked by the notes heard in them, whatever they sound like, and against a score."""

from dataclasses import replace

import numpy as np
import pytest
from hearing import as_heard, listener_of

from bridge.items.finding import find_items
from bridge.scorer import score_items
from bridge.versions.answer import answers_of
from bridge.versions.comparison import Ranking, SoundDistances, VersionRow
from symbolic.notes.performance import NOTE_DTYPE, Performance, nearest_velocity_bin, write_midi

LIGHT, RANDOM = range(1, 6), (6, 7)
N_NOTES = 120


def passage():
    rng = np.random.default_rng(7)
    notes = np.zeros(N_NOTES, dtype=NOTE_DTYPE)
    notes["onset_ticks"] = 16 * np.arange(N_NOTES)
    notes["onset_ticks"][1:] += rng.integers(0, 5, N_NOTES - 1).astype(np.int32)
    notes["duration_ticks"], notes["pitch"] = 12, 50 + rng.integers(12, size=N_NOTES)
    notes["velocity_bin"] = rng.integers(10, 24, N_NOTES)
    return notes


def heard_in_another_sound(notes, number):
    """As a transcriber hears it: times off by 20 ms, lengths by half, loudness by a quarter, all of it later."""
    rng = np.random.default_rng(number)
    noisy = notes.copy()
    noisy["onset_ticks"][1:] += rng.integers(-2, 3, len(notes) - 1).astype(np.int32)
    noisy["duration_ticks"] = np.maximum(1, noisy["duration_ticks"] * rng.uniform(0.5, 1.5, len(notes)))
    noisy["velocity_bin"] = nearest_velocity_bin(np.clip(noisy["velocity_bin"] * 4 * rng.uniform(0.75, 1.25), 4, 127))
    return as_heard(Performance(np.sort(noisy, order=("onset_ticks", "pitch"))), start_seconds=0.5 * number)


def bounces():
    """What is played in each file: the original, light edits of one to five notes, random ones, silence, same notes."""
    original, rng = passage(), np.random.default_rng(1)
    played = {"RH_Ori": original}
    for number in LIGHT:
        played[f"RH_{number}"] = original.copy()
        played[f"RH_{number}"]["pitch"][10 : 10 + 20 * number : 20] += 1
    for number in RANDOM:
        played[f"RH_{number}"] = original.copy()
        played[f"RH_{number}"]["pitch"] = 70 + rng.integers(30, size=N_NOTES)
    return played | {"RH_9": original}


@pytest.fixture
def group(tmp_path, views, make_wav, monkeypatch):
    """A function that compares recordings, and returns the group and the items by stem."""

    def compare(reference=None, more=(), without=()):
        played = {stem: notes for stem, notes in bounces().items() if stem not in without}
        heard = {stem: heard_in_another_sound(notes, number) for number, (stem, notes) in enumerate(played.items())}
        views_that_hear = replace(views, audio={}, listener=listener_of(monkeypatch, heard))
        paths = [make_wav(tmp_path / f"{stem}.wav", seconds=20.0) for stem in [*played, "RH_8"]]
        report = score_items(
            find_items([*more, *paths]), views_that_hear, reference=reference, all_are_versions=reference is None
        )
        (of_group,) = report["groups"]
        return of_group, report["items"]

    return compare


def stem(path):
    return path.rsplit("/", 1)[-1].split(".")[0]


def test_bounces_in_different_sounds_are_ranked_by_their_notes(group):
    of_group, _ = group()
    assert stem(of_group["reference"]) == "RH_Ori" and set(of_group["views"]) == {"heard_events", "heard_vqvae"}
    rows = {stem(row["id"]): row for row in of_group["views"]["heard_events"]["items"]}
    assert {rows[f"RH_{number}"]["rank"] for number in RANDOM} == {8, 9}
    assert all(rows[f"RH_{number}"]["verdict"] == "less likely" for number in RANDOM)
    # the same notes cost the same in any sound: not one nat for when, how long and how loud they are heard
    assert rows["RH_9"]["verdict"] == "not distinguishable" and rows["RH_9"]["difference_nats"] == 0.0
    for number in LIGHT:
        assert rows[f"RH_{number}"]["difference_nats"] == pytest.approx(0.075 * number, abs=0.01)  # but durations
    silent = rows["RH_8"]
    assert (silent["rank"], silent["verdict"]) == (None, "not ranked")
    assert "need a MIDI file or notes heard in the recording" in silent["reason"]
    answers = {stem(row["id"]): row for row in of_group["answers"]}
    assert answers["RH_9"]["why"].startswith("same heard notes") and answers["RH_9"]["view"] == "heard_events"
    assert answers["RH_6"]["answer"] == "worse" and answers["RH_8"]["answer"] == "not ranked"


def test_the_same_notes_in_another_sound_are_said_to_be_that():
    row = VersionRow("b", 1, 9.0, 0.0, (0.0, 0.0), 20.0, "not distinguishable", None)
    reference = replace(row, id="a", difference_nats=None, interval=None, verdict="reference")
    rankings = {"heard_events": Ranking("bits_per_note", "bits a note", (reference, row))}
    for mfcc, why in ((0.4, "same heard notes"), (2.5, "same heard notes; other sound")):
        assert answers_of(rankings, {"b": ()}, {}, {"b": SoundDistances(0.1, mfcc)})[1].why == why


def test_wrong_notes_are_told_by_time_and_pitch(group):
    of_group, _ = group()
    edits = {stem(name): told for name, told in of_group["edits"].items()}
    assert edits["RH_9"] == []
    original = passage()
    for number in LIGHT:
        told = edits[f"RH_{number}"]
        assert [edit["kind"] for edit in told] == ["changed"] * number
        places = range(10, 10 + 20 * number, 20)
        for edit, place in zip(told, places, strict=True):
            expected = original["onset_ticks"][place] * 0.01 + 0.5 * number
            assert edit["seconds"] == pytest.approx(expected, abs=0.03) and " instead of " in edit["text"]
            of_original = original["onset_ticks"][place] * 0.01  # which is heard from the file's beginning
            assert edit["reference_seconds"] == pytest.approx(of_original, abs=0.03)


def test_recordings_are_held_against_the_notes_of_a_score_and_that_is_said(tmp_path, group):
    write_midi(Performance(passage()), tmp_path / "score.mid")
    score = tmp_path / "score.mid"
    of_group, _ = group(reference=score, more=[score])
    assert of_group["assumed"].startswith("Notes heard in RH_Ori.wav, RH_1.wav")
    assert of_group["assumed"].endswith("are compared with those read in score.mid.")
    rows = {stem(row["id"]): row for row in of_group["views"]["heard_events"]["items"]}
    assert rows["RH_Ori"]["verdict"] == rows["RH_9"]["verdict"] == "not distinguishable"
    assert rows["RH_Ori"]["rank"] == rows["RH_9"]["rank"] == rows["score"]["rank"] == 1
    assert rows["RH_3"]["difference_nats"] == pytest.approx(0.225, abs=0.01)
    assert rows["RH_7"]["verdict"] == "less likely"
    assert rows["RH_Ori"]["compared_value"] == pytest.approx(rows["score"]["value"])
    events = {stem(row["id"]): row for row in of_group["views"]["events"]["items"]}
    assert events["RH_Ori"]["reason"] == "it has no notes, only a recording"


def test_a_recording_can_be_the_reference_of_a_score(tmp_path, group):
    write_midi(Performance(passage()), tmp_path / "score.mid")
    of_group, _ = group(reference=tmp_path / "RH_Ori.wav", more=[tmp_path / "score.mid"], without=["RH_6"])
    rows = {stem(row["id"]): row for row in of_group["views"]["heard_events"]["items"]}
    assert rows["score"]["verdict"] == "not distinguishable" and rows["score"]["difference_nats"] == 0.0
    assert of_group["assumed"] == "Notes read in score.mid are compared with those heard in RH_Ori.wav."
