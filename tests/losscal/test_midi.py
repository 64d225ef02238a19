"""Legal files in whatever spelling are read, and one music is one performance in all of them."""

import struct
import time

import pytest
from midi_files import (
    OFF,
    ON,
    cleaned,
    control,
    file_of,
    off,
    on,
    pedal,
    smf,
    tempo,
    variable_length,
)

from losscal import midi
from losscal.errors import InputError
from losscal.midi import parse_midi
from symbolic.notes.cleaning import clean_midi


def test_running_status_goes_on_behind_sysex_and_meta_events():
    note = b"\x00\x90\x3c\x40\x32\x3c\x00"
    between = b"\x00\xf0\x02\x01\xf7" + b"\x32\x3e\x40\x32\x3e\x00" + b"\x00\xff\x01\x01x" + b"\x32\x40\x40\x32\x40\x00"
    data = file_of(note + between + b"\x00\xff\x2f\x00", header_tracks=1)
    assert [note[2] for note in clean_midi(data, "a.mid").performance.notes.tolist()] == [60, 62, 64]


@pytest.mark.parametrize(
    "extra",
    [
        b"\x00\xf7\x02\xf3\x01",  # an escape that holds a song selection
        b"\x00\xf0\x03\x43\x12\x00\x05\xf7\x02\x10\xf7",  # sysex in two packets
        b"\x00\xb0\x07\xff",  # a volume beyond 127
        b"\x00\xf8",  # a clock that has no place in a file
    ],
)
def test_what_is_no_note_costs_no_note(extra):
    body = b"\x00\x90\x3c\x40" + extra + b"\x32\x80\x3c\x00" + b"\x00\xff\x2f\x00"
    ((onset, duration, *_),) = clean_midi(file_of(body, header_tracks=1), "a.mid").performance.notes.tolist()
    assert onset == 0 and duration in (5, 6)
    assert ("data_above_127" in clean_midi(file_of(body, header_tracks=1), "a.mid").repairs) == (extra[-1] == 0xFF)


def test_chunks_of_other_kinds_are_passed_over_wherever_they_stand():
    data = smf([on(0), off(100)], [on(0, 64), off(100, 64)])
    alien = b"XFKM" + struct.pack(">I", 5) + b"MTrk\0"
    expected = clean_midi(data, "a.mid").performance.notes.tolist()
    assert clean_midi(data.replace(b"MTrk", alien + b"MTrk"), "a.mid").performance.notes.tolist() == expected


def test_a_riff_wrapper_is_unpacked():
    data = smf([on(0), off(100)])
    padded = data + b"\0" * (len(data) % 2)
    chunks = b"RMID" + b"DISP" + struct.pack("<I", 3) + b"abc\0" + b"data" + struct.pack("<I", len(data)) + padded
    wrapped = b"RIFF" + struct.pack("<I", len(chunks)) + chunks
    assert clean_midi(wrapped, "a.rmi").performance.notes.tolist() == clean_midi(data, "a").performance.notes.tolist()


def test_what_lies_hours_behind_the_last_note_changes_nothing():
    music = [on(0), off(100), on(200), off(300)]
    expected = cleaned(music)
    for stray in (control(3 * 3_600_000, 7, 90), pedal(3 * 3_600_000, 127), (0x0FFFFFFF, b"\xff\x01\x00")):
        assert cleaned([*music, stray]) == expected
    assert cleaned([*music, *((100_000_000 * i, b"\xff\x01\x00") for i in range(1, 4000))]) == expected


def test_one_music_in_many_spellings_is_one_performance():
    music = [(0, 500, 60, 80), (250, 1000, 64, 50), (1000, 1500, 60, 90), (1100, 1900, 67, 33)]
    events = [event for start, end, pitch, velocity in music for event in (on(start, pitch, velocity), off(end, pitch))]
    events.sort(key=lambda event: event[0])
    expected = cleaned(events)
    ends_as_ons = [(tick, bytes([ON, data[1], 0])) if data[0] == OFF else (tick, data) for tick, data in events]
    by_channel = [(tick, bytes([data[0] | data[1] % 2, *data[1:]])) for tick, data in events]
    by_track = [[event for event in events if event[1][1] % 2 == part] for part in (0, 1)]
    finer = [(3 * tick, data) for tick, data in events]
    slower = [tempo(0, 250_000), *((2 * tick, data) for tick, data in events)]
    changing = [tempo(0, 250_000), *((2 * min(tick, 600) + max(0, tick - 600), data) for tick, data in events)]
    changing.insert([tick > 1200 for tick, _ in changing].index(True), tempo(1200, 500_000))
    assert cleaned(ends_as_ons) == cleaned(by_channel) == expected
    assert cleaned(*by_track) == expected and cleaned(events, midi_format=0) == expected
    assert cleaned(finer, division=1500) == expected
    assert cleaned(slower) == cleaned(changing) == expected
    as_ons = b"".join(
        variable_length(tick - before) + (b"\x90" if number == 0 else b"") + data[1:]
        for number, (before, (tick, data)) in enumerate(
            zip([0, *(tick for tick, _ in ends_as_ons)], ends_as_ons, strict=False)
        )
    )
    result = clean_midi(file_of(as_ons + b"\x00\xff\x2f\x00", header_tracks=1), "a.mid")
    assert [note[:3] for note in result.performance.notes.tolist()] == expected[0]


@pytest.mark.parametrize(
    ("limit", "events", "said"),
    [
        ("MAX_NOTES", [on(0), off(5), on(9), off(12), on(20), off(25)], "holds 3 notes, the limit is 2"),
        ("MAX_MESSAGES", [pedal(tick, 100) for tick in range(3)], "holds more than 2 messages, the limit"),
        (
            "MAX_TEMPO_CHANGES",
            [tempo(tick, 400_000) for tick in range(3)],
            "holds more than 2 tempo changes, the limit",
        ),
    ],
)
def test_a_file_beyond_a_limit_is_told_value_and_limit(limit, events, said, monkeypatch):
    file = smf(events)
    parse_midi(file, "a.mid")
    monkeypatch.setattr(midi, limit, 2)
    with pytest.raises(InputError, match=said):
        parse_midi(file, "a.mid")


def test_messages_that_end_all_notes_cost_by_their_number_alone():
    keys, endings = 88 * 16, 20_000
    struck = [on(0, 21 + key % 88, channel=0) for key in range(88)]
    tracks = [struck] * (keys // 88) + [[control(1 + tick, 123) for tick in range(endings)]]
    begin = time.process_time()
    notes = clean_midi(smf(*tracks), "a.mid").performance.notes
    assert time.process_time() - begin < 5.0  # every key at every ending: minutes
    assert (notes["duration_ticks"] == 1).all()
