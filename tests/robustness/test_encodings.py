"""The same music gets the same numbers, however a MIDI file writes it down: its notes, its likelihood, what is played.

Times are whole multiples of 5 ms, which every division here can tell. Where a file cannot tell a time, as SMPTE frames
of 29.97 a second cannot, it is other music by as much.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from midi_files import control, off, on, pedal, smf, tempo, variable_length
from tiny_models import READINGS, tiny_model

from bridge.synthesis.messages import Played
from losscal.midi import parse_midi
from symbolic.notes.cleaning import clean_midi_file, read_midi
from symbolic.notes.performance import write_midi
from symbolic.scoring.likelihood import OpenModel, SymbolicScorer

SYSEX = b"\xf0\x05\x7e\x7f\x09\x01\xf7"
ESCAPE = b"\xf7\x02\x11\x22"
TEXT = b"\xff\x01\x05hello"
UNKNOWN_META = b"\xff\x60\x02\x01\x02"


@dataclass(frozen=True)
class Written:
    """A file's bytes, and the channel that all of its messages are on."""

    data: bytes
    channel: int = 0


def music(channel=0):
    """(milliseconds, message) in playing order: chords, keys struck again, a pedal, an expression, a mode change."""
    rng = np.random.default_rng(3)
    events, now = [], 0
    for number in range(80):
        now += int(rng.choice([0, 30, 120, 250, 900]))
        pitch, length = 40 + (number * 7) % 48, int(rng.choice([80, 200, 640]))  # a key comes again after 48 notes
        events += [on(now, pitch, int(rng.integers(1, 128)), channel), off(now + length, pitch, channel)]
    for start in range(500, now, 1500):  # 5 ms aside, so that no order within a tick can change what is held
        events += [pedal(start + 5, 127, channel), pedal(start + 705, 10, channel)]
    events += [control(now // 2 + 5, 11, 90, channel), control(now + 2005, 123, 0, channel)]
    return sorted(events, key=lambda event: (event[0], event[1][0] & 0xF0))  # keys go up before others go down


def scaled(events, ticks_per_ms):
    return [(round(ms * ticks_per_ms), message) for ms, message in events]


def two_tempos(events):
    """The music at 1 tick a millisecond until its second second, then at 4."""
    later = [(ms if ms <= 2000 else 2000 + 4 * (ms - 2000), message) for ms, message in events]
    return sorted([tempo(2000, 125_000), *later], key=lambda event: event[0])


def is_status(message, kind):
    return message[0] & 0xF0 == kind


def silenced(events, make):
    """Note-offs written in another way."""
    return [(ms, make(message) if is_status(message, 0x80) else message) for ms, message in events]


def running_status(events):
    """A track of one status byte for as many messages as it serves, sysex and text in between."""
    body, now, last = b"", 0, None
    for number, (ms, message) in enumerate(events):
        body += variable_length(ms - now)
        now = ms
        if number % 9 == 4:
            body += (SYSEX, TEXT, ESCAPE)[number % 3] + b"\x00"
        body += message[1:] if message[0] == last else message
        last = message[0]
    return body + b"\x00\xff\x2f\x00"


def of_body(body, **header):
    whole = smf([], **header)
    return whole[:14] + b"MTrk" + len(body).to_bytes(4, "big") + body


def with_chunk(data):
    """A chunk of an unknown kind before the first track and behind the last."""
    chunk = b"XFIH\x00\x00\x00\x03abc"
    return data[:14] + chunk + data[14:] + chunk


def rmid(data):
    size = len(data)
    return b"RIFF" + (size + 12).to_bytes(4, "little") + b"RMIDdata" + size.to_bytes(4, "little") + data


def encodings():
    """The same music, by name, in every way there is to write it."""
    events = music()
    whole = smf(events)
    velocity_0 = silenced(events, lambda message: bytes([0x90 | message[0] & 0xF, message[1], 0]))
    released = silenced(events, lambda message: message[:2] + b"\x40")
    decorated = [between for event in events for between in ((event[0], SYSEX), (event[0], UNKNOWN_META), event)]
    notes = [event for event in events if event[1][0] & 0xE0 == 0x80]
    controllers = [event for event in events if event[1][0] & 0xE0 != 0x80]
    written = {
        "format 1": whole,
        "format 0": smf(events, midi_format=0),
        "tempos in a track of their own": smf([tempo(0, 250_000)], scaled(events, 2), division=500),
        "two tempos": smf(two_tempos(events), division=500),
        "two tempos in another track": smf(
            two_tempos([]), [event for event in two_tempos(events) if event[1][0] < 0xF0], division=500
        ),
        "notes and controllers in two tracks": smf(controllers, notes),
        "controllers behind notes": smf(notes, controllers),
        "running status": of_body(running_status(events), division=500),
        "velocity 0": smf(velocity_0),
        "velocity 0, running status": of_body(running_status(velocity_0), division=500),
        "note-offs with a velocity": smf(released),
        "sysex and meta events between": smf(decorated),
        "unknown chunks": with_chunk(whole),
        "RMID": rmid(whole),
        "SMPTE of 25 frames": smf(events, division=0xE728),
        "SMPTE of 24 frames": smf(scaled(events, 3), division=0xE87D),
        "SMPTE of 30 frames": smf(scaled(events, 3), division=0xE264),
        "tempos do not move SMPTE": smf([tempo(0, 100_000), *events], division=0xE728),
    }
    for division, ticks_per_ms in ((96, 1), (480, 2), (960, 1), (32_767, 7)):
        written[f"{division} ticks a beat"] = smf(
            [tempo(0, round(1000 * division / ticks_per_ms)), *scaled(events, ticks_per_ms)], division=division
        )
    by_channel = {f"channel {channel + 1}": Written(smf(music(channel)), channel) for channel in (1, 15)}
    return {name: Written(data) for name, data in written.items()} | by_channel


@pytest.fixture(scope="module")
def scorers():
    opened = OpenModel(tiny_model(), "")
    return [SymbolicScorer(name, opened) for name in READINGS]


def heard(written):
    """The notes of a file, and its messages to the synthesiser in an order that no encoding changes."""
    file = parse_midi(written.data, "a.mid")
    played = Played.of(file, "a.mid", from_first_note=True)
    kind, data = played.status & 0xF0, played.data.copy()
    is_end = (kind == 0x80) | ((kind == 0x90) & (data[:, 1] == 0))
    kind[is_end], data[is_end, 1] = 0x80, 0  # a synthesiser ends a note by either, and knows no velocity of it
    assert set((played.status & 0x0F).tolist()) == {written.channel}
    order = np.lexsort((data[:, 1], data[:, 0], kind, np.rint(played.seconds * 1e6)))
    return clean_midi_file(file, "a.mid").performance, played.seconds[order], kind[order], data[order]


def nats(scorers, performance):
    return np.array([scorer.score([performance])[0].nll_nats for scorer in scorers])


@pytest.mark.parametrize("name", encodings())
def test_other_encodings_of_one_music_get_equal_numbers(name, scorers):
    expected, seconds, kind, data = heard(encodings()["format 1"])
    performance, other_seconds, other_kind, other_data = heard(encodings()[name])
    np.testing.assert_array_equal(performance.notes, expected.notes)
    np.testing.assert_allclose(nats(scorers, performance), nats(scorers, expected), rtol=1e-9)
    np.testing.assert_allclose(other_seconds, seconds, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(other_kind, kind)
    np.testing.assert_array_equal(other_data, data)


def test_a_pedal_written_as_longer_notes_gets_equal_numbers(tmp_path, scorers):
    expected, *_ = heard(encodings()["format 1"])
    write_midi(expected, tmp_path / "no_pedal.mid")
    longer = read_midi(tmp_path / "no_pedal.mid")
    assert "pedal_folded" not in longer.repairs
    np.testing.assert_array_equal(longer.performance.notes, expected.notes)
    np.testing.assert_allclose(nats(scorers, longer.performance), nats(scorers, expected), rtol=1e-9)
    held = clean_midi_file(parse_midi(encodings()["format 1"].data, "a.mid"), "a.mid").repairs
    assert held["pedal_folded"] > 20


def test_a_file_of_other_times_is_other_music():
    expected, *_ = heard(encodings()["format 1"])
    later = [(ms + 10 * (ms > 1000), message) for ms, message in music()]
    performance, *_ = heard(Written(smf(later)))
    assert not np.array_equal(performance.notes, expected.notes)
