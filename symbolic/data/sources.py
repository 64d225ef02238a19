"""The MIDI files of a folder or a zip, read one at a time, so that memory does not grow with the source.

A zip is untrusted: its members are read in memory and never unpacked to paths, each and all up to a limit, whatever
their headers say of themselves.
"""

import os
import zipfile
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from losscal.errors import InputError
from losscal.midi import MAX_FILE_BYTES, READABLE_MIDI_SUFFIXES, read_midi_bytes
from losscal.text import in_one_line

MAX_ZIP_BYTES = 16 << 30
"""Of all MIDI files of a zip, unpacked."""
_COMPRESSIONS = {zipfile.ZIP_STORED: "no compression", zipfile.ZIP_DEFLATED: "deflate"}  # others unpack without a limit
_IS_ENCRYPTED = 0x1


@dataclass(frozen=True)
class MidiFolder:
    """A folder, searched recursively."""

    folder: Path
    paths: tuple[Path, ...]

    @property
    def names(self) -> list[str]:
        """Each file's path below the folder; bytes that are no UTF-8, and control characters, are escaped."""
        return [_printable(path.relative_to(self.folder).as_posix()) for path in self.paths]

    def read(self, index: int) -> bytes:
        """The bytes of a file; raises InputError, without the file's name, where it cannot be read."""
        path = self.paths[index]
        try:
            return read_midi_bytes(path)
        except InputError as error:
            raise InputError(str(error).removeprefix(f"{path}: ")) from error


@dataclass(frozen=True)
class MidiZip:
    """The MIDI files of a zip; members of one name are files of their own."""

    archive: zipfile.ZipFile
    members: tuple[zipfile.ZipInfo, ...]

    @property
    def names(self) -> list[str]:
        """Each member's name, likewise."""
        return [_printable(member.filename) for member in self.members]

    def read(self, index: int) -> bytes:
        """The bytes of a member; raises InputError, without its name, where it cannot be read."""
        member = self.members[index]
        if member.flag_bits & _IS_ENCRYPTED:
            raise InputError("is encrypted in the zip; unpack it and give the folder.")
        if member.compress_type not in _COMPRESSIONS:
            raise InputError(
                f"is compressed by method {member.compress_type} in the zip, read are {_known()}; pack it anew."
            )
        try:
            with self.archive.open(member) as file:
                data = file.read(MAX_FILE_BYTES + 1)
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
            raise InputError(f"cannot be read from the zip ({error}); pack it anew.") from error
        if len(data) > MAX_FILE_BYTES:
            raise InputError(f"is above {MAX_FILE_BYTES} bytes, the limit; split the file.")
        return data


def open_source(path: Path) -> MidiFolder | MidiZip:
    """The MIDI files of a folder or a zip, sorted by name; raises InputError where it is neither, or too large."""
    if path.is_dir():
        found = (file for file in sorted(path.rglob("*")) if file.name.lower().endswith(READABLE_MIDI_SUFFIXES))
        return MidiFolder(path, tuple(file for file in found if not file.is_dir()))
    if not path.exists():
        raise InputError(f"{path}: no such folder or file; give a folder or zip of MIDI files.")
    if not path.is_file():
        raise InputError(f"{path}: a pipe or device; give a folder or zip of MIDI files.")
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path}: no folder and no readable zip ({error}); give a folder or zip of MIDI files."
        ) from error
    members = [member for member in archive.infolist() if member.filename.lower().endswith(READABLE_MIDI_SUFFIXES)]
    n_bytes = sum(member.file_size for member in members)
    if n_bytes > MAX_ZIP_BYTES:
        raise InputError(
            f"{path}: its MIDI files hold {n_bytes} bytes unpacked, the limit is {MAX_ZIP_BYTES}; give parts of it."
        )
    return MidiZip(archive, tuple(sorted(members, key=lambda member: member.filename)))


@cache
def source_of_process(path: Path) -> MidiFolder | MidiZip:
    """`open_source`, once in each process: an open zip is not shared between processes."""
    return open_source(path)


def _printable(name: str) -> str:
    return in_one_line(os.fsencode(name).decode("utf-8", "backslashreplace"))


def _known() -> str:
    return " and ".join(_COMPRESSIONS.values())
