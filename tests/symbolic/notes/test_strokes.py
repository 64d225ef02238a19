"""What ends a note: note-offs, the pedals, and the messages that end all notes."""

import pytest
from midi_files import (
    cleaned,
    control,
    off,
    on,
    pedal,
)


@pytest.mark.parametrize("controller", [120, 123, 124, 125, 126, 127])
def test_a_message_that_ends_all_notes_ends_those_of_its_channel(controller):
    other_channel = [on(0, 64, channel=1), off(900, 64, channel=1)]
    notes, repairs = cleaned([on(0), on(0, 62), control(200, controller), off(900), on(1000), off(1100)], other_channel)
    assert notes == [(0, 20, 60), (0, 20, 62), (0, 90, 64), (100, 10, 60)]
    assert repairs == {"orphan_note_off": 1}


def test_all_sound_off_ends_what_the_pedal_holds_and_all_notes_off_does_not():
    held = [pedal(0, 127), on(0), off(100)]
    assert cleaned([*held, control(200, 123), pedal(400, 0)])[0] == [(0, 40, 60)]
    assert cleaned([*held, control(200, 120), pedal(400, 0)])[0] == [(0, 20, 60)]


def test_resetting_all_controllers_lifts_both_pedals():
    for controller in (64, 66):
        events = [on(0), control(50, controller, 127), off(100), control(300, 121), on(900, 64), off(950, 64)]
        assert cleaned(events)[0] == [(0, 30, 60), (90, 5, 64)]


def test_the_sostenuto_pedal_holds_the_keys_that_are_down_when_it_is_pressed():
    events = [on(0), control(50, 66, 127), on(60, 64), off(100), off(110, 64), control(400, 66, 0)]
    notes, repairs = cleaned(events)
    assert notes == [(0, 40, 60), (6, 5, 64)]
    assert repairs == {"pedal_folded": 1}


def test_what_the_sostenuto_pedal_lets_go_the_sustain_pedal_still_holds():
    events = [on(0), control(50, 66, 127), off(100), pedal(200, 127), control(300, 66, 0), pedal(500, 0)]
    assert cleaned(events)[0] == [(0, 50, 60)]


def test_a_repeated_pedal_value_is_no_new_press():
    events = [control(0, 66, 127), on(10), control(50, 66, 127), off(100), control(400, 66, 0)]
    assert cleaned(events)[0] == [(0, 9, 60)]
