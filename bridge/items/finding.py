"""Finding what to score: files, folders and pairs files become a list of `Item`s of a MIDI file, an audio file or both.

What cannot be scored (a missing path, an empty folder, a broken line, sound without a decoder) becomes an item too,
with its `problem` told, so that nothing a user named goes unanswered. What is no music in a folder is told as well.
"""

import json
import os
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from audio.signal.waveform import AUDIO_SUFFIXES, UNDECODED_SUFFIXES
from bridge.items.names import natural_order
from losscal.errors import InputError
from losscal.midi import READABLE_MIDI_SUFFIXES

MOST_SUFFIXES = 8
"""That are told of the files passed over in a folder."""
PAIR_KEYS = frozenset({"id", "midi", "wav", "group", "path"})


@dataclass(frozen=True)
class Item:
    """One row of the report: `midi` or `wav` or both, or the `problem` that keeps the item from being scored."""

    id: str
    midi: Path | None = None
    wav: Path | None = None
    group: str | None = None
    warnings: tuple[str, ...] = ()
    problem: str | None = None


@dataclass(frozen=True)
class Found:
    """What paths and a pairs file name.

    passed_over: a sentence for each folder with files that are no music by their suffix.
    """

    items: list[Item]
    passed_over: tuple[str, ...] = ()


def find_items(paths: str | Path | Sequence[str | Path], pairs: str | Path | None = None) -> list[Item]:
    """The items of `find`."""
    return find(paths, pairs).items


def find(paths: str | Path | Sequence[str | Path], pairs: str | Path | None = None) -> Found:
    """The items of files and folders (recursively, linked ones too; hidden names are left out), then of a pairs file.

    A MIDI and an audio file of the same folder and stem are one item, named by the MIDI file's path as given. No two
    items have one id.
    """
    items: list[Item] = []
    files: list[Path] = []
    passed_over: list[str] = []
    for path in [Path(paths)] if isinstance(paths, str | Path) else map(Path, paths):
        try:
            files += _look_at(path, items, passed_over)
        except OSError as error:  # a folder on the way that may not be entered, a name too long
            items.append(_failed(path, f"cannot be read ({error.strerror}); check the path and its permissions"))
    items = list(_paired(files)) + items + (_items_of_pairs_file(Path(pairs)) if pairs is not None else [])
    return Found(list(_with_ids_of_their_own(items)), tuple(passed_over))


def _look_at(path: Path, failed: list[Item], passed_over: list[str]) -> list[Path]:
    """The files of music that a path given by the user stands for; what is wrong with it, or no music, is added."""
    n_failed = len(failed)
    if path.is_dir():
        candidates = _files_below(path, failed)
        found = [file for file in candidates if _is_midi(file) or _is_audio(file)]
        undecoded = [file for file in candidates if _is_undecoded(file)]
        others = [file for file in candidates if not (_is_midi(file) or _is_audio(file) or _is_undecoded(file))]
        failed += map(_without_decoder, undecoded)
        if others:
            passed_over.append(f"{path}: passed over as no music by their suffixes: {_counted(others)}")
        if not found and len(failed) == n_failed:
            failed.append(_failed(path, "no MIDI or audio file in this folder or below; give another"))
        return found
    if not path.exists():
        what = "a link that leads to no file" if path.is_symlink() else "no such file or folder"
        failed.append(_failed(path, f"{what}; check the path"))
    elif not path.is_file():
        failed.append(_failed(path, "no regular file (a pipe or device); copy its content to a file"))
    elif _is_midi(path) or _is_audio(path):
        return [path]
    elif _is_undecoded(path):
        failed.append(_without_decoder(path))
    else:
        suffixes = " ".join(sorted({*READABLE_MIDI_SUFFIXES, *AUDIO_SUFFIXES}))
        failed.append(
            _failed(path, f"neither a MIDI nor an audio file by its suffix; rename or convert it to one of {suffixes}")
        )
    return []


def _without_decoder(path: Path) -> Item:
    """The item of a file that is sound, by its suffix."""
    return _failed(path, f"sound in a form without a decoder here ({path.suffix.lower()}); convert it to WAV or FLAC")


def _counted(files: Sequence[Path]) -> str:
    """Files by suffix, the most frequent first: "3 .txt, cover.jpg"."""
    by_suffix = Counter(path.suffix.lower() for path in files)
    names = {path.suffix.lower(): path.name for path in files}
    told = [
        f"{count} {suffix or 'without suffix'}" if count > 1 else names[suffix]
        for suffix, count in by_suffix.most_common()
    ]
    more = [f"{len(told) - MOST_SUFFIXES} more kinds"] if len(told) > MOST_SUFFIXES else []
    return ", ".join(told[:MOST_SUFFIXES] + more)


def _failed(path: Path, reason: str) -> Item:
    return Item(id=str(path), problem=f"{path}: {reason}.")


def _is_midi(path: Path) -> bool:
    return path.suffix.lower() in READABLE_MIDI_SUFFIXES


def _is_audio(path: Path) -> bool:
    return path.suffix.lower() in AUDIO_SUFFIXES


def _is_undecoded(path: Path) -> bool:
    return path.suffix.lower() in UNDECODED_SUFFIXES


