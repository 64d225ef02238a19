"""What was done to a reference is found again: which notes were added, removed, moved and changed, and how."""

from collections import Counter

import numpy as np
import pytest
from music import random_performance

from symbolic.notes.alignment import align, edits
from symbolic.notes.corruption import jitter_onsets, matched_marginals, playable, semitone
from symbolic.notes.performance import NOTE_DTYPE, Performance, name_of


def steady(count=60, seed=0):
    """Notes 200 ms apart on pitches that do not come back at once."""
    notes = np.zeros(count, dtype=NOTE_DTYPE)
    notes["onset_ticks"], notes["duration_ticks"], notes["velocity_bin"] = 20 * np.arange(count), 15, 16
    notes["pitch"] = 40 + (np.arange(count) * 7) % 40
    return Performance(notes)


def found(version, reference):
    return edits(version, reference, align(version, reference))


def changed(performance, index, **values):
    notes = performance.notes.copy()
    for name, value in values.items():
        notes[name][index] = value
    return Performance(np.sort(notes, order=("onset_ticks", "pitch")))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_same_music_has_no_edits(seed):
    reference = random_performance(seed, 200)
    assert found(reference, reference) == []


def test_each_kind_of_edit_is_told_with_its_notes_its_time_and_in_words():
    reference = steady()
    (added,) = found(playable(np.append(reference.notes, np.array([(105, 10, 30, 16)], dtype=NOTE_DTYPE))), reference)
    assert (added.kind, added.note, added.reference_note, added.seconds) == ("added", 6, None, 1.05)
    assert added.text == "F#1 added"
    (removed,) = found(playable(np.delete(reference.notes, 5)), reference)
    assert (removed.kind, removed.note, removed.reference_note) == ("removed", None, 5)
    assert removed.seconds == pytest.approx(1.0)
    (moved,) = found(changed(reference, 5, onset_ticks=108), reference)
    assert (moved.kind, moved.note, moved.reference_note, moved.text) == ("moved", 5, 5, "D#5 0.08 s later")
    (pitch,) = found(changed(reference, 5, pitch=76), reference)
    assert (pitch.kind, pitch.note, pitch.reference_note, pitch.text) == ("changed", 5, 5, "E5 instead of D#5")
    (louder,) = found(changed(reference, 5, velocity_bin=20), reference)
    assert (louder.kind, louder.text) == ("changed", "D#5 velocity 83 instead of 67")
    (longer,) = found(changed(reference, 5, duration_ticks=30), reference)
    assert (longer.kind, longer.text) == ("changed", "D#5 0.30 s long instead of 0.15 s")


def test_known_semitones_are_all_found_and_nothing_else():
    reference = steady(400)
    version = semitone(reference, np.random.default_rng(3), 0.05)
    told = found(version, reference)
    assert {edit.reference_note for edit in told} == set(
        np.flatnonzero(version.notes["pitch"] != reference.notes["pitch"])
    )
    assert Counter(edit.kind for edit in told) == {"changed": 20}


@pytest.mark.parametrize("tempo", [0.9, 1.0, 1.04])
def test_another_tempo_and_a_later_start_are_no_edits(tempo):
    reference = steady(300)
    notes = reference.notes[40:].copy()
    notes["onset_ticks"] = np.rint((notes["onset_ticks"] - notes["onset_ticks"][0]) * tempo)
    notes["pitch"][10] += 1
    version = Performance(notes)
    alignment = align(version, reference)
    assert alignment.time_map.slope == pytest.approx(1 / tempo, rel=1e-3)
    assert alignment.time_map.offset_seconds == pytest.approx(8.0, abs=0.02)
    told = edits(version, reference, alignment)
    assert Counter(edit.kind for edit in told) == {"removed": 40, "changed": 1}
    expected = [reference.notes["onset_ticks"][edit.reference_note] * 0.01 for edit in told]
    assert [edit.reference_seconds for edit in told] == pytest.approx(expected, abs=0.02)


def test_of_a_chord_the_note_nearest_in_pitch_is_the_one_that_was_changed():
    """Two notes at once are left over, of which one is gone and the other a semitone higher."""
    reference = playable(np.append(steady().notes, np.array([(600, 15, 21, 16)], dtype=NOTE_DTYPE)))
    index = int(np.flatnonzero(reference.notes["onset_ticks"] == 600)[1])
    pitch = int(reference.notes["pitch"][index])
    version = Performance(np.delete(changed(reference, index, pitch=pitch + 1).notes, index - 1))
    removed, repitched = sorted(found(version, reference), key=lambda edit: edit.kind, reverse=True)
    assert removed.text == "A0 removed" and repitched.text == f"{name_of(pitch + 1)} instead of {name_of(pitch)}"


