"""What is taken in of people's uploads, and what is refused: each in one sentence that says what is allowed.

A zip file is unpacked as its names say, below one folder, music alone; one that leads out of the folder, holds archives
or links, is locked or larger than it may be is refused as a whole.
"""

import os
import shutil
import stat
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated

from audio.signal.waveform import AUDIO_SUFFIXES, UNDECODED_SUFFIXES, open_audio
from losscal.errors import InputError
from losscal.files import BLOCK_BYTES
from losscal.midi import READABLE_MIDI_SUFFIXES
from losscal.settings import Range, Settings

ARCHIVES = frozenset({".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz"})
MUSIC = frozenset({*READABLE_MIDI_SUFFIXES, *AUDIO_SUFFIXES, *UNDECODED_SUFFIXES})
"""What is unpacked; sound that no decoder reads is told of where it is scored."""
DEEPEST = 4
"""Folders within one another in a zip file."""
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Limits(Settings):
    """How much one person may give at a time.

    Args:
        upload_mb: megabytes of an uploaded file.
        unpacked_mb: megabytes of all that lies in a zip file.
        files: files of a run.
        minutes: of sound in all recordings of a run.
    """

    upload_mb: Annotated[int, Range(1, 10_000)] = 200
    unpacked_mb: Annotated[int, Range(1, 100_000)] = 1000
    files: Annotated[int, Range(1, 10_000)] = 100
    minutes: Annotated[float, Range(0.1, 1440)] = 120.0


def take_in(uploads: Sequence[str | Path], folder: Path, limits: Limits) -> None:
    """Put uploads into `folder`, which is emptied before, zip files unpacked in folders of their names.

    Raises InputError where there is nothing, two files have one name, or a limit is passed.
    """
    if not uploads:
        raise InputError("No file is given: drop MIDI files, recordings or a zip file of them.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for upload in map(Path, uploads):
        place = folder / (upload.stem if upload.suffix.lower() == ".zip" else upload.name)
        if place.exists():
            raise InputError(f"{upload.name}: two files have this name; rename one of them.")
        if upload.suffix.lower() == ".zip":
            unpack(upload, place, limits)
        else:
            _copy(upload, place)
    _check(sorted(path for path in folder.rglob("*") if path.is_file()), limits)


def _copy(upload: Path, place: Path) -> None:
    try:
        os.link(upload, place)
    except OSError:  # another file system
        shutil.copyfile(upload, place)


def _check(files: Sequence[Path], limits: Limits) -> None:
    if len(files) > limits.files:
        raise InputError(f"{len(files)} files are given, the limit is {limits.files} at a time; give fewer.")
    seconds = 0.0
    for path in files:
        if path.suffix.lower() in AUDIO_SUFFIXES:
            try:
                seconds += open_audio(path).seconds
            except InputError:  # told of that file alone, where it is scored
                continue
    if seconds > 60 * limits.minutes:
        raise InputError(
            f"The recordings last {seconds / 60:.0f} minutes, the limit is {limits.minutes:g} at a time; give fewer."
        )


def unpack(archive: Path, folder: Path, limits: Limits) -> None:
    """Unpack the music of a zip file below `folder`; raises InputError, with nothing written, where it is refused."""
    try:
        with zipfile.ZipFile(archive) as file:
            members = [(member, _place_of(member, archive.name)) for member in file.infolist() if not member.is_dir()]
            music = [(member, place) for member, place in members if place.suffix.lower() in MUSIC]
            if not music:
                raise InputError(f"{archive.name}: holds no MIDI file and no recording; zip some.")
            if len(music) > limits.files:
                raise InputError(f"{archive.name}: holds {len(music)} files, the limit is {limits.files}; zip fewer.")
            _check_size(sum(member.file_size for member, _ in music), archive.name, limits)
            _write(file, music, folder, archive.name, limits)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, OSError, ValueError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, InputError):
            raise
        raise InputError(f"{archive.name}: cannot be unpacked ({error}); zip it anew.") from error


def _place_of(member: zipfile.ZipInfo, archive: str) -> PurePosixPath:
    """Where a member goes below the folder; raises InputError where it may go nowhere."""
    name = member.orig_filename.replace("\\", "/")
    place = PurePosixPath(name)
    if place.is_absolute() or ".." in place.parts or ":" in name or "\0" in name:
        raise InputError(f"{archive}: {name!r} leads out of its folder; zip the files by their names alone.")
    if len(place.parts) > DEEPEST + 1:
        raise InputError(f"{archive}: {name!r} lies more than {DEEPEST} folders deep; zip the files side by side.")
    if place.suffix.lower() in ARCHIVES:
        raise InputError(f"{archive}: {name!r} is an archive within the archive; zip the files themselves.")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise InputError(f"{archive}: {name!r} is a link; zip the file itself.")
    if member.flag_bits & 1:
        raise InputError(f"{archive}: {name!r} is locked by a password; zip it without.")
    return place


def _check_size(n_bytes: int, archive: str, limits: Limits) -> None:
    if n_bytes > limits.unpacked_mb * MEGABYTE:
        raise InputError(f"{archive}: holds more than {limits.unpacked_mb} MB, which is the limit; zip fewer files.")


def _write(
    file: zipfile.ZipFile,
    music: Sequence[tuple[zipfile.ZipInfo, PurePosixPath]],
    folder: Path,
    archive: str,
    limits: Limits,
) -> None:
    written = 0
    for member, place in music:
        if any(part.startswith((".", "__MACOSX")) for part in place.parts):  # what systems leave behind
            continue
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "xb") as out:
            for block in _blocks(file, member):
                written += len(block)
                _check_size(written, archive, limits)  # a bomb's header may say anything
                out.write(block)


def _blocks(file: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    with file.open(member) as data:
        while block := data.read(BLOCK_BYTES):
            yield block
