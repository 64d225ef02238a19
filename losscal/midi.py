"""Standard MIDI Files (the MIDI Association's RP-001), read in one way for notes and for sound.

Parsers in other libraries lose notes that a user hears: they take sysex for running status, drop the time of unknown
meta events, or refuse a whole file for one odd byte. Here every channel message of every track arrives with its tick,
and what a message means for sounding notes is spelt out once: resetting all controllers lifts the pedals, and a change
of mode ends all notes. What is damaged beyond that is refused in one sentence.
"""

from array import array
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from losscal.clock import Clock
from losscal.errors import InputError
from losscal.files import check_regular_file

NOTE_OFF, NOTE_ON, CONTROL_CHANGE, PROGRAM_CHANGE = 0x80, 0x90, 0xB0, 0xC0
POLY_PRESSURE, CHANNEL_PRESSURE, PITCH_BEND = 0xA0, 0xD0, 0xE0
SUSTAIN, SOSTENUTO = 64, 66
ALL_SOUND_OFF, RESET_CONTROLLERS, ALL_NOTES_OFF = 120, 121, 123
PEDAL_DOWN_VALUE = 64
MIDI_SUFFIXES = (".mid", ".midi")
READABLE_MIDI_SUFFIXES = (*MIDI_SUFFIXES, ".kar", ".rmi")
"""Karaoke files, and files in a RIFF wrapper, too."""
MAX_FILE_BYTES = 64 << 20
MAX_NOTES = 1_000_000
"""Days of music, or a drawing made of notes."""
MAX_MESSAGES = 4_000_000
"""Of channel messages of all kinds."""
MAX_TEMPO_CHANGES = 1_000_000
MAX_TICK = 1 << 38
"""Years of music; later events are refused, because the clock's integers would not hold their times."""

_MODE_CHANGES = range(ALL_NOTES_OFF, 128)  # omni and mono modes end all notes as well, and mean nothing else to a piano
_SYSEX, _ESCAPE, _META = 0xF0, 0xF7, 0xFF
_END_OF_TRACK, _SET_TEMPO = 0x2F, 0x51
_SYSTEM_DATA_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}
_ONE_DATA_BYTE = (PROGRAM_CHANGE, CHANNEL_PRESSURE)
_MAX_NUMBER_BYTES, _TEMPO_BYTES = 4, 3


class _DamagedError(ValueError):
    """What is wrong with the bytes of a track."""


class _TooManyError(ValueError):
    """Of what a file holds more than is read."""


@dataclass(frozen=True)
class MidiFile:
    """The channel messages of a file in playing order: by tick, then track, then place in the track.

    Args:
        tick: int64 [N].
        track: int64 [N].
        status: int64 [N], the kind of message (NOTE_ON, ...) and the channel 0..15 in the low four bits.
        data: int64 [N, 2], both 0..127; the second is 0 where a message has one.
        end_tick: where the longest track ends, at most MAX_TICK.
        clock: the tempo map.
        data_above_127: data bytes that were no data and are read as 127.
    """

    tick: np.ndarray
    track: np.ndarray
    status: np.ndarray
    data: np.ndarray
    end_tick: int
    clock: Clock
    data_above_127: int

    @property
    def kind(self) -> np.ndarray:
        """NOTE_ON, ... of each message: int64 [N]; a note-on of velocity 0 is a NOTE_OFF."""
        kind = self.status & 0xF0
        return np.where((kind == NOTE_ON) & (self.data[:, 1] == 0), NOTE_OFF, kind)

    @property
    def channel(self) -> np.ndarray:
        """0..15 of each message: int64 [N]."""
        return self.status & 0x0F

    @property
    def seconds(self) -> np.ndarray:
        """The time of each message: float64 [N]."""
        return self.clock.units(self.tick) / self.clock.units_per_second


def read_midi_bytes(path: Path) -> bytes:
    """The bytes of a file; raises InputError where it is missing, no regular file, too large or unreadable."""
    check_regular_file(path, "a MIDI file", MAX_FILE_BYTES)
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the file and its permissions.") from error


