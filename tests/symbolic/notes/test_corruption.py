"""Corruptions keep a performance valid and playable, and change what they say, by as much as they say."""

import numpy as np
import pytest

from symbolic.notes.corruption import CORRUPTIONS, playable
from symbolic.notes.performance import NOTE_DTYPE, Performance, end_at_restrikes

KEPT = {  # the attributes whose values a corruption leaves, in whatever order
    "semitone": {"onset_ticks", "velocity_bin"},
    "wrong_notes": {"onset_ticks", "velocity_bin"},
    "random_pitches": {"onset_ticks", "velocity_bin"},
    "jitter_onsets": {"pitch", "velocity_bin"},
    "permute_durations": {"onset_ticks", "pitch", "velocity_bin"},
    "random_velocities": {"onset_ticks", "pitch", "duration_ticks"},
    "flat_velocities": {"onset_ticks", "pitch", "duration_ticks"},
    "matched_marginals": {"pitch", "velocity_bin"},
    "uniform_notes": set(),
    "shuffle_seconds": {"pitch", "velocity_bin"},
    "shuffle_bars": {"pitch", "velocity_bin"},
    "reverse": {"pitch", "velocity_bin"},
    "loop": set(),
}
CERTAIN_AT_ONE = {"flat_velocities", "reverse", "loop"}  # touching all leaves nothing to chance


def corrupt(name, performance, amount, seed=0):
    return CORRUPTIONS[name](performance, np.random.default_rng(seed), amount)


def chorale(n_chords=200):
    generator = np.random.default_rng(0)
    notes = np.zeros(3 * n_chords, dtype=NOTE_DTYPE)
    notes["onset_ticks"] = np.repeat(np.arange(n_chords) * 40 + generator.integers(0, 30, n_chords), 3)
    notes["onset_ticks"] -= notes["onset_ticks"][0]
    notes["pitch"] = (generator.integers(24, 100, n_chords)[:, None] + [0, 1, 4]).ravel()
    notes["duration_ticks"], notes["velocity_bin"] = 60, generator.integers(0, 32, 3 * n_chords)
    notes["duration_ticks"] += generator.integers(0, 30, 3 * n_chords).astype(np.uint16)
    return Performance(end_at_restrikes(notes))


def line(n_notes, *, step_ticks=50, pitch=60):
    """Single notes that never overlap, each with a duration of its own, so that each can be followed."""
    notes = np.zeros(n_notes, dtype=NOTE_DTYPE)
    notes["onset_ticks"], notes["pitch"] = np.arange(n_notes) * step_ticks, pitch
    notes["duration_ticks"] = 1 + np.arange(n_notes) % (step_ticks - 1)
    notes["velocity_bin"] = np.arange(n_notes) % 31
    return Performance(notes)


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("amount", [0.1, 1.0])
def test_every_corruption_is_seeded_valid_playable_and_leaves_the_rest(name, amount):
    original = chorale()
    before = original.notes.copy()
    corrupted, again, other = (corrupt(name, original, amount, seed) for seed in (1, 1, 2))
    assert (original.notes == before).all()
    assert (corrupted.notes != original.notes).any()
    assert (corrupted.notes == again.notes).all()
    assert (corrupted.notes != other.notes).any() or (amount == 1.0 and name in CERTAIN_AT_ONE)
    assert len(corrupted) == len(original)
    assert (end_at_restrikes(corrupted.notes) == corrupted.notes).all()
    for attribute in KEPT[name]:
        assert sorted(corrupted.notes[attribute]) == sorted(original.notes[attribute])


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_no_amount_no_change_and_no_impossible_amount(name):
    original = chorale(20)
    assert (corrupt(name, original, 0.0).notes == original.notes).all()
    with pytest.raises(ValueError, match=r"amount 1\.5"):
        corrupt(name, original, 1.5)


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("n_notes", [1, 2, 3])
def test_the_smallest_music_stays_music(name, n_notes):
    for amount in (0.01, 1.0):
        assert len(corrupt(name, line(n_notes), amount)) == n_notes


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("semitone", "pitch"),
        ("wrong_notes", "pitch"),
        ("random_pitches", "pitch"),
        ("random_velocities", "velocity_bin"),
        ("flat_velocities", "velocity_bin"),
    ],
)
def test_one_over_the_number_of_notes_is_one_single_note(name, attribute):
    for n_notes in (49, 256, 1000):
        changed = [
            (corrupt(name, line(n_notes), 1 / n_notes, seed).notes[attribute] != line(n_notes).notes[attribute]).sum()
            for seed in range(5)
        ]
        assert max(changed) == 1


def test_shares_are_rounded_up_but_for_the_error_of_floating_point():
    for amount, expected in ((0.01, 3), (0.05, 13), (0.5, 128)):
        assert (corrupt("semitone", line(256), amount).notes["pitch"] != 60).sum() == expected
    assert (corrupt("semitone", line(100), 0.07).notes["pitch"] != 60).sum() == 7


