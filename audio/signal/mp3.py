"""The frames of an MP3 file (ISO 11172-3 and 13818-3, layer III), counted one by one.

libsndfile reads as many samples as the first frame declares in a table of the encoder's (Xing, Info), and guesses from
the file's size where there is none. So joined files end with their first part, and files of variable rate anywhere.
Here each part is told apart, with the number of frames that are there. A frame cut off at the very end is dropped, as
all decoders do.
"""

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

from audio.signal.streams import Piece, Stream, occurrences, past_tags, read_at
from losscal.errors import InputError

_KBPS_MPEG1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBPS_LSF = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES_MPEG1 = (44_100, 48_000, 32_000)
_RATE_DIVISOR = {3: 1, 2: 2, 0: 4}
"""By the header's version: MPEG 1, 2 and 2.5."""
_LAYER_III = 1
_FREE_FORMAT, _NO_KBPS = 0, 15
_MONO = 3
_CHAIN_FRAMES = 4
"""So many frames in a row, or all up to the end, are no accident."""
_MAX_SEARCHED_BYTES = 1 << 20
"""A stream recorded from its middle begins with part of a frame; more than this is not skipped."""
_HAS_FRAMES, _HAS_BYTES = 0x01, 0x02


@dataclass(frozen=True)
class _Header:
    """Of a frame."""

    sample_rate: int
    n_channels: int
    n_samples: int
    n_bytes: int
    side_bytes: int
    """Of side information, behind the header."""


@dataclass(frozen=True)
class _Table:
    """What an encoder tells in a frame of its own before the first of the sound."""

    position: int
    n_bytes: int
    n_frames: int | None
    """Declared; None where the table does not count them."""
    frames_at: int
    """Where n_frames stands in the frame."""
    n_stream_bytes: int | None
    """Declared, of the table's frame and all others; None where the table does not count them."""

    def declares_more_than(self, n_bytes: int) -> bool:
        """Whether more than n_bytes of frames of sound are declared."""
        return self.n_stream_bytes is not None and self.n_stream_bytes > self.n_bytes + n_bytes


def has_mp3_frames(file: BinaryIO, position: int, end: int) -> bool:
    """Whether MP3 frames begin at `position` or, after part of a frame, a little later."""
    return _next_frame(file, position, end) is not None


def mp3_stream(file: BinaryIO, position: int, end: int, source: str) -> tuple[Stream, int]:
    """The stream that begins with the first frame from `position` on, and the byte behind it.

    It goes on to the next table or to the last frame; what follows that and is no frame is passed over. Raises
    InputError where frames are missing at the end or the file is damaged between two of them.
    """
    first = _next_frame(file, position, end)
    header = _header(read_at(file, first, 4))
    table = _table(file, first, header)
    spans, n_frames, behind = _frames(file, first if table is None else first + table.n_bytes, end, header, source)
    declared = None if table is None else table.n_frames
    n_bytes = sum(last - begin for begin, last in spans)
    # Some encoders count the table's own frame.
    if declared is not None and (
        n_frames < declared - 1 or (n_frames < declared and table.declares_more_than(n_bytes))
    ):
        there, all_of_it = (n * header.n_samples / header.sample_rate for n in (n_frames, declared))
        raise InputError(
            f"{source}: ends after {n_frames} of its {declared} frames ({there:.2f} of {all_of_it:.2f} s); "
            "fetch or export it anew."
        )
    if declared is None:
        return Stream(tuple(spans), n_samples=n_frames * header.n_samples), behind
    return Stream(_joined([*_mended_table(file, table, n_frames, n_bytes), *spans])), behind


def _frames(
    file: BinaryIO, position: int, end: int, header: _Header, source: str
) -> tuple[list[tuple[int, int]], int, int]:
    """Where the frames from `position` on lie, up to the next table or the last frame; their number; what is behind."""
    spans: list[tuple[int, int]] = []
    begin, n_frames = position, 0
    while True:
        frame = _header(read_at(file, position, 4))
        if frame is not None and position + frame.n_bytes <= end:
            if (frame.sample_rate, frame.n_channels) != (header.sample_rate, header.n_channels):
                break
            if n_frames and _table(file, position, frame) is not None:
                break
            position += frame.n_bytes
            n_frames += 1
            continue
        spans.append((begin, position))
        behind_tags = past_tags(file, position, end)
        if behind_tags == position or _header(read_at(file, behind_tags, 4)) is None:
            following = _next_frame(file, behind_tags, end)
            if following is None:
                return spans, n_frames, end
            raise InputError(
                f"{source}: is damaged: the {following - position} bytes from byte {position} on are no MP3 frames, "
                "and more frames follow; fetch or export it anew."
            )
        begin = position = behind_tags
    spans.append((begin, position))
    return spans, n_frames, position