def read_midi_file(path: Path) -> MidiFile:
    """Read and parse a file; raises InputError as `read_midi_bytes` and `parse_midi` do."""
    return parse_midi(read_midi_bytes(path), str(path))


def parse_midi(data: bytes, name: str) -> MidiFile:
    """Parse the bytes of a MIDI file of format 0 or 1, bare or in a RIFF wrapper; `name` is for the messages.

    Raises InputError where the file is empty, no MIDI, truncated, damaged, of format 2 or beyond the limits above.
    """
    division, tracks = _chunks(data, name)
    messages = _Messages()
    try:
        for track in tracks:
            _read_track(track, messages)
            messages.ends_of_tracks.append(len(messages.tick))
    except IndexError as error:
        raise InputError(f"{name}: truncated or damaged, its tracks are incomplete; fetch it again.") from error
    except _DamagedError as error:
        raise InputError(f"{name}: damaged ({error}); export the file again.") from error
    except _TooManyError as error:
        raise InputError(f"{name}: holds {error}; cut it into several files.") from error
    tick = np.array(messages.tick, dtype=np.int64)
    order = np.argsort(tick, kind="stable")  # so that the order within a tick is kept
    packed = np.array(messages.packed, dtype=np.int64)[order]
    n_of_track = np.diff(np.array(messages.ends_of_tracks, dtype=np.int64), prepend=0)
    tempos = sorted((tempo for tempo in messages.tempos if tempo[0] <= MAX_TICK), key=lambda tempo: tempo[0])
    file = MidiFile(
        tick=tick[order],
        track=np.repeat(np.arange(len(tracks)), n_of_track)[order],
        status=packed >> 16,
        data=np.stack([packed >> 8 & 0xFF, packed & 0xFF], axis=1),
        end_tick=min(messages.end_tick, MAX_TICK),
        clock=Clock.of(division, tempos, name),
        data_above_127=messages.data_above_127,
    )
    n_notes = int((file.kind == NOTE_ON).sum())
    if n_notes > MAX_NOTES:
        raise InputError(f"{name}: holds {n_notes} notes, the limit is {MAX_NOTES}; cut it into several files.")
    return file


def _chunks(data: bytes, name: str) -> tuple[int, list[bytes]]:
    """The header's division and the bytes of each track; other chunks are passed over."""
    if not data:
        raise InputError(f"{name}: the file is empty; export or fetch it again.")
    at = _start_of_header(data)
    if data[at : at + 4] != b"MThd":
        raise InputError(f"{name}: not a MIDI file (it does not begin with MThd); give a Standard MIDI File.")
    header_bytes = int.from_bytes(data[at + 4 : at + 8], "big")
    if header_bytes < 6 or at + 8 + header_bytes > len(data):
        raise InputError(f"{name}: truncated or damaged in its header; fetch it again.")
    midi_format, n_tracks, division = (int.from_bytes(data[at + i : at + i + 2], "big") for i in (8, 10, 12))
    if midi_format not in (0, 1):
        raise InputError(f"{name}: MIDI format {midi_format} is no single timeline; save it as format 0 or 1.")
    at += 8 + header_bytes
    tracks = []
    while at + 8 <= len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "big")
        if kind == b"MTrk":
            if at + 8 + size > len(data):
                raise InputError(f"{name}: truncated or damaged, its tracks are incomplete; fetch it again.")
            tracks.append(data[at + 8 : at + 8 + size])
        at += 8 + size
    if len(tracks) < n_tracks:
        raise InputError(f"{name}: truncated or damaged, it holds {len(tracks)} of {n_tracks} tracks; fetch it again.")
    if len(tracks) > n_tracks:
        raise InputError(f"{name}: damaged, it holds more tracks than its header counts; export the file again.")
    return division, tracks


def _start_of_header(data: bytes) -> int:
    """Where MThd is to be looked for: at the beginning, or inside the data chunk of a RIFF file of kind RMID."""
    if data[:4] != b"RIFF" or data[8:12] != b"RMID":
        return 0
    at = 12
    while at + 8 <= len(data) and data[at : at + 4] != b"data":
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    return at + 8


