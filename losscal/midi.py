"""MIDI files through mido, opened in one way by all: leniently where notes are not concerned, else refused plainly.

mido drops the delta time of meta events whose type it does not know, so that all later notes come too early, and gives
up a whole file for an odd key signature. Its own `add_meta_spec` registers better readers of those events here, for the
whole process; so MIDI files are never opened by mido directly.
"""

import io
import re
from contextlib import suppress
from pathlib import Path

import mido
from mido.midifiles import meta

from losscal.errors import InputError

_MAX_NUMBER_BYTES = 10_000  # mido takes time quadratic in the length of a number, even one of erased memory (0xff)
_META_TYPES_OF_MIDO = {*range(8), 0x09, 0x20, 0x21, 0x2F, 0x51, 0x54, 0x58, 0x59, 0x7F}


class _Lenient:
    """Mixed into mido's reader of a notation event: a value it does not know no longer costs the whole file."""

    def decode(self, message: mido.MetaMessage, data: list[int]) -> None:
        with suppress(mido.KeySignatureError, LookupError, ValueError):
            super().decode(message, data)


for _spec in (meta.MetaSpec_key_signature, meta.MetaSpec_time_signature, meta.MetaSpec_smpte_offset):
    meta.add_meta_spec(type(_spec.__name__, (_Lenient, _spec), {}))
for _byte in set(range(256)) - _META_TYPES_OF_MIDO:  # mido alone drops the delta time of types it does not know
    meta.add_meta_spec(type(f"MetaSpec_{_byte:#04x}", (meta.MetaSpec_sequencer_specific,), {"type_byte": _byte}))


def read_midi_bytes(path: Path) -> bytes:
    """The bytes of a file; raises InputError where it is missing, a folder or unreadable."""
    if path.is_dir():
        raise InputError(f"{path}: a folder, not a MIDI file; give a file in it.")
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the path.") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the file and its permissions.") from error


def open_midi(data: bytes, name: str) -> mido.MidiFile:
    """The messages of a MIDI file of format 0 or 1; `name` is for the messages.

    Raises InputError where the file is empty, no MIDI, truncated, damaged or of format 2.
    """
    if not data:
        raise InputError(f"{name}: the file is empty; export or fetch it again.")
    if data[:4] != b"MThd":
        raise InputError(f"{name}: not a MIDI file (it does not begin with MThd); give a Standard MIDI File.")
    if any(len(run) > _MAX_NUMBER_BYTES for run in re.findall(rb"[\x80-\xff]+", data)):
        raise InputError(f"{name}: damaged, it holds long runs of no MIDI; export the file again.")
    stream = io.BytesIO(data)
    try:
        file = mido.MidiFile(file=stream)
    except EOFError as error:
        raise InputError(f"{name}: truncated or damaged, its tracks are incomplete; fetch it again.") from error
    except (OSError, ValueError, IndexError) as error:
        raise InputError(f"{name}: damaged (mido: {error}); export the file again.") from error
    if file.type not in (0, 1):
        raise InputError(f"{name}: MIDI format {file.type} is no single timeline; save it as format 0 or 1.")
    if stream.read(4) == b"MTrk":
        raise InputError(f"{name}: damaged, it holds more tracks than its header counts; export the file again.")
    return file