def _next_frame(file: BinaryIO, first: int, end: int) -> int | None:
    """Where the next row of frames begins; None where there is none soon."""
    for at in occurrences(file, b"\xff", first, min(end, first + _MAX_SEARCHED_BYTES)):
        position, n_frames = at, 0
        while n_frames < _CHAIN_FRAMES and (header := _header(read_at(file, position, 4))) is not None:
            if position + header.n_bytes > end:
                break
            position += header.n_bytes
            n_frames += 1
        if n_frames == _CHAIN_FRAMES or (n_frames and past_tags(file, position, end) == end):
            return at
    return None


@lru_cache(maxsize=4096)
def _header(head: bytes) -> _Header | None:
    """None where these four bytes are no frame's header; of free format neither."""
    if len(head) < 4 or head[0] != 0xFF or head[1] < 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    kbps_code, rate_code, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version not in _RATE_DIVISOR or layer != _LAYER_III or kbps_code in (_FREE_FORMAT, _NO_KBPS) or rate_code == 3:
        return None
    is_mpeg1 = version == 3
    sample_rate = _RATES_MPEG1[rate_code] // _RATE_DIVISOR[version]
    n_samples = 1152 if is_mpeg1 else 576
    kbps = (_KBPS_MPEG1 if is_mpeg1 else _KBPS_LSF)[kbps_code]
    is_mono = head[3] >> 6 == _MONO
    side_bytes = (17 if is_mono else 32) if is_mpeg1 else (9 if is_mono else 17)
    n_bytes = n_samples // 8 * kbps * 1000 // sample_rate + padding
    return _Header(sample_rate, 1 if is_mono else 2, n_samples, n_bytes, side_bytes)


def _table(file: BinaryIO, position: int, header: _Header) -> _Table | None:
    """What the frame at `position` tells of the others; None where it is one of the sound."""
    frame = read_at(file, position, header.n_bytes)
    at = 4 + header.side_bytes
    if frame[at : at + 4] in (b"Xing", b"Info"):
        flags = int.from_bytes(frame[at + 4 : at + 8], "big")
        if flags & _HAS_FRAMES and at + 16 <= len(frame):
            n_frames, n_stream_bytes = struct.unpack_from(">II", frame, at + 8)
            return _Table(position, header.n_bytes, n_frames, at + 8, n_stream_bytes if flags & _HAS_BYTES else None)
        return _Table(position, header.n_bytes, None, 0, None)
    if frame[36:40] == b"VBRI":  # libsndfile would take it for sound
        return _Table(position, header.n_bytes, None, 0, None)
    return None


def _mended_table(file: BinaryIO, table: _Table, n_frames: int, n_bytes: int) -> tuple[Piece, ...]:
    """The table's frame with the numbers that are right."""
    frame = bytearray(read_at(file, table.position, table.n_bytes))
    struct.pack_into(">I", frame, table.frames_at, n_frames)
    if table.n_stream_bytes is not None:
        struct.pack_into(">I", frame, table.frames_at + 4, min(table.n_bytes + n_bytes, 0xFFFFFFFF))
    if frame == read_at(file, table.position, table.n_bytes):
        return ((table.position, table.position + table.n_bytes),)
    return (bytes(frame),)


def _joined(pieces: list[Piece]) -> tuple[Piece, ...]:
    """Pieces without empty ones, neighbouring spans of the file as one."""
    joined: list[Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if isinstance(piece, tuple) and piece[0] == piece[1]:
            continue
        if isinstance(piece, tuple) and isinstance(last, tuple) and last[1] == piece[0]:
            joined[-1] = (last[0], piece[1])
        else:
            joined.append(piece)
    return tuple(joined)