@pytest.mark.parametrize(("name", "furthest"), [("semitone", 1), ("wrong_notes", 12), ("random_pitches", 87)])
def test_pitch_corruptions_touch_the_share_they_say_and_no_time(name, furthest):
    original = line(400)
    corrupted = corrupt(name, original, 0.25).notes
    moved = corrupted["pitch"].astype(int) - 60
    assert (corrupted["onset_ticks"] == original.notes["onset_ticks"]).all()
    assert (corrupted["duration_ticks"] == original.notes["duration_ticks"]).all()
    assert 95 <= (moved != 0).sum() <= 100
    assert np.abs(moved).max() <= furthest
    assert {-1, 1} == set(np.sign(moved)) - {0}


def test_every_pitch_can_be_drawn_and_the_edges_hold():
    lowest = line(4000, step_ticks=3, pitch=21)
    assert set(corrupt("random_pitches", lowest, 1.0).notes["pitch"].tolist()) == set(range(21, 109))
    assert set(corrupt("semitone", lowest, 1.0).notes["pitch"]) == {22}


def test_jitter_moves_onsets_by_150_ms_at_most():
    original = line(300, step_ticks=100).notes
    corrupted = corrupt("jitter_onsets", Performance(original), 0.5).notes
    shift = corrupted["onset_ticks"] - original["onset_ticks"]
    shift -= np.bincount(shift - shift.min()).argmax() + shift.min()  # the untouched notes stay where they were
    assert np.abs(shift).max() <= 15
    assert (shift != 0).sum() == 150
    assert set(np.abs(shift)) == set(range(16))
    assert (corrupted["velocity_bin"] == original["velocity_bin"]).all()


def test_a_note_with_no_free_place_stays_and_another_is_touched():
    cluster = np.zeros(89, dtype=NOTE_DTYPE)
    cluster["pitch"][:88], cluster["duration_ticks"] = np.arange(21, 109), 5
    for name in ("semitone", "wrong_notes", "random_pitches"):
        assert (corrupt(name, Performance(cluster[:88]), 1.0).notes == cluster[:88]).all()
    cluster["onset_ticks"][88], cluster["pitch"][88] = 100, 60
    for seed in range(10):
        assert corrupt("semitone", Performance(cluster), 1 / 89, seed).notes["pitch"][88] in (59, 61)


def test_a_note_struck_again_ends_there_and_the_order_is_restored():
    notes = np.array([(30, 50, 60, 1), (10, 50, 60, 2), (10, 50, 59, 3)], dtype=NOTE_DTYPE)
    expected = np.array([(0, 50, 59, 3), (0, 20, 60, 2), (20, 50, 60, 1)], dtype=NOTE_DTYPE)
    assert (playable(notes).notes == expected).all()


def test_permuted_durations_move_between_the_touched_notes():
    original = line(40).notes["duration_ticks"]  # all different
    for amount, touched in ((1.0, 40), (0.1, 4), (0.01, 2)):
        corrupted = corrupt("permute_durations", line(40), amount).notes["duration_ticks"]
        assert sorted(corrupted) == sorted(original)
        assert (corrupted != original).sum() == touched


def test_velocities_become_random_or_flat():
    original = line(2000)
    drawn = corrupt("random_velocities", original, 1.0).notes["velocity_bin"]
    counts = np.bincount(drawn, minlength=32)
    assert len(counts) == 32 and counts.min() > 30
    assert set(corrupt("flat_velocities", original, 1.0).notes["velocity_bin"]) == {15}
    half = corrupt("flat_velocities", original, 0.5).notes["velocity_bin"]
    assert 900 <= (half != original.notes["velocity_bin"]).sum() <= 1000


@pytest.mark.parametrize(("amount", "most_kept"), [(0.3, 0.85), (1.0, 0.35)])
def test_matched_marginals_keep_each_attribute_and_break_what_joins_them(amount, most_kept):
    original = chorale().notes
    corrupted = corrupt("matched_marginals", Performance(original), amount).notes

    def shifts(notes):
        return np.diff(notes["onset_ticks"])

    def joint(notes):
        return set(zip(notes["pitch"].tolist(), notes["velocity_bin"].tolist(), strict=True))

    assert sorted(shifts(corrupted)) == sorted(shifts(original))
    assert sorted(corrupted["pitch"]) == sorted(original["pitch"])
    assert len(joint(corrupted) & joint(original)) < most_kept * len(joint(original))


def test_matched_marginals_permute_all_four_attributes():
    notes = line(200).notes
    notes["onset_ticks"] += np.cumsum(np.arange(200) % 7)
    notes["pitch"] = 30 + np.arange(200) % 60
    corrupted = corrupt("matched_marginals", Performance(notes), 1.0).notes
    for values in (lambda n: np.diff(n["onset_ticks"]), *(lambda n, a=a: n[a] for a in NOTE_DTYPE.names[1:])):
        assert sorted(values(corrupted)) == sorted(values(notes))
        assert (values(corrupted) != values(notes)).mean() > 0.5


