"""What is no piano in a MIDI file is counted by its family and told."""

import pytest
from midi_files import off, on, smf

from losscal.midi import parse_midi
from symbolic.notes.instruments import notes_by_family, remark_on_instruments


def program(tick, number, channel=0):
    return tick, bytes([0xC0 | channel, number])


def notes(count, channel=0, start=0):
    return [
        event
        for n in range(count)
        for event in (on(start + 50 * n, 60, channel=channel), off(start + 50 * n + 40, 60, channel))
    ]


def remark(*tracks):
    return remark_on_instruments(parse_midi(smf(*tracks), "a.mid"))


@pytest.mark.parametrize("number", [None, 0, 3, 7])
def test_a_piano_of_any_kind_on_any_channel_has_no_remark(number):
    for channel in (0, 5):
        named = [] if number is None else [program(0, number, channel)]
        assert remark([*named, *notes(4, channel)]) is None


def test_a_song_is_told_by_its_parts():
    tracks = [
        [program(0, 48, 1), *notes(5, 1)],  # strings as an ensemble
        [program(0, 33, 2), *notes(3, 2)],
        notes(7, 9),
        notes(4, 0),
    ]
    told = remark(*tracks)
    assert "8 of 12 notes are another instrument's (ensemble 5, bass 3) and scored as a piano's" in told
    assert "7 notes on the drum channel are left out" in told and "\n" not in told


def test_drums_alone_beside_a_piano_are_told():
    assert remark(notes(2, 9), notes(4, 0)) == "no piano alone: 2 notes on the drum channel are left out"


def test_a_program_holds_until_the_next_of_its_channel():
    track = [*notes(2), program(100, 80), *notes(3, start=150), program(400, 0), *notes(1, start=450)]
    counts = notes_by_family(parse_midi(smf(track, [program(0, 40, 3)]), "a.mid"))
    assert counts == {"piano": 3, "synth lead": 3}