def test_a_first_note_that_moved_moves_no_other():
    reference = steady(100)
    notes = reference.notes.copy()
    notes["onset_ticks"][1:] -= 8  # the first note 80 ms earlier, and with it the version's zero
    (moved,) = found(Performance(notes), reference)
    assert (moved.kind, moved.note, moved.text) == ("moved", 0, "E2 0.08 s later")
    (middle,) = found(changed(steady(61), 30, onset_ticks=608), steady(61))
    assert (middle.kind, middle.note) == ("moved", 30)
    jittered = jitter_onsets(random_performance(6, 300), np.random.default_rng(0), 0.05)
    assert len(found(jittered, random_performance(6, 300))) <= 25


def test_a_note_in_its_place_stays_there_though_all_could_have_moved():
    reference, version = (
        playable(np.append(steady().notes, np.array([(t, 10, 100, 16) for t in ticks], dtype=NOTE_DTYPE)))
        for ticks in ((105, 145), (145, 185))
    )
    told = found(version, reference)
    assert [(edit.kind, edit.text, round(edit.seconds, 2)) for edit in told] == [
        ("removed", "E7 removed", 1.05),
        ("added", "E7 added", 1.85),
    ]


def test_pairs_are_one_to_one_and_in_order():
    reference = random_performance(4, 150)
    alignment = align(matched_marginals(reference, np.random.default_rng(0), 0.3), reference)
    pairs = np.concatenate([alignment.pairs, alignment.repitched])
    assert all(len(set(column)) == len(column) for column in pairs.T.tolist())
    for pitch in set(reference.notes["pitch"][alignment.pairs[:, 1]].tolist()):
        of_key = alignment.pairs[reference.notes["pitch"][alignment.pairs[:, 1]] == pitch]
        assert (np.diff(of_key[:, 1]) > 0).all()


def test_a_transposed_version_is_told_once_and_its_edits_beside():
    reference = steady(200)
    notes = reference.notes.copy()
    notes["onset_ticks"] = np.rint(1.04 * notes["onset_ticks"])
    notes["pitch"] += 2
    notes["pitch"][[30, 90]] += 1
    version = Performance(np.delete(notes, 150))
    whole, *others = found(version, reference)
    assert (whole.kind, whole.text) == ("transposed", "all notes by +2 semitones")
    assert (whole.note, whole.reference_note) == (0, 0)
    assert [edit.kind for edit in others] == ["changed", "changed", "removed"]
    assert others[0].text == "F3 instead of E3"


@pytest.mark.parametrize("semitones", [12, 1])
def test_a_transposition_is_of_most_notes(semitones):
    reference = changed(steady(200), slice(None), pitch=np.random.default_rng(0).integers(40, 80, 200))
    notes = reference.notes.copy()
    notes["pitch"][:120] += semitones
    assert "transposed" not in {edit.kind for edit in found(Performance(notes), reference)}
    notes["pitch"][120:180] += semitones  # nine in ten are one
    assert "transposed" in {edit.kind for edit in found(Performance(notes), reference)}


def test_all_notes_louder_or_one_velocity_bin_is_no_edit():
    reference = steady(100)
    assert found(changed(reference, slice(None), velocity_bin=22), reference) == []
    assert found(changed(reference, slice(0, 30), velocity_bin=17), reference) == []
    louder = changed(reference, slice(None), velocity_bin=22)
    assert [edit.note for edit in found(changed(louder, [3, 60], velocity_bin=16), reference)] == [3, 60]


def test_single_chords_are_compared_without_a_warning(recwarn):
    notes = np.zeros(4, dtype=NOTE_DTYPE)
    notes["pitch"], notes["duration_ticks"], notes["velocity_bin"] = (60, 64, 67, 72), 50, 16
    assert found(Performance(notes), Performance(notes)) == []
    assert not recwarn.list


def test_music_with_nothing_in_common_keeps_its_own_clock():
    here, there = random_performance(1, 100), random_performance(2, 100)
    alignment = align(here, there)
    assert (alignment.time_map.slope, alignment.time_map.offset_seconds) == (1.0, 0.0)
    told = Counter(edit.kind for edit in edits(here, there, alignment))
    paired = told["moved"] + told["changed"]
    assert told["added"] >= len(here) - paired - 5 and told["removed"] > len(there) / 2


def test_long_pieces_are_compared_whole():
    reference = random_performance(5, 5000)
    version = semitone(reference, np.random.default_rng(1), 0.1)
    assert len(found(version, reference)) > 400


def test_pitches_have_names():
    assert [name_of(pitch) for pitch in (21, 60, 66, 108)] == ["A0", "C4", "F#4", "C8"]
