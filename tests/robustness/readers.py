"""Every reader of files that people bring: whole files of its kind, how they are damaged, and what reads them.

A reader returns, or raises InputError or WeightsError with a sentence that names the file.
"""

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from machine import has_fluidsynth
from midi_files import control, off, on, pedal, smf, tempo
from robustness.mutations import Mutator, damaged, midi_events, odd_json, odd_json_lines
from sample_report import make_report
from sound_formats import FORMATS, encoded, music
from tiny_models import TINY, UNTRAINED, save_tiny

from audio.signal.waveform import open_audio
from bridge.items.entry import ItemEntry
from bridge.items.finding import find_items
from bridge.items.journal import entries_of
from bridge.report.files import table
from bridge.synthesis.messages import Played
from bridge.synthesis.synthesiser import default_soundfont, open_synthesiser
from losscal.errors import InputError
from losscal.midi import read_midi_file
from losscal.records import record_of, to_json
from losscal.references import References, ViewReference
from symbolic.data.sources import open_source
from symbolic.models.phrases.model import PhraseGPT
from symbolic.models.registry import load_model
from symbolic.notes.cleaning import clean_midi_file

FINGERPRINT = "f"
"""Of the journals."""


@dataclass(frozen=True)
class Reader:
    """suffix: of its files. whole: makes some of them. mutate: damages them. read: reads one."""

    suffix: str
    whole: Callable[[], Sequence[bytes]]
    mutate: Mutator
    read: Callable[[Path], object]


def _midi_files() -> list[bytes]:
    notes = [
        event for start in range(0, 900, 30) for event in (on(start, 40 + start % 47), off(start + 25, 40 + start % 47))
    ]
    pedals = [pedal(0, 127), control(300, 66, 127), control(500, 121), control(700, 123), pedal(900, 0)]
    both = sorted([*notes, *pedals, tempo(450, 400_000)], key=lambda event: event[0])
    return [smf(notes), smf([tempo(0, 600_000)], both, notes), smf(both, midi_format=0, division=0xE728)]


def _read_midi(path: Path) -> None:
    file = read_midi_file(path)
    notes = clean_midi_file(file, str(path)).performance.notes
    played = Played.of(file, str(path), from_first_note=True)
    assert len(notes) and (np.diff(notes["onset_ticks"].astype(np.int64)) >= 0).all()
    assert np.isfinite(played.seconds).all() and (np.diff(played.seconds) >= 0).all()


def _sounds() -> list[bytes]:
    return [encoded(format, music(0.5, channels=channels)) for format in FORMATS for channels in (1, 2)]


def _read_sound(path: Path) -> None:
    recording = open_audio(path)
    assert sum(block.shape[1] for block in recording.blocks()) == recording.n_samples


def _weights() -> list[bytes]:
    with TemporaryDirectory() as folder:
        return [save_tiny(Path(folder), PhraseGPT(config)).read_bytes() for config in (TINY, UNTRAINED)]


def _odd_weights(files: Sequence[bytes], rng: np.random.Generator) -> bytes:
    """Weights whose header or story holds something odd, its length put right; at times damaged bytes."""
    if rng.random() < 0.3:
        return damaged(files, rng)
    data = files[int(rng.integers(len(files)))]
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    if rng.random() < 0.7:
        header["__metadata__"]["story"] = odd_json([header["__metadata__"]["story"].encode()], rng).decode("latin-1")
        text = json.dumps(header).encode()
    else:
        text = odd_json([json.dumps(header).encode()], rng)
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


def _read_weights(path: Path) -> None:
    load_model(path)


def _references() -> list[bytes]:
    reference = ViewReference.of_values("hash", "nll_nats_per_note", {64: np.arange(9.0), 256: np.arange(9.0)})
    with TemporaryDirectory() as folder:
        path = Path(folder, "references.json")
        References({"events": reference}).save(path)
        return [path.read_bytes()]


def _read_references(path: Path) -> None:
    for reference in References.load([path]).by_view.values():
        assert 0.0 <= reference.percentile(100.0, 4.0) <= 100.0


def _pairs() -> list[bytes]:
    lines = [
        {"id": "a", "midi": "a.mid", "wav": "a.wav", "group": "g"},
        {"path": "b.wav"},
        {"midi": "c.mid", "more": 1},
    ]
    return ["\n".join(map(json.dumps, lines)).encode()]


def _read_pairs(path: Path) -> None:
    items = find_items([], path)
    assert items and len({item.id for item in items}) == len(items)


def _reports() -> list[bytes]:
    with TemporaryDirectory() as folder:
        return [json.dumps(make_report(Path(folder))).encode()]


def _read_report(path: Path) -> None:
    try:
        report = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:  # who reads a report with json sees what that raises
        raise InputError(f"{path}: no JSON.") from error
    if not isinstance(report, dict):
        raise InputError(f"{path}: no report.")
    table(report)


def _journals() -> list[bytes]:
    with TemporaryDirectory() as folder:
        items = make_report(Path(folder))["items"]
    entries = [to_json(record_of(ItemEntry, item).without_tables()) for item in items]
    lines = [
        {"fingerprint": FINGERPRINT, "key": str(number), "entry": entry, "tables": sha256(b"").hexdigest()}
        for number, entry in enumerate(entries)
    ]
    return ["".join(json.dumps(line) + "\n" for line in lines).encode()]


def _read_journal(path: Path) -> None:
    for entry in entries_of(path, FINGERPRINT).values():
        json.dumps(to_json(entry), allow_nan=False)


def _soundfont() -> list[bytes]:
    return [default_soundfont().read_bytes()]


def _read_soundfont(path: Path) -> None:
    with open_synthesiser(path, 16_000, 1.0) as synthesiser:
        synthesiser.send(0x90, 60, 100)
        synthesiser.next_samples(2000)


def _zips() -> list[bytes]:
    made = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", method) as archive:
            for number, data in enumerate(_midi_files()):
                archive.writestr(f"folder/{number}.mid", data)
        made.append(file.getvalue())
    return made


def _read_zip(path: Path) -> None:
    source = open_source(path)
    for index in range(len(source.names)):
        with suppress(InputError):  # it is left out, and the others are read
            source.read(index)


READERS = {
    "MIDI": Reader(".mid", _midi_files, midi_events, _read_midi),
    "sound": Reader("", _sounds, damaged, _read_sound),
    "weights": Reader(".safetensors", _weights, _odd_weights, _read_weights),
    "references": Reader(".json", _references, odd_json, _read_references),
    "pairs file": Reader(".jsonl", _pairs, odd_json_lines, _read_pairs),
    "journal": Reader(".jsonl", _journals, odd_json_lines, _read_journal),
    "report": Reader(".json", _reports, odd_json, _read_report),
    "zip": Reader(".zip", _zips, damaged, _read_zip),
}
if has_fluidsynth():
    READERS["SoundFont"] = Reader(".sf2", _soundfont, damaged, _read_soundfont)
