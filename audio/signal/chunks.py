"""Where the sound lies in files made of chunks (WAV, RF64, W64, AIFF, CAF) and in AU files.

A chunk is a name, a size and as many bytes. A writer puts in the sizes when it has finished; one that could not (a
pipe, a crash, a full disk) leaves 0 or the largest number there.
"""

import re
from dataclasses import dataclass
from typing import BinaryIO, Literal

from audio.signal.streams import Stream, past_tags, read_at
from losscal.errors import InputError

_NAME = re.compile(rb"[\w ().-]{4}")
_TAG = re.compile(b"TAG|APETAGEX|LYRICSBEGIN")
_UNFINISHED_BELOW_LIMIT = 1 << 12
"""sox and arecord leave the limit of a signed or unsigned size, less a header or a page of memory."""


@dataclass(frozen=True)
class _Kind:
    """How a container is laid out.

    Args:
        byte_order: of sizes.
        name_bytes, size_bytes: of a chunk's header.
        sizes_count_header: whether a size counts the chunk's header too.
        alignment: chunks begin at multiples of it.
        first_chunk: bytes before the first chunk.
        sound: the first four bytes of the name of the chunk that holds the sound.
        sound_offset: bytes in that chunk before the sound.
    """

    byte_order: Literal["little", "big"]
    name_bytes: int
    size_bytes: int
    sizes_count_header: bool
    alignment: int
    first_chunk: int
    sound: bytes
    sound_offset: int

    @property
    def header_bytes(self) -> int:
        """Of a chunk."""
        return self.name_bytes + self.size_bytes


_WAV = _Kind("little", 4, 4, False, 2, 12, b"data", 0)
_BIG_ENDIAN_WAV = _Kind("big", 4, 4, False, 2, 12, b"data", 0)
_W64 = _Kind("little", 16, 8, True, 8, 40, b"data", 0)
_AIFF = _Kind("big", 4, 4, False, 2, 12, b"SSND", 8)
_CAF = _Kind("big", 4, 8, False, 1, 8, b"data", 4)
_AU, _LITTLE_ENDIAN_AU = (_Kind(byte_order, 4, 4, False, 1, 0, b"", 0) for byte_order in ("big", "little"))


@dataclass(frozen=True)
class _Chunk:
    name: bytes
    size_at: int
    """Where its size stands."""
    begin: int
    """Its first byte behind the header."""
    size: int
    """Bytes behind the header, as declared."""
    size_bytes: int
    """Of the number that declares it."""
    is_unfinished: bool

    @property
    def declared_end(self) -> int:
        return self.begin + self.size


def is_chunked(head: bytes) -> bool:
    """Whether a file that begins with these 16 bytes is one of those."""
    return _kind(head) is not None


def _kind(head: bytes) -> _Kind | None:
    name, form = head[:4], head[8:12]
    if name in (b"RIFF", b"RF64") and form == b"WAVE":
        return _WAV
    if name == b"RIFX" and form == b"WAVE":
        return _BIG_ENDIAN_WAV
    if name == b"FORM" and form in (b"AIFF", b"AIFC"):
        return _AIFF
    if head.startswith(b"riff\x2e\x91\xcf\x11"):
        return _W64
    return _CAF if name == b"caff" else None


def chunked_stream(file: BinaryIO, position: int, end: int, source: str) -> tuple[Stream, int]:
    """The stream of the container at `position`, and the byte behind it; raises InputError where it holds no sound."""
    kind = _kind(read_at(file, position, 16))
    chunk, sizes_64 = _chunk_at(file, position + kind.first_chunk, end, kind), None
    while chunk is not None and not chunk.name.startswith(kind.sound):
        if chunk.name == b"ds64":
            sizes_64 = chunk
        chunk = _chunk_at(file, _behind(file, chunk, end, kind), end, kind)
    if chunk is None:
        raise InputError(f"{source}: cannot be read as audio (it ends before its sound begins); fetch it anew.")
    if sizes_64 is not None and chunk.is_unfinished:
        at = sizes_64.begin + 8
        size = int.from_bytes(read_at(file, at, 8), "little")
        chunk = _Chunk(chunk.name, at, chunk.begin, size, 8, _is_unfinished(size, 8))
    if chunk.is_unfinished and not _is_empty(file, chunk, end, kind):
        return _completed(chunk, kind, position, end, end, source), end
    behind = _past_chunks(file, _behind(file, chunk, end, kind), end, kind)
    # libsndfile takes the rest of a W64 file for sound.
    stream_end = min(chunk.declared_end, end) if kind is _W64 else behind
    return _completed(chunk, kind, position, stream_end, chunk.declared_end, source), behind


