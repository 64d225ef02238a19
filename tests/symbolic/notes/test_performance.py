"""The scored object: what it refuses, how it is cut, how it is written."""

import mido
import numpy as np
import pytest
from music import random_performance

from symbolic.notes.performance import (
    MAX_DURATION_TICKS,
    NOTE_DTYPE,
    VELOCITY_OF_BIN,
    Performance,
    end_at_restrikes,
    nearest_velocity_bin,
    next_strikes,
    stretched,
    write_midi,
)


def performance_of(*notes):
    """notes: (onset_ticks, duration_ticks, pitch, velocity_bin)."""
    return Performance(np.array(list(notes), dtype=NOTE_DTYPE))


@pytest.mark.parametrize(
    "notes",
    [
        [],
        [(1, 5, 60, 0)],  # first onset not 0
        [(0, 5, 64, 0), (0, 5, 60, 0)],  # not by pitch
        [(0, 5, 60, 0), (0, 6, 60, 1)],  # one key twice on one onset
        [(0, 0, 60, 0)],
        [(0, 602, 60, 0)],
        [(0, 5, 20, 0)],
        [(0, 5, 109, 0)],
        [(0, 5, 60, 32)],
    ],
)
def test_an_invalid_performance_is_refused(notes):
    with pytest.raises(ValueError, match="notes:"):
        performance_of(*notes)


def test_seconds_is_the_last_offset_not_the_last_notes():
    assert performance_of((0, 600, 60, 0), (100, 10, 62, 0)).seconds == pytest.approx(6.0)


def test_an_excerpt_begins_at_tick_0_and_leaves_the_whole_alone():
    whole = performance_of((0, 5, 60, 1), (10, 5, 61, 2), (25, 5, 62, 3))
    assert whole.excerpt(1, 3).notes.tolist() == [(0, 5, 61, 2), (15, 5, 62, 3)]
    assert whole.notes["onset_ticks"].tolist() == [0, 10, 25]


def test_velocity_bins_are_the_nearest():
    velocity = np.arange(1, 128)
    chosen = VELOCITY_OF_BIN[nearest_velocity_bin(velocity)]
    nearest = np.abs(velocity[:, None] - VELOCITY_OF_BIN).min(axis=1)
    assert (np.abs(velocity - chosen) == nearest).all()
    assert (nearest_velocity_bin(VELOCITY_OF_BIN) == np.arange(32)).all()


def test_next_strikes_match_a_search_note_by_note():
    generator = np.random.default_rng(0)
    places = np.unique(generator.integers(0, [40, 6], size=(60, 2)), axis=0)
    onset, pitch = generator.permutation(places).T
    expected = []
    for own_onset, own_pitch in zip(onset, pitch, strict=True):
        later = [i for i in range(len(onset)) if pitch[i] == own_pitch and onset[i] > own_onset]
        expected.append(min(later, key=lambda i: onset[i], default=len(onset)))
    assert next_strikes(onset, pitch).tolist() == expected


def test_a_sounding_note_ends_where_its_key_is_struck_again():
    notes = performance_of((0, 50, 60, 1), (0, 50, 61, 1), (30, 40, 60, 2)).notes
    assert end_at_restrikes(notes)["duration_ticks"].tolist() == [30, 50, 40]


def test_written_midi_holds_the_notes_at_the_grid(tmp_path):
    write_midi(performance_of((0, 50, 60, 31), (30, 40, 60, 4)), tmp_path / "a.mid")
    file = mido.MidiFile(tmp_path / "a.mid")
    events = [(m.type, m.time, m.note, m.velocity) for m in file.tracks[0] if m.type.startswith("note")]
    assert file.ticks_per_beat == 50
    assert events == [
        ("note_on", 0, 60, 127),
        ("note_off", 30, 60, 0),
        ("note_on", 0, 60, int(VELOCITY_OF_BIN[4])),
        ("note_off", 40, 60, 0),
    ]


def test_stretched_notes_lie_on_the_grid_within_its_limits():
    notes = random_performance(1, 200).notes
    assert np.array_equal(stretched(notes, 1.0), notes)
    slower = stretched(notes, 1.5)
    assert np.array_equal(slower["onset_ticks"], np.rint(notes["onset_ticks"] * 1.5))
    offsets = (notes["onset_ticks"].astype(int) + notes["duration_ticks"]) * 1.5
    is_short = slower["duration_ticks"] < MAX_DURATION_TICKS
    assert is_short.any()
    assert np.array_equal((slower["onset_ticks"] + slower["duration_ticks"])[is_short], np.rint(offsets)[is_short])
    assert stretched(notes, 1e-6)["duration_ticks"].tolist() == [1] * len(notes)
