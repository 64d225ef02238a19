"""The journal of a run: every entry as soon as it is made, so that a run cut short goes on where it stopped.

`items.jsonl` lies beside the report. A line holds an entry and the key of all it follows from: the item, the content of
its files, the weights, references and options, and the code that scored it. A line whose key is still the same is as
good as new, whichever run wrote it; anything else is scored again, and so is what failed. A line cut off by a kill is
left out.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bridge.item_scoring import ItemScorer
from bridge.items import Item
from bridge.tables import table_paths
from losscal.files import atomic_path, sha256_of

JOURNAL_FILE = "items.jsonl"
PACKAGES = ("losscal", "symbolic", "audio", "bridge")


@dataclass(frozen=True)
class Journal:
    """The journal in `folder`; keys: of the items, by number, as their files were when it was opened."""

    folder: Path
    keys: Mapping[int, str]

    @classmethod
    def open(
        cls, folder: Path, scorer: ItemScorer, items: Sequence[Item]
    ) -> tuple["Journal", dict[int, dict[str, Any]]]:
        """The journal of a run and the entries, by item number, that it finds finished; of others it is cleared.

        Raises InputError where the file cannot be written.
        """
        circumstances = circumstances_of(scorer)
        journal = cls(folder, {number: _key(circumstances, item) for number, item in enumerate(items)})
        known = {
            line["key"]: line["entry"]
            for line in _whole_lines(folder / JOURNAL_FILE)
            if all((folder / path).is_file() for path in table_paths(line["entry"]))
        }
        finished = {number: known[key] for number, key in journal.keys.items() if key in known}
        with atomic_path(folder / JOURNAL_FILE) as path:
            journal._append(path, finished.items())
        return journal, finished

    def add(self, entries: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
        """Append entries by item number; those with an error are left for the next run."""
        self._append(self.folder / JOURNAL_FILE, entries)

    def _append(self, path: Path, entries: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
        with open(path, "a", encoding="utf-8") as file:
            for number, entry in entries:
                if entry["error"] is None:
                    line = {"key": self.keys[number], "entry": entry}
                    file.write(json.dumps(line, allow_nan=False) + "\n")


def circumstances_of(scorer: ItemScorer) -> str:
    """A hash of all that entries follow from, apart from the item: views, options and code."""
    views = scorer.views
    references = {view: reference.to_json() for view, reference in sorted(views.references.by_view.items())}
    options = [views.weights, views.units, dict(views.unavailable), views.warnings, views.context_policy, references]
    return _hash([*options, scorer.excerpt, scorer.by_composer, _code_hash()])


@cache
def _code_hash() -> str:
    """Of our packages' sources: another version's entries are not taken over."""
    folders = [Path(find_spec(package).origin).parent for package in PACKAGES]
    return sha256_of(*(path for folder in folders for path in sorted(folder.rglob("*.py"))))


def _key(circumstances: str, item: Item) -> str:
    files = [None if path is None else (str(path), _content(path)) for path in (item.midi, item.wav)]
    return _hash([circumstances, item.id, item.warnings, files])


def _content(path: Path) -> str | None:
    """The hash of a file's content; None of one that cannot be read."""
    try:
        return sha256_of(path)
    except OSError:
        return None


def _hash(values: Any) -> str:
    return sha256(json.dumps(values).encode()).hexdigest()


def _whole_lines(path: Path) -> Iterable[dict[str, Any]]:
    if not path.is_file():
        return
    with open(path, encoding="utf-8") as file:
        for line in file:
            try:
                yield json.loads(line)
            except json.JSONDecodeError:  # cut off by a kill: at most the last one
                continue
