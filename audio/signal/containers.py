"""The streams of a sound file, found by its own structure, what it declares compared with what is there."""

from pathlib import Path
from typing import BinaryIO

from audio.signal import chunks, flac, mp3, ogg
from audio.signal.streams import Stream, past_tags, read_at
from losscal.errors import InputError


def streams_of(path: Path) -> tuple[Stream, ...]:
    """The parts of a file that are to be decoded one after the other; most files have one.

    Raises InputError where the file is of no known format, is cut short, or holds what is neither sound nor a tag.
    """
    source, end = str(path), path.stat().st_size
    if end == 0:
        raise InputError(f"{source}: cannot be read as audio (the file is empty); fetch or export it anew.")
    streams = []
    with path.open("rb") as file:
        position = past_tags(file, 0, end)
        while position < end or not streams:
            stream, position = _stream_at(file, position, end, source, is_first=not streams)
            streams.append(stream)
            position = past_tags(file, position, end)
    return tuple(streams)


def _stream_at(file: BinaryIO, position: int, end: int, source: str, is_first: bool) -> tuple[Stream, int]:
    head = read_at(file, position, 16)
    if chunks.is_chunked(head):
        return chunks.chunked_stream(file, position, end, source)
    if chunks.is_au(head):
        return chunks.au_stream(file, position, end, source)
    if head.startswith(ogg.MAGIC):
        return ogg.ogg_stream(file, position, end, source)
    if head.startswith(flac.MAGIC):
        return flac.flac_stream(file, position, end, source)
    if mp3.has_mp3_frames(file, position, end):
        return mp3.mp3_stream(file, position, end, source)
    if is_first:
        raise InputError(
            f"{source}: cannot be read as audio (none of WAV, FLAC, OGG, AIFF, AU, CAF, W64, nor MP3 of layer III with "
            "a stated bit rate); export it as WAV."
        )
    raise InputError(
        f"{source}: the {end - position} bytes from byte {position} on are neither sound nor a tag; export it anew."
    )
