"""The parts of a sound file that are decoded one after the other, each as a file of its own.

libsndfile believes a header about the length of a file and stops after the first of several joined files. So a file's
structure is looked at first (`audio.signal.containers`), and libsndfile is given one part at a time, where necessary
with a header that tells what is there.
"""

import io
import os
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import BinaryIO

Piece = bytes | tuple[int, int]
"""Bytes as they are, or the first byte and the one behind the last of a span of the file."""
BLOCK_BYTES = 1 << 16
"""Read at once in a search."""
_SAID_END = 1 << 40
"""Where a stream is said to end whose length libsndfile would guess from that."""
_TAG_BYTES = 128
"""libsndfile looks for a tag at the end of an MP3 file, and is to find none."""


@dataclass(frozen=True)
class Stream:
    """What libsndfile decodes in one go.

    Args:
        pieces: what it reads, in order.
        n_declared_bytes: of sound, by the header; None where the format has no such number.
        n_bytes: of sound that are there.
        n_samples: of each channel, where libsndfile would guess it from the size of the file; it is then told a size
            beyond all files, and reads until nothing more comes.
    """

    pieces: tuple[Piece, ...]
    n_declared_bytes: int | None = None
    n_bytes: int = 0
    n_samples: int | None = None

    def is_whole(self, n_file_bytes: int) -> bool:
        """Whether this is just the file as it lies on the disk."""
        return self.pieces == ((0, n_file_bytes),) and self.n_samples is None


class StreamFile(io.RawIOBase):
    """A stream of an open file, to be read like a file of its own."""

    def __init__(self, file: BinaryIO, stream: Stream) -> None:
        super().__init__()
        self._file = file
        self._pieces = stream.pieces
        sizes = (len(piece) if isinstance(piece, bytes) else piece[1] - piece[0] for piece in stream.pieces)
        self._begins = list(accumulate(sizes, initial=0))  # of each piece, and the end of the last
        self._said_end = self._begins[-1] if stream.n_samples is None else _SAID_END
        self._position = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Bytes from the beginning of the stream."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As `io.IOBase.seek`."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._said_end}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: memoryview) -> int:
        """As `io.RawIOBase.readinto`, but fewer bytes than asked for only at the end."""
        if self._position >= self._said_end - _TAG_BYTES and self._said_end == _SAID_END:
            buffer[:] = bytes(len(buffer))
            return len(buffer)
        n_read = 0
        while n_read < len(buffer) and self._position < self._begins[-1]:
            index = bisect_right(self._begins, self._position) - 1
            n_wanted = min(len(buffer) - n_read, self._begins[index + 1] - self._position)
            new = self._read_piece(self._pieces[index], self._position - self._begins[index], n_wanted)
            if not new:  # the file was made shorter meanwhile
                break
            buffer[n_read : n_read + len(new)] = new
            n_read += len(new)
            self._position += len(new)
        return n_read

    def _read_piece(self, piece: Piece, offset: int, n_bytes: int) -> bytes:
        if isinstance(piece, bytes):
            return piece[offset : offset + n_bytes]
        self._file.seek(piece[0] + offset)
        return self._file.read(n_bytes)


def read_at(file: BinaryIO, position: int, n_bytes: int) -> bytes:
    """Fewer bytes than n_bytes only at the end of the file."""
    file.seek(position)
    return file.read(n_bytes)


def occurrences(file: BinaryIO, wanted: bytes, first: int, end: int) -> Iterator[int]:
    """Where `wanted` begins in the bytes first..end-1, in order."""
    overlap = len(wanted) - 1
    for begin in range(first, end, BLOCK_BYTES):
        block = read_at(file, begin, min(BLOCK_BYTES + overlap, end - begin))
        at = block.find(wanted)
        while at >= 0:
            yield begin + at
            at = block.find(wanted, at + 1)


def past_tags(file: BinaryIO, position: int, end: int) -> int:
    """The first byte that belongs to no tag (ID3, APE, Lyrics3) and is not zero, from `position` on; at most `end`."""
    while position < end:
        behind = _past_zeros(file, position, end) if read_at(file, position, 1) == b"\0" else _past_tag(file, position)
        if behind == position:
            break
        position = behind
    return min(position, end)


def _past_tag(file: BinaryIO, position: int) -> int:
    """The byte behind the tag that begins at `position`; `position` where none does."""
    head = read_at(file, position, 32)
    if len(head) < 10:
        return position
    if head.startswith(b"ID3") and max(head[6:10]) < 128:
        has_footer = bool(head[5] & 0x10)
        size = sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        return position + 10 + size + (10 if has_footer else 0)
    if head.startswith(b"TAG"):
        return position + 128
    if head.startswith(b"APETAGEX") and len(head) == 32:
        is_header = bool(head[23] & 0x20)
        return position + 32 + (int.from_bytes(head[12:16], "little") if is_header else 0)
    if head.startswith(b"LYRICSBEGIN"):
        return _past_lyrics(file, position)
    return position


def _past_lyrics(file: BinaryIO, position: int) -> int:
    for mark in (b"LYRICS200", b"LYRICSEND"):
        for at in occurrences(file, mark, position, position + (1 << 20)):
            return at + len(mark)
    return position


def _past_zeros(file: BinaryIO, position: int, end: int) -> int:
    while position < end:
        block = read_at(file, position, min(BLOCK_BYTES, end - position))
        rest = block.lstrip(b"\0")
        if rest or not block:
            return position + len(block) - len(rest)
        position += len(block)
    return position