def _files_below(folder: Path, failed: list[Item]) -> list[Path]:
    """The files below `folder` in a stable order; an item for each folder that cannot be read is added."""

    def remember(error: OSError) -> None:
        failed.append(_failed(Path(error.filename), f"cannot be read ({error.strerror}); check its permissions"))

    found: list[Path] = []
    walked: set[str] = set()
    for parent, folders, names in os.walk(folder, onerror=remember, followlinks=True):
        place = os.path.realpath(parent)
        if place in walked:  # a link may lead back
            folders.clear()
            continue
        walked.add(place)
        folders[:] = sorted((name for name in folders if not name.startswith(".")), key=natural_order)
        found += [Path(parent, name) for name in sorted(names, key=natural_order) if not name.startswith(".")]
    return found


def _paired(files: Iterable[Path]) -> Iterator[Item]:
    """One item for each (folder, stem); a file given twice counts once."""
    candidates: dict[str, dict[Path, Path]] = {}
    for path in files:
        absolute = path.parent.resolve() / path.name  # a link keeps its own name, or pairs of links would part
        stem = unicodedata.normalize("NFC", str(absolute.with_suffix("")))  # an accent may be a character of its own
        candidates.setdefault(stem, {}).setdefault(absolute, path)
    for same_stem in candidates.values():
        midis = [path for path in same_stem.values() if _is_midi(path)]
        audios = [path for path in same_stem.values() if _is_audio(path)]
        if len(midis) > 1 or len(audios) > 1:
            names = ", ".join(path.name for path in same_stem.values())
            reason = f"several files could be its pair ({names}); name the two you mean in a --pairs file"
            yield _failed((midis + audios)[0].with_suffix(""), reason)
            continue
        midi, wav = next(iter(midis), None), next(iter(audios), None)
        yield Item(id=str(midi or wav), midi=midi, wav=wav)


def _items_of_pairs_file(pairs: Path) -> list[Item]:
    """One item for each line that is not blank; a broken line becomes an item named FILE:NUMBER."""
    try:
        lines = pairs.read_text(encoding="utf-8-sig").split("\n")  # splitlines() would cut inside strings
    except OSError as error:
        return [_failed(pairs, f"cannot be read ({error.strerror}); check the path given with --pairs")]
    except UnicodeDecodeError:
        return [_failed(pairs, "not text in UTF-8; save it in UTF-8, one JSON object a line")]
    items = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                items.append(_item_of_line(line, pairs))
            except InputError as error:
                items.append(_failed(Path(f"{pairs}:{number}"), str(error)))
    return items or [_failed(pairs, "holds no line; write one JSON object a line")]


def _item_of_line(line: str, pairs: Path) -> Item:
    """The item of one JSON line; raises InputError (what is wrong and what to do, without the file's name)."""
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON ({error.msg} at column {error.colno}); mend or remove this line") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, lists a thousand deep
        raise InputError(
            "not JSON that can be read, a number is too long or lists are too deep; mend this line"
        ) from error
    if not isinstance(record, dict):
        raise InputError('not a JSON object; write {"midi": PATH, "wav": PATH}')
    record = _with_path_sorted_in(record)
    files = {}
    for key in ("midi", "wav"):
        value = record.get(key)
        files[key] = None if value is None else _locate(_path_of(key, value), pairs)
    if files["midi"] is None and files["wav"] is None:
        raise InputError('names no file; give "midi", "wav" or "path"')
    unknown = sorted(record.keys() - PAIR_KEYS)
    return Item(
        id=str(record["id"] if record.get("id") is not None else record.get("midi") or record["wav"]),
        group=None if record.get("group") is None else str(record["group"]),
        warnings=(f"unknown keys in the pairs file are ignored: {', '.join(unknown)}",) if unknown else (),
        **files,
    )


def _with_ids_of_their_own(items: Iterable[Item]) -> Iterator[Item]:
    """Of items with one id the first stays; the others are numbered, and say what is wrong."""
    used: set[str] = set()
    numbers: dict[str, Iterator[int]] = defaultdict(lambda: count(2))
    for item in items:
        if item.id in used:
            problem = f"{item.id}: another item has this id; give each its own in the pairs file."
            numbered = next(name for number in numbers[item.id] if (name := f"{item.id} ({number})") not in used)
            item = replace(item, id=numbered, midi=None, wav=None, problem=item.problem or problem)
        used.add(item.id)
        yield item


def _path_of(key: str, value: Any) -> str:
    """A JSON value as a path; raises InputError where it is no text that the file system can take as a name."""
    refusal = InputError(f'"{key}" is {json.dumps(value):.80}, which is no path; write "{key}": "PATH"')
    if not isinstance(value, str) or not value or "\0" in value:
        raise refusal
    try:
        os.fsencode(value)
    except UnicodeEncodeError as error:
        raise refusal from error
    return value


def _with_path_sorted_in(record: dict[str, Any]) -> dict[str, Any]:
    """Put Audiobox's "path" where its suffix says: under "midi" or "wav"."""
    if record.get("path") is None:
        return record
    if record.get("midi") is not None or record.get("wav") is not None:
        raise InputError('"path" stands beside "midi" or "wav"; give one or the other')
    path = _path_of("path", record["path"])
    return {**record, "midi" if _is_midi(Path(path)) else "wav": path}


def _locate(value: str, pairs: Path) -> Path:
    """A relative path counts from the working directory, or, where nothing is there, from the pairs file's folder."""
    path, beside_pairs = Path(value), pairs.parent / value
    try:
        return beside_pairs if not path.exists() and beside_pairs.exists() else path
    except OSError as error:
        raise InputError(f"{value} cannot be read ({error.strerror}); check the path and its permissions") from error
