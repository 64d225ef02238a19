"""Events: a bijection between Performances and event rows, silences of any length included."""

import numpy as np
import pytest

from symbolic.notes.performance import NOTE_DTYPE, Performance
from symbolic.tokens.events import END, REST, REST_TICKS, decode, encode


def test_encode_then_decode_gives_the_same_notes(performances):
    for performance in performances:
        assert np.array_equal(decode(encode(performance)).notes, performance.notes)


@pytest.mark.parametrize("gap", [0, 1, REST_TICKS - 1, REST_TICKS, REST_TICKS + 1, 5 * REST_TICKS, 123_456])
def test_a_silence_is_told_by_rests_and_what_remains(gap):
    notes = np.array([(0, 5, 60, 3), (gap, 6, 61, 4)], dtype=NOTE_DTYPE)
    events = encode(Performance(notes))
    assert (events[1:-2, 0] == REST).all()
    assert len(events) == 3 + gap // REST_TICKS
    assert events[-2, 0] == gap % REST_TICKS
    assert np.array_equal(decode(events).notes, notes)


def test_the_end_symbol_closes_the_piece_and_only_on_request(performances):
    for performance in performances:
        assert encode(performance)[-1].tolist() == [END, 0, 0, 0]
        assert not (encode(performance, end=False)[:, 0] == END).any()


def test_what_follows_the_end_is_ignored(performances):
    events = encode(performances[0])
    longer = np.concatenate([events, events[:5]])
    assert np.array_equal(decode(longer).notes, performances[0].notes)


def test_events_without_a_note_are_refused():
    with pytest.raises(ValueError, match="non-empty"):
        decode(np.array([[REST, 0, 0, 0], [END, 0, 0, 0]]))


def test_falling_pitch_on_one_onset_is_refused():
    with pytest.raises(ValueError, match="sorted"):
        decode(np.array([[0, 40, 0, 0], [0, 39, 0, 0]]))
