"""MIDI files made byte by byte."""

import struct

from symbolic.notes.cleaning import clean_midi

ON, OFF, PEDAL, DRUM_ON = 0x90, 0x80, 0xB0, 0x99
PER_STEP = 10  # ticks in 10 ms, with 500 ticks a beat at the default 120 BPM


def smf(*tracks, division=500, midi_format=1, header_tracks=None):
    """A MIDI file of tracks of (tick, event bytes) in order; a track's end is its last event."""
    bodies = []
    for track in tracks:
        body, now = b"", 0
        for tick, event in [*track, (track[-1][0] if track else 0, b"\xff\x2f\x00")]:
            body += variable_length(tick - now) + event
            now = tick
        bodies.append(b"MTrk" + struct.pack(">I", len(body)) + body)
    header = struct.pack(">4sIHHH", b"MThd", 6, midi_format, header_tracks or len(tracks), division)
    return header + b"".join(bodies)


def variable_length(value):
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.insert(0, value & 0x7F | 0x80)
    return bytes(groups)


def on(tick, pitch=60, velocity=64, channel=0):
    return tick, bytes([ON | channel, pitch, velocity])


def off(tick, pitch=60, channel=0):
    return tick, bytes([OFF | channel, pitch, 0])


def pedal(tick, value, channel=0):
    return tick, bytes([PEDAL | channel, 64, value])


def tempo(tick, microseconds):
    return tick, b"\xff\x51\x03" + microseconds.to_bytes(3, "big")


def control(tick, number, value=0, channel=0):
    return tick, bytes([PEDAL | channel, number, value])


def file_of(body, **header):
    return smf(**header)[:14] + b"MTrk" + struct.pack(">I", len(body)) + body


def cleaned(*tracks, **header):
    """(list of (onset, duration, pitch), repairs) of a file."""
    result = clean_midi(smf(*tracks, **header), "a.mid")
    fields = ["onset_ticks", "duration_ticks", "pitch"]
    return result.performance.notes[fields].tolist(), result.repairs