def is_au(head: bytes) -> bool:
    """Whether a file that begins with these bytes is an AU file, of either byte order."""
    return head[:4] in (b".snd", b"dns.")


def au_stream(file: BinaryIO, position: int, end: int, source: str) -> tuple[Stream, int]:
    """As `chunked_stream`."""
    kind = _AU if read_at(file, position, 4) == b".snd" else _LITTLE_ENDIAN_AU
    head = read_at(file, position, 12)
    begin, size = (int.from_bytes(head[at : at + 4], kind.byte_order) for at in (4, 8))
    if len(head) < 12 or not 24 <= begin <= end - position:
        raise InputError(f"{source}: cannot be read as audio (it ends before its sound begins); fetch it anew.")
    chunk = _Chunk(b"", position + 8, position + begin, size, 4, _is_unfinished(size, 4))
    sound_end = end if chunk.is_unfinished else chunk.declared_end
    behind = min(sound_end, end)
    return _completed(chunk, kind, position, behind, sound_end, source), behind


def _completed(chunk: _Chunk, kind: _Kind, first: int, end: int, sound_end: int, source: str) -> Stream:
    """The bytes first..end-1, the size of its sound in `chunk` being what is there."""
    n_bytes = min(sound_end, end) - chunk.begin
    n_declared = max(0, sound_end - chunk.begin - kind.sound_offset)
    n_sound = max(0, n_bytes - kind.sound_offset)
    if n_bytes == chunk.size:
        return Stream(((first, end),), n_declared, n_sound)
    size = n_bytes + (kind.header_bytes if kind.sizes_count_header else 0)
    if size.bit_length() > 8 * chunk.size_bytes:
        raise InputError(f"{source}: its header cannot tell its length, more than 4 GiB; export it as RF64 or FLAC.")
    patch = max(0, size).to_bytes(chunk.size_bytes, kind.byte_order)
    pieces = ((first, chunk.size_at), patch, (chunk.size_at + chunk.size_bytes, end))
    return Stream(pieces, n_declared, n_sound)


def _chunk_at(file: BinaryIO, position: int, end: int, kind: _Kind) -> _Chunk | None:
    """None where no chunk, or a tag or another container, begins."""
    head = read_at(file, position, max(kind.header_bytes, 16))
    if position + kind.header_bytes > end or not _NAME.match(head) or is_chunked(head) or _TAG.match(head):
        return None
    size = int.from_bytes(head[kind.name_bytes : kind.header_bytes], kind.byte_order)
    is_unfinished = _is_unfinished(size, kind.size_bytes)
    if kind.sizes_count_header:
        size = max(0, size - kind.header_bytes)
    is_unfinished |= size <= kind.sound_offset
    begin = position + kind.header_bytes
    return _Chunk(head[:4], position + kind.name_bytes, begin, size, kind.size_bytes, is_unfinished)


def _is_unfinished(size: int, size_bytes: int) -> bool:
    limits = (1 << (8 * size_bytes - 1), 1 << 8 * size_bytes)
    return size == 0 or any(limit - _UNFINISHED_BELOW_LIMIT <= size < limit for limit in limits)


def _behind(file: BinaryIO, chunk: _Chunk, end: int, kind: _Kind) -> int:
    """Where the next chunk begins: at a multiple of the alignment, though some writers forget it."""
    if chunk.declared_end >= end:
        return end
    aligned = chunk.declared_end + -chunk.size % kind.alignment
    if aligned != chunk.declared_end:
        unaligned_head = read_at(file, chunk.declared_end, 16)
        is_unaligned = _NAME.match(unaligned_head) and not _NAME.match(read_at(file, aligned, 4))
        if is_unaligned or is_chunked(unaligned_head):
            return chunk.declared_end
    return min(aligned, end)


def _past_chunks(file: BinaryIO, position: int, end: int, kind: _Kind) -> int:
    while (chunk := _chunk_at(file, position, end, kind)) is not None:
        position = _behind(file, chunk, end, kind)
    return position


def _is_empty(file: BinaryIO, chunk: _Chunk, end: int, kind: _Kind) -> bool:
    """Whether a chunk without sound is just that: only whole chunks and tags follow, up to the end."""
    if chunk.size > kind.sound_offset:
        return False
    position = chunk.declared_end
    while (follower := _chunk_at(file, position, end, kind)) is not None and follower.declared_end <= end:
        position = _behind(file, follower, end, kind)
    return past_tags(file, position, end) == end
