"""Excerpts are repeatable, varied, and alike for both models but for the order of their notes."""

from dataclasses import replace

import numpy as np
import pytest
from music import random_performance

from bridge.synthesis.synthesiser import default_soundfont
from losscal.errors import InputError
from symbolic.notes.monotony import held_chords, scales
from symbolic.notes.performance import MAX_PITCH, MIN_PITCH
from train.frames.excerpts import (
    OTHER_PROGRAMS,
    ExcerptConfig,
    ShuffleConfig,
    SoundExcerpt,
    SoundRecipe,
    frames_of_excerpt,
    rendered,
    shuffled,
    transposed,
)
from train.frames.soundfonts import find_soundfonts, named_soundfonts

CONFIG = ExcerptConfig(render_sample_rate=16_000, dry_share=0.0)
VARIED = SoundRecipe((default_soundfont(),), CONFIG)
DRY = replace(VARIED, excerpts=replace(CONFIG, dry_share=1.0))


def excerpt(number: int, split: str = "train") -> SoundExcerpt:
    return SoundExcerpt(random_performance(1, 20), split, number)


@pytest.mark.fluidsynth
def test_frames_are_repeatable_and_differ_by_number_and_seed():
    frames = frames_of_excerpt(excerpt(0), VARIED).levels
    np.testing.assert_array_equal(frames, frames_of_excerpt(excerpt(0), VARIED).levels)
    others = [
        frames_of_excerpt(excerpt(1), VARIED).levels,
        frames_of_excerpt(excerpt(0), replace(VARIED, excerpts=replace(CONFIG, seed=2))).levels,
    ]
    for other in others:
        assert other.shape != frames.shape or (other != frames).any()
    assert frames.shape[1] == 88 and frames.max() > 60


@pytest.mark.fluidsynth
def test_dry_excerpts_are_the_default_rendering_whatever_the_recipe():
    dry = frames_of_excerpt(excerpt(0), DRY).levels
    np.testing.assert_array_equal(dry, frames_of_excerpt(excerpt(5), DRY).levels)
    np.testing.assert_array_equal(dry, frames_of_excerpt(excerpt(3, "validation_dry"), VARIED).levels)
    varied = frames_of_excerpt(excerpt(0, "validation_varied"), DRY).levels
    assert varied.shape != dry.shape or (varied != dry).any()


def test_a_background_excerpt_differs_by_its_notes_alone(monkeypatch):
    heard = []

    def listen(performance, soundfont, program, sample_rate):
        heard.append((performance, program))
        return np.random.default_rng(0).normal(size=8000).astype(np.float32)  # as if the notes made no difference

    monkeypatch.setattr("train.frames.excerpts.rendered", listen)
    shuffled_recipe = replace(VARIED, shuffle=ShuffleConfig(("wrong_notes",)))
    for number in range(5):
        recipes = (VARIED, shuffled_recipe)
        plain, shuffled_frames = (frames_of_excerpt(excerpt(number), each).levels for each in recipes)
        np.testing.assert_array_equal(plain, shuffled_frames)
        (notes, program), (wrong, same_program) = ((p.notes, program) for p, program in heard[-2:])
        assert program == same_program and (notes["pitch"] != wrong["pitch"]).any()
        np.testing.assert_array_equal(np.unique(notes["onset_ticks"]), np.unique(wrong["onset_ticks"]))
    assert {0, 1} <= {program for _, program in heard} <= {0, 1, *OTHER_PROGRAMS}


@pytest.mark.fluidsynth
def test_strikes_are_where_the_sound_rises():
    music = held_chords(random_performance(1, 60), np.random.default_rng(1), 1.0)
    rendered_excerpt = frames_of_excerpt(SoundExcerpt(music, "train", 0), VARIED)
    levels, (frame, key) = rendered_excerpt.levels.astype(float), rendered_excerpt.strikes.T
    assert rendered_excerpt.strikes.dtype == np.int32 and len(frame) == len(music)
    is_inside = (frame > 5) & (frame < len(levels) - 5)
    frame, key = frame[is_inside], key[is_inside]
    rises = [np.mean(levels[frame + shift, key] - levels[frame + shift - 1, key]) for shift in range(-3, 5)]
    assert np.argmax(rises) - 3 in (-1, 0, 1) and max(rises) > 3.0


def test_as_played_leaves_the_notes_alone():
    performance = random_performance(1, 60)
    as_played = shuffled(performance, ShuffleConfig(("as_played",)), np.random.default_rng(1))
    assert np.array_equal(as_played.notes, performance.notes)


