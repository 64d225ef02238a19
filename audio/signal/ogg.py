"""The pages of an OGG file (RFC 3533): chained streams, and whether every page is there.

libsndfile decodes the first of chained streams, and what is left when pages are missing or damaged.
"""

import zlib
from dataclasses import dataclass, field
from typing import BinaryIO

from audio.signal.streams import Stream, read_at
from losscal.errors import InputError

MAGIC = b"OggS"
_HEADER_BYTES = 27
_BEGINS, _ENDS = 0x02, 0x04
"""Flags of a page: the first and the last of its stream."""
_REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True)
class _Page:
    n_bytes: int
    flags: int
    serial: int
    number: int


@dataclass
class _Link:
    """The streams that run side by side: one of sound, at times others of pictures or words."""

    next_number: dict[int, int] = field(default_factory=dict)  # of each stream, by its serial number
    running: set[int] = field(default_factory=set)


def ogg_stream(file: BinaryIO, position: int, end: int, source: str) -> tuple[Stream, int]:
    """The stream of the link that begins at `position`, and the byte behind it.

    Raises InputError where a page is damaged or missing, the last one too.
    """
    first = position
    link = _Link()
    while link.running or position == first:
        page = _page_at(file, position, end)
        if page is None:
            raise InputError(
                f"{source}: has no whole page at byte {position} of {end}, and its last page has not come; it is cut "
                "short or damaged, fetch it anew."
            )
        if page.flags & _BEGINS:
            link.next_number[page.serial] = page.number
            link.running.add(page.serial)
        if page.number != link.next_number.get(page.serial):
            raise InputError(f"{source}: pages are missing before byte {position}; fetch it anew.")
        link.next_number[page.serial] = page.number + 1
        if page.flags & _ENDS:
            link.running.discard(page.serial)
        position += page.n_bytes
    return Stream(((first, position),)), position


def _page_at(file: BinaryIO, position: int, end: int) -> _Page | None:
    """None where no whole, undamaged page begins."""
    head = read_at(file, position, _HEADER_BYTES)
    if len(head) < _HEADER_BYTES or not head.startswith(MAGIC):
        return None
    lacing = file.read(head[26])
    body = file.read(sum(lacing))
    n_bytes = len(head) + head[26] + sum(lacing)
    checked = head[:22] + bytes(4) + head[26:] + lacing + body
    if position + n_bytes > end or _crc32(checked) != int.from_bytes(head[22:26], "little"):
        return None
    return _Page(n_bytes, head[5], int.from_bytes(head[14:18], "little"), int.from_bytes(head[18:22], "little"))


def _crc32(data: bytes) -> int:
    """OGG's checksum: zlib's polynomial from the other end of every byte, without inversion."""
    reflected = zlib.crc32(data.translate(_REVERSED_BITS), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reflected:032b}"[::-1], 2)
