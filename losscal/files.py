"""Files that appear whole or not at all, and what names their content."""

import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from losscal.errors import InputError

BLOCK_BYTES = 1 << 22
"""Read at once."""


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it replaces `path`, on any exception it is removed.

    The temporary name keeps the suffix, because writers such as soundfile choose the format by it.
    Raises InputError where the file system refuses.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)  # a killed process of the same number may have left one
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error}); choose another place.") from error


def name_for_c(path: Path) -> Path | bytes:
    """A path as soundfile takes it, which encodes text by itself: outside Windows a name may hold any bytes."""
    return path if sys.platform == "win32" else os.fsencode(path)


def check_regular_file(path: Path, kind: str, max_bytes: int) -> None:
    """Raises InputError unless this is a file of at most `max_bytes`: no pipe is waited for, no endless device read.

    kind: what the file should hold, for the message.
    """
    if path.is_dir():
        raise InputError(f"{path}: a folder, not {kind}; give a file in it.")
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the path.") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the file and its permissions.") from error
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{path}: no regular file (a pipe or device); copy its content to a file.")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path}: cannot be read (Permission denied); check the file and its permissions.")
    if status.st_size > max_bytes:
        raise InputError(f"{path}: holds {status.st_size} bytes, the limit is {max_bytes}; split the file.")


def sha256_of(*paths: str | Path) -> str:
    """Hex SHA-256 of the files' bytes in a row, as `cat FILES | sha256sum` tells it."""
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
    return digest.hexdigest()