def test_every_rule_is_drawn_with_many_amounts():
    performance = random_performance(1, 60)
    config = ShuffleConfig(("semitone",), min_amount=0.2)
    moved = []
    for seed in range(40):
        changed = shuffled(performance, config, np.random.default_rng(seed))
        assert len(changed) == len(performance)
        moved.append(np.mean(np.sort(changed.notes["pitch"]) != np.sort(performance.notes["pitch"])))
    assert min(moved) < 0.4 < max(moved)
    one_of_two = ShuffleConfig(("jitter_onsets", "semitone"))
    is_jitter = [
        np.array_equal(
            np.sort(shuffled(performance, one_of_two, np.random.default_rng(seed)).notes["pitch"]),
            np.sort(performance.notes["pitch"]),
        )
        for seed in range(40)
    ]
    assert 8 < sum(is_jitter) < 32


@pytest.mark.parametrize("rule", [scales, held_chords])
def test_monotony_is_playable_and_as_long_as_the_music(rule):
    music = random_performance(1, 60)
    for seed in range(50):
        notes = rule(music, np.random.default_rng(seed), 0.5).notes
        np.testing.assert_array_equal(notes, rule(music, np.random.default_rng(seed), 0.5).notes)
        assert len(notes) == len(np.unique(notes[["onset_ticks", "pitch"]]))
        assert notes["pitch"].min() >= MIN_PITCH and notes["pitch"].max() <= MAX_PITCH
        assert notes["onset_ticks"][-1] <= music.notes["onset_ticks"][-1]
        assert len(np.unique(notes["velocity_bin"])) == 1
        shifts = np.diff(np.unique(notes["onset_ticks"]))
        assert (shifts == shifts[:1]).all() and notes["onset_ticks"][-1] + 3000 > music.notes["onset_ticks"][-1]


def test_a_scale_goes_up_and_down_and_a_held_chord_stays():
    music = random_performance(1, 60)
    for seed in range(20):
        pitch = scales(music, np.random.default_rng(seed), 1.0).notes["pitch"].astype(int)
        turns = np.flatnonzero(np.diff(np.sign(np.diff(pitch))))
        assert (np.diff(pitch) != 0).all() and len(set(np.diff(turns))) <= 1
        chord = held_chords(music, np.random.default_rng(seed), 1.0).notes
        of_onset = [set(chord["pitch"][chord["onset_ticks"] == onset]) for onset in np.unique(chord["onset_ticks"])]
        assert all(pitches == of_onset[0] for pitches in of_onset)


def test_transpositions_keep_intervals_and_stay_on_the_keyboard():
    performance = random_performance(1, 60)
    notes = performance.notes.copy()
    notes["pitch"] = np.clip(notes["pitch"], MIN_PITCH + 1, MAX_PITCH - 1)
    notes["pitch"][0], notes["pitch"][1] = MIN_PITCH + 1, MAX_PITCH
    edge = replace(performance, notes=notes)
    steps = set()
    for seed in range(40):
        moved = transposed(edge, 3, np.random.default_rng(seed))
        steps.add(int(moved.notes["pitch"][0]) - MIN_PITCH - 1)
        np.testing.assert_array_equal(np.diff(moved.notes["pitch"].astype(int)), np.diff(notes["pitch"].astype(int)))
    assert steps == {-1, 0}


@pytest.mark.fluidsynth
def test_programs_sound_different():
    acoustic, bright = (rendered(random_performance(1, 20), default_soundfont(), program, 16_000) for program in (0, 1))
    assert acoustic.ndim == 1 and (acoustic[:4000] != bright[:4000]).any()


def test_every_soundfont_of_the_manifest_has_a_name_and_the_default_one_is_found():
    assert set(named_soundfonts()) == {"TimGM6mb", "FluidR3_GM", "MuseScore_General_Lite"}
    assert default_soundfont() in find_soundfonts(None)
    assert find_soundfonts([str(default_soundfont())]) == (default_soundfont(),)
    with pytest.raises(InputError, match=r"nowhere\.sf2: no such file"):
        find_soundfonts(["nowhere.sf2"])


@pytest.mark.parametrize(
    ("config", "values", "reason"),
    [
        (ExcerptConfig, {"dry_share": 1.5}, "dry_share 1.5"),
        (ExcerptConfig, {"train_hours": 0}, "train_hours 0"),
        (ShuffleConfig, {"rules": ("jumble",)}, "jumble: unknown, choose from wrong_notes"),
        (ShuffleConfig, {"rules": ()}, "none is given"),
        (ShuffleConfig, {"min_amount": 0}, "min_amount 0"),
    ],
)
def test_a_wrong_config_names_the_field(config, values, reason):
    with pytest.raises(ValueError, match=reason):
        config(**values)