def test_uniform_notes_are_uniform_within_the_span():
    original = line(3000, step_ticks=10)
    corrupted = corrupt("uniform_notes", original, 1.0).notes
    assert corrupted["onset_ticks"].max() <= original.notes["onset_ticks"].max()
    quarters = np.histogram(corrupted["onset_ticks"], bins=4, range=(0, 30_000))[0]
    assert quarters.min() > 650
    assert np.bincount(corrupted["pitch"]).argmin() < 21 and np.bincount(corrupted["pitch"])[21:].min() > 10
    assert np.bincount(corrupted["velocity_bin"]).min() > 50
    tenth = corrupt("uniform_notes", original, 0.1).notes
    assert np.isin(tenth["onset_ticks"], original.notes["onset_ticks"]).sum() >= 2700


def test_uniform_notes_leave_the_places_of_the_others():
    full = np.zeros(3 * 88, dtype=NOTE_DTYPE)  # every key at every onset
    full["onset_ticks"], full["pitch"], full["duration_ticks"] = (
        np.repeat(np.arange(3), 88),
        np.tile(np.arange(21, 109), 3),
        1,
    )
    corrupted = corrupt("uniform_notes", Performance(full), 0.5).notes
    assert (corrupted[["onset_ticks", "pitch"]] == full[["onset_ticks", "pitch"]]).all()


@pytest.mark.parametrize(("name", "slice_ticks"), [("shuffle_seconds", 100), ("shuffle_bars", 200)])
def test_shuffled_slices_keep_their_insides(name, slice_ticks):
    notes = line(200).notes  # a note begins each slice
    notes["pitch"] = np.random.default_rng(1).integers(21, 109, 200)

    def slices(performance):
        return performance.notes["pitch"].reshape(-1, slice_ticks // 50).tolist()

    original, corrupted = slices(Performance(notes)), corrupt(name, Performance(notes), 1.0)
    assert (corrupted.notes["onset_ticks"] == notes["onset_ticks"]).all()
    assert sorted(slices(corrupted)) == sorted(original)
    assert sum(a != b for a, b in zip(slices(corrupted), original, strict=True)) == len(original)
    tenth = slices(corrupt(name, Performance(notes), 0.1))
    assert sum(a != b for a, b in zip(tenth, original, strict=True)) == len(original) / 10


def test_reversal_mirrors_onsets_and_only_within_the_stretch():
    notes = line(60).notes
    notes["pitch"], notes["onset_ticks"][30:] = 21 + np.arange(60), notes["onset_ticks"][30:] + 25
    backwards = corrupt("reverse", Performance(notes), 1.0)
    assert (backwards.notes["pitch"] == notes["pitch"][::-1]).all()
    assert (np.diff(backwards.notes["onset_ticks"]) == np.diff(notes["onset_ticks"])[::-1]).all()
    assert (corrupt("reverse", backwards, 1.0).notes == notes).all()
    pitch = corrupt("reverse", Performance(notes), 0.25).notes["pitch"].astype(int) - 21
    moved = np.flatnonzero(pitch != np.arange(60))
    assert len(moved) == 14 and (pitch[moved] == moved[::-1]).all()  # the middle one of 15 stays


def test_a_loop_fills_its_stretch_and_the_music_goes_on():
    notes = line(80).notes
    notes["pitch"], notes["onset_ticks"] = 21 + np.arange(80), np.cumsum(10 + np.arange(80) % 9) - 10
    filled = corrupt("loop", Performance(notes), 1.0).notes
    assert (filled["pitch"] == np.resize(notes["pitch"][:16], 80)).all()
    shifts = np.diff(filled["onset_ticks"])
    assert (shifts[:16] == np.diff(notes["onset_ticks"])[:16]).all()
    assert (shifts[:64] == np.resize(shifts[:16], 64)).all()
    part = corrupt("loop", Performance(notes), 0.5).notes
    stretch = np.flatnonzero(part["pitch"] != notes["pitch"])
    assert len(stretch) == 40 and (np.diff(stretch) == 1).all()
    assert (part["pitch"][stretch] == part["pitch"][stretch - 16]).all()
    after = slice(stretch[-1], None)
    assert (np.diff(part["onset_ticks"])[after] == np.diff(notes["onset_ticks"])[after]).all()
    assert stretch[-1] < 79


@pytest.mark.parametrize("amount", [0.05, 0.5, 1.0])
def test_a_loop_may_cut_chords(amount):
    chords = np.zeros(90, dtype=NOTE_DTYPE)
    chords["onset_ticks"], chords["pitch"] = np.repeat(np.arange(30) * 20, 3), np.tile([60, 64, 67], 30)
    chords["duration_ticks"] = 10
    for seed in range(10):
        assert len(corrupt("loop", Performance(chords), amount, seed)) == 90
