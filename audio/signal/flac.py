"""How many samples a FLAC file holds (RFC 9639): what its last frame tells, beside what its header declares.

libsndfile refuses a file whose header declares no length, as one written into a pipe does, or a wrong one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from audio.signal.streams import Stream, occurrences, read_at
from losscal.errors import InputError

MAGIC = b"fLaC"
_STREAMINFO_BYTES = 34
_BEGIN = MAGIC + b"\x00\x00\x00" + bytes([_STREAMINFO_BYTES])
"""A file's first bytes; 0x80 for 0x00 in the fifth where no other metadata follows."""
_MAX_HEADER_BYTES = 16
_MAX_FRAME_BYTES = 1 << 21
"""Frames hold 65,535 samples of at most 8 channels at most, and are hardly ever longer than raw samples."""
_MAX_CANDIDATES = 8
"""For the last frame: bytes that look like a header by chance are rare."""


@dataclass(frozen=True)
class _Info:
    """STREAMINFO."""

    block_samples: int
    n_channels: int
    n_samples: int
    first_frame: int


@dataclass(frozen=True)
class _Frame:
    position: int
    n_samples_before: int
    n_samples: int


def flac_stream(file: BinaryIO, position: int, end: int, source: str) -> tuple[Stream, int]:
    """The stream of the FLAC file at `position`, and the byte behind it.

    Raises InputError where its last frame is not whole or fewer samples are there than declared.
    """
    info = _info(file, position, end)
    if info is None:
        raise InputError(f"{source}: cannot be read as audio (its header is damaged); fetch it anew.")
    behind = _next_file(file, info.first_frame, end)
    frames_end = behind
    if behind - 128 >= info.first_frame and read_at(file, behind - 128, 3) == b"TAG":
        frames_end -= 128
    last, is_whole = _last_frame(file, info, frames_end)
    there = 0 if last is None else last.n_samples_before + last.n_samples
    if there == info.n_samples or last is None:
        return Stream(((position, behind),)), behind
    if not is_whole or info.n_samples > there:
        declared = f"of {info.n_samples} declared samples" if info.n_samples else "in the middle of a block of samples"
        n_whole = there if is_whole else last.n_samples_before
        raise InputError(f"{source}: ends after {n_whole} {declared}; fetch or export it anew.")
    at = position + 8 + 13  # the lower 32 of 36 bits that count the samples, behind 4 bits of the sample's width
    high = read_at(file, at, 1)[0] & 0xF0 | there >> 32
    pieces = ((position, at), bytes([high]) + (there & 0xFFFFFFFF).to_bytes(4, "big"), (at + 5, behind))
    return Stream(pieces), behind


def _info(file: BinaryIO, position: int, end: int) -> _Info | None:
    head = read_at(file, position, len(_BEGIN) + _STREAMINFO_BYTES)
    if len(head) < len(_BEGIN) + _STREAMINFO_BYTES or head[5:8] != _BEGIN[5:8]:
        return None
    fields = head[len(_BEGIN) :]
    packed = int.from_bytes(fields[10:18], "big")  # 20 bits rate, 3 channels, 5 width, 36 samples
    at, is_last = position + len(MAGIC), False
    while not is_last:
        block = read_at(file, at, 4)
        if len(block) < 4 or at > end:
            return None
        is_last = bool(block[0] & 0x80)
        at += 4 + int.from_bytes(block[1:], "big")
    return _Info(int.from_bytes(fields[:2], "big"), (packed >> 41 & 7) + 1, packed & (1 << 36) - 1, at)


def _next_file(file: BinaryIO, first: int, end: int) -> int:
    """Where another FLAC file is joined to this one, or the end."""
    for at in occurrences(file, MAGIC, first, end):
        head = read_at(file, at, len(_BEGIN))
        if head[4:5] in (b"\x00", b"\x80") and head[5:] == _BEGIN[5:]:
            return at
    return end


def _last_frame(file: BinaryIO, info: _Info, end: int) -> tuple[_Frame | None, bool]:
    """The last frame, and whether it is whole; without a whole one the last bytes that look like one's beginning."""
    best = None
    for count, frame in enumerate(_frames_from_the_end(file, info, end)):
        if _crc16(read_at(file, frame.position, end - frame.position)) == 0:
            return frame, True
        best = best or frame
        if count == _MAX_CANDIDATES:
            break
    return best, False


def _frames_from_the_end(file: BinaryIO, info: _Info, end: int) -> Iterator[_Frame]:
    first = max(info.first_frame, end - _MAX_FRAME_BYTES)
    tail = read_at(file, first, max(0, end - first))
    at = tail.rfind(b"\xff")
    while at >= 0:
        frame = _frame(tail[at : at + _MAX_HEADER_BYTES], first + at, info)
        if frame is not None:
            yield frame
        at = tail.rfind(b"\xff", 0, at)


def _frame(head: bytes, position: int, info: _Info) -> _Frame | None:
    """A frame's header, None where these bytes are not one."""
    if len(head) < 6 or head[1] & 0xFE != 0xF8 or head[3] & 1:
        return None
    size_code, rate_code, channel_code = head[2] >> 4, head[2] & 0x0F, head[3] >> 4
    n_channels = channel_code + 1 if channel_code < 8 else 2
    if size_code == 0 or rate_code == 15 or channel_code > 10 or n_channels != info.n_channels:
        return None
    number_bytes = max(1, 8 - (head[4] ^ 0xFF).bit_length())  # as in UTF-8
    size_at = 4 + number_bytes
    size_bytes = {6: 1, 7: 2}.get(size_code, 0)
    crc_at = size_at + size_bytes + {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if number_bytes > 7 or crc_at >= len(head) or _crc8(head[: crc_at + 1]) != 0:
        return None
    number = head[4] if number_bytes == 1 else head[4] & (0x7F >> number_bytes)
    for byte in head[5:size_at]:
        number = number << 6 | byte & 0x3F
    if size_bytes:
        n_samples = int.from_bytes(head[size_at : size_at + size_bytes], "big") + 1
    else:
        n_samples = 192 if size_code == 1 else (144 << size_code if size_code < 6 else 1 << size_code)
    counts_samples = bool(head[1] & 1)
    return _Frame(position, number if counts_samples else number * info.block_samples, n_samples)


def _crc_table(polynomial: int, bits: int) -> tuple[int, ...]:
    top, mask = 1 << bits - 1, (1 << bits) - 1
    table = []
    for byte in range(256):
        crc = byte << bits - 8
        for _ in range(8):
            crc = (crc << 1 ^ polynomial if crc & top else crc << 1) & mask
        table.append(crc)
    return tuple(table)


_CRC8, _CRC16 = _crc_table(0x07, 8), _crc_table(0x8005, 16)


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc = _CRC8[crc ^ byte]
    return crc


def _crc16(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc = (crc << 8 & 0xFF00) ^ _CRC16[crc >> 8 ^ byte]
    return crc