@dataclass
class _Messages:
    """What the tracks of a file hold, in the order of the tracks. A packed message is status, first and second byte."""

    tick: array = field(default_factory=lambda: array("q"))
    packed: array = field(default_factory=lambda: array("I"))
    ends_of_tracks: list[int] = field(default_factory=list)  # how many messages there are up to the end of each
    tempos: list[tuple[int, int]] = field(default_factory=list)  # tick, microseconds a beat
    end_tick: int = 0
    data_above_127: int = 0

    def append(self, tick: int, status: int, first: int, second: int) -> None:
        """Add a channel message; raises _TooManyError."""
        if len(self.tick) == MAX_MESSAGES:
            raise _TooManyError(f"more than {MAX_MESSAGES} messages, the limit")
        self.tick.append(tick)
        self.packed.append(status << 16 | first << 8 | second)


def _read_track(data: bytes, messages: _Messages) -> None:
    """Read the bytes of one track up to its end, or of its bytes where no event says so.

    Raises _DamagedError, _TooManyError, and IndexError where an event reaches beyond the bytes.
    """
    at, tick, running, end = 0, 0, 0, len(data)
    while at < end:
        delta, at = _number(data, at)
        tick += delta
        status = data[at]
        if status >= 0x80:
            at += 1
        elif running:  # sysex and meta events in between do not end it: files are written so
            status = running
        else:
            raise _DamagedError("data stand where a message should begin")
        if status < 0xF0:
            running = status
            at = _read_message(data, at, tick, status, messages)
        elif status == _META:
            kind, (size, at) = data[at], _number(data, at + 1)
            if at + size > end:
                raise IndexError
            if kind == _END_OF_TRACK:
                break
            if kind == _SET_TEMPO:
                if size < _TEMPO_BYTES:
                    raise _DamagedError(f"a tempo event of {size} bytes, it needs {_TEMPO_BYTES}")
                if len(messages.tempos) == MAX_TEMPO_CHANGES:
                    raise _TooManyError(f"more than {MAX_TEMPO_CHANGES} tempo changes, the limit")
                messages.tempos.append((tick, int.from_bytes(data[at : at + _TEMPO_BYTES], "big")))
            at += size
        elif status in (_SYSEX, _ESCAPE):
            size, at = _number(data, at)
            at += size
        else:
            at += _SYSTEM_DATA_BYTES.get(status, 0)
    if at > end:
        raise IndexError
    messages.end_tick = max(messages.end_tick, tick)


def _read_message(data: bytes, at: int, tick: int, status: int, messages: _Messages) -> int:
    """Take up a channel message whose data begin at `at`; where they end."""
    kind, first = status & 0xF0, data[at]
    has_second = kind not in _ONE_DATA_BYTE
    second = data[at + 1] if has_second else 0
    if first | second >= 0x80:
        if kind in (NOTE_ON, NOTE_OFF) or (kind == CONTROL_CHANGE and first >= 0x80):
            raise _DamagedError(f"a note or controller of number {first}, value {second}; both end at 127")
        messages.data_above_127 += 1
        first, second = min(first, 127), min(second, 127)
    if tick > MAX_TICK:
        raise _DamagedError(f"an event stands at tick {tick}, the limit is {MAX_TICK}")
    if kind == CONTROL_CHANGE and first == RESET_CONTROLLERS:
        messages.append(tick, status, SUSTAIN, 0)
        messages.append(tick, status, SOSTENUTO, 0)
    elif kind == CONTROL_CHANGE and first in _MODE_CHANGES:
        first = ALL_NOTES_OFF
    messages.append(tick, status, first, second)
    return at + 1 + has_second


def _number(data: bytes, at: int) -> tuple[int, int]:
    """The number of variable length at `at`, and where it ends."""
    value = data[at]
    if value < 0x80:
        return value, at + 1
    value &= 0x7F
    for place in range(at + 1, at + _MAX_NUMBER_BYTES):
        value = value << 7 | data[place] & 0x7F
        if data[place] < 0x80:
            return value, place + 1
    raise _DamagedError(f"a time or length is written in more than {_MAX_NUMBER_BYTES} bytes")
