"""The journal of a run: every entry as soon as it is made, so that a run cut short goes on where it stopped.

`journal.jsonl` lies beside the report. A line holds an entry and hashes of all it follows from: the fingerprint
of the run (the weights, references and options, the code that scored it, what plays notes, plug-ins) and its key, of
the item and the content of its files. A line with the same hashes is as good as new, whichever run wrote it; anything
else is scored again, and so is what failed. What other runs scored with the same fingerprint stays. A line cut off by
a kill is left out; a file that is no journal is refused and left alone.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from io import FileIO
from pathlib import Path
from typing import Any

from bridge.items.entry import ItemEntry
from bridge.items.finding import Item
from bridge.items.scoring import ItemScorer
from bridge.synthesis.synthesiser import default_soundfont, fluidsynth_version
from bridge.views.declarations import VIEWS, installed_plugins
from bridge.views.opening import OpenViews
from losscal.errors import InputError
from losscal.files import atomic_path, sha256_of
from losscal.plugins import packages_of
from losscal.records import record_of, to_json

JOURNAL_FILE = "journal.jsonl"
LINE_START = b'{"fingerprint": "'
OLDER_LINE_KEYS = ({"circumstances", "key", "entry"}, {"fingerprint", "key", "entry"})
"""Of journals that older versions wrote: nothing of them is believed."""
PACKAGES = ("losscal", "symbolic", "audio", "bridge")


@dataclass(frozen=True)
class Line:
    """A line of a journal; the entry as JSON holds it: of another version, it may be none of ours.

    tables: a hash of the entry's tables.
    """

    fingerprint: str
    key: str
    entry: Any
    tables: str | None


@dataclass(frozen=True)
class Journal:
    """The journal in `folder`; keys: of the items, by number, as their files were when it was opened."""

    folder: Path
    fingerprint: str
    keys: Mapping[int, str]

    @classmethod
    def open(cls, folder: Path, scorer: ItemScorer, items: Sequence[Item]) -> tuple["Journal", dict[int, ItemEntry]]:
        """The journal of a run and the entries, by item number, that it finds finished.

        It is cleared of what has another fingerprint, and of what these items were before: the tables of that will be
        written over. Raises InputError where the file is no journal or cannot be written.
        """
        path = folder / JOURNAL_FILE
        journal = cls(folder, fingerprint_of(scorer), {number: _key(item) for number, item in enumerate(items)})
        known = entries_of(path, journal.fingerprint)
        finished = {number: known[key] for number, key in journal.keys.items() if key in known}
        asked = {(item.id, _text(item.midi), _text(item.wav)) for item in items}
        own_keys = set(journal.keys.values())
        with atomic_path(path) as temporary:
            journal._append(
                temporary,
                (
                    (key, entry)
                    for key, entry in known.items()
                    if key in own_keys or (entry.id, entry.midi, entry.wav) not in asked
                ),
            )
        return journal, finished

    def add(self, number: int, entry: ItemEntry) -> None:
        """Append the entry of an item; one with an error is left for the next run."""
        if entry.error is None:
            self._append(self.folder / JOURNAL_FILE, [(self.keys[number], entry)])

    def _append(self, path: Path, entries: Iterable[tuple[str, ItemEntry]]) -> None:
        """Append entries by key; raises InputError, a part of a line taken back, where the file system refuses."""
        try:
            with open(path, "ab", buffering=0) as file:
                for key, entry in entries:
                    line = Line(self.fingerprint, key, to_json(entry), _hash_of_tables(entry, self.folder))
                    _write_whole(file, (json.dumps(to_json(line), allow_nan=False) + "\n").encode())
        except OSError as error:
            raise InputError(
                f"{path}: cannot be written ({error.strerror}); make room and run the command again, it goes on from "
                "what was done."
            ) from error


def entries_of(path: Path, fingerprint: str) -> dict[str, ItemEntry]:
    """The entries of a journal that have a fingerprint, by key, where their tables are as they were.

    What is no entry of this version is left out. Raises InputError where the file is no journal.
    """
    known: dict[str, ItemEntry] = {}
    for line in _lines(path):
        if line.fingerprint == fingerprint and line.tables is not None:
            with suppress(InputError):
                entry = record_of(ItemEntry, line.entry)
                if line.tables == _hash_of_tables(entry, path.parent):
                    known[line.key] = entry
    return known


def _write_whole(file: FileIO, data: bytes) -> None:
    """All of the bytes or none; raises OSError for none."""
    start = file.tell()
    try:
        while data:
            data = data[file.write(data) :]
    except OSError:
        file.truncate(start)
        raise


def fingerprint_of(scorer: ItemScorer) -> str:
    """A hash of all that entries follow from, apart from the item: views, options, code, and what plays notes."""
    views = scorer.views
    references = {view: reference.to_json() for view, reference in sorted(views.references.by_view.items())}
    options = [views.weights, views.units, dict(views.unavailable), views.warnings, views.context_policy, references]
    listens = [views.not_heard] if views.listener is None else [views.listener.description, views.listener.fingerprint]
    return _hash(
        [*options, scorer.excerpt, scorer.by_composer, _code_hash(), _player(scorer), _plugins(views), listens]
    )


def _player(scorer: ItemScorer) -> list[str]:
    """The SoundFont and the FluidSynth that play notes to views of sound; what they lack is told item by item."""
    if not scorer.views.audio:
        return []
    try:
        return [sha256_of(scorer.soundfont or default_soundfont()), fluidsynth_version()]
    except (InputError, OSError) as error:
        return [str(error)]


def _plugins(views: OpenViews) -> dict[str, str]:
    """The packages and versions of the plug-ins among the views."""
    return {
        name: packages_of(entries)
        for name, entries in sorted(installed_plugins().items())
        if name in views.declared and name not in VIEWS
    }


@cache
def _code_hash() -> str:
    """Of our packages' sources: another version's entries are not taken over."""
    folders = [Path(find_spec(package).origin).parent for package in PACKAGES]
    return sha256_of(*(path for folder in folders for path in sorted(folder.rglob("*.py"))))


def _key(item: Item) -> str:
    files = [None if path is None else (str(path), _content(path)) for path in (item.midi, item.wav)]
    return _hash([item.id, item.warnings, files])


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _hash_of_tables(entry: ItemEntry, folder: Path) -> str | None:
    """Of the tables of an entry as they lie there; None where one cannot be read."""
    try:
        return sha256_of(*(folder / path for path in entry.tables))
    except (OSError, ValueError):  # a name with a zero byte
        return None


def _content(path: Path) -> str | None:
    """The hash of a file's content; None of one that cannot be read."""
    try:
        return sha256_of(path)
    except OSError:
        return None


def _hash(values: Any) -> str:
    return sha256(json.dumps(values).encode()).hexdigest()


def _lines(path: Path) -> Iterator[Line]:
    """The whole lines of a journal, an older version's left out.

    Raises InputError where any other is one that no kill has cut off.
    """
    if not path.is_file():
        return
    with open(path, "rb") as file:
        for number, text in enumerate(file, start=1):
            if not text.strip(b"\0"):  # a file system's, after the power failed
                continue
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                line = None
            if isinstance(line, dict) and line.keys() == Line.__dataclass_fields__.keys():
                with suppress(InputError):  # values of other types: whatever it was, it is scored again
                    yield record_of(Line, line)
            elif isinstance(line, dict) and line.keys() in OLDER_LINE_KEYS:
                continue
            elif text.endswith(b"\n") or not LINE_START.startswith(text[: len(LINE_START)]):
                raise InputError(
                    f"{path}:{number}: is no line of a journal of python -m bridge.score; move the file away or choose "
                    "another --out."
                )
