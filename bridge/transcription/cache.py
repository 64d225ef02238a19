"""What was heard before, kept on this machine by the hash of the sound and by who heard it.

An entry is believed only where it says itself that it is of this sound and this transcriber and its notes have the hash
that stands beside them; anything else, however it came about, is heard anew and replaced.
"""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from bridge.transcription.transcriber import Heard, HeardNote, Transcriber
from losscal.errors import InputError
from losscal.files import atomic_path, check_regular_file
from losscal.records import record_of, to_json

if TYPE_CHECKING:
    from audio.signal.waveform import Sound

MAX_ENTRY_BYTES = 1 << 28
"""Of an entry that is read: a day of dense music has less."""


@dataclass(frozen=True)
class Key:
    """What the notes that are heard depend on."""

    sound_sha256: str
    transcriber: str
    version: str
    fingerprint: str

    @classmethod
    def of(cls, sound: "Sound", transcriber: Transcriber) -> Self:
        """Passes over the sound once, and raises InputError as its blocks do."""
        return cls(sha256_of_sound(sound), transcriber.name, transcriber.version, transcriber.fingerprint)

    @property
    def file_name(self) -> str:
        """Of the entry."""
        return _sha256(json.dumps(to_json(self))) + ".json"


@dataclass(frozen=True)
class _Entry:
    key: Key
    notes: tuple[HeardNote, ...]
    notes_sha256: str


class NoteCache:
    """Notes by Key, each in a file of its own below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: Key) -> tuple[HeardNote, ...] | None:
        """What was heard; None where there is no entry, or none to be believed."""
        path = self.folder / key.file_name
        with suppress(InputError, OSError, ValueError, RecursionError):
            check_regular_file(path, "heard notes", MAX_ENTRY_BYTES)
            entry = record_of(_Entry, json.loads(path.read_text(encoding="utf-8")))
            if entry == _entry(key, entry.notes):
                return entry.notes
        return None

    def put(self, key: Key, notes: tuple[HeardNote, ...]) -> None:
        """Keep what was heard; where the folder cannot be written it is heard again another time."""
        with suppress(InputError), atomic_path(self.folder / key.file_name) as temporary:
            temporary.write_text(json.dumps(to_json(_entry(key, notes))), encoding="utf-8")


def user_cache() -> NoteCache | None:
    """In the user's cache folder, by the XDG Base Directory Specification; None where the user has no home."""
    folder = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not folder.is_absolute():
        try:
            folder = Path.home() / ".cache"
        except RuntimeError:
            return None
    return NoteCache(folder / "losscal" / "heard")


def hear(sound: "Sound", transcriber: Transcriber, cache: NoteCache | None) -> Heard:
    """What `transcriber` hears in a sound, taken from `cache` where it is there, and kept there.

    Raises InputError as the sound's blocks and the transcriber do.
    """
    key = None if cache is None else Key.of(sound, transcriber)
    notes = None if key is None else cache.get(key)
    if notes is None:
        notes = tuple(transcriber.transcribe(sound))
        if key is not None:
            cache.put(key, notes)
    return Heard(notes, transcriber.name, transcriber.version, sound.source)


def sha256_of_sound(sound: "Sound") -> str:
    """Hex SHA-256 of sample rate, channels and samples, however the sound is cut into blocks; one pass."""
    digest = hashlib.sha256(f"{sound.sample_rate} {sound.n_channels} ".encode())
    for block in sound.blocks():
        digest.update(np.ascontiguousarray(block.T, dtype="<f4").data)
    return digest.hexdigest()


def _entry(key: Key, notes: tuple[HeardNote, ...]) -> _Entry:
    return _Entry(key, notes, _sha256(json.dumps(to_json(notes))))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
