"""Which items are versions of one piece, and which of them the others are held against.

An item's group is, in this order: the one named in the pairs file; that of `--reference FILE`, which all items without
a named group are taken for versions of; the one its file's name tells. Two files of one folder are versions by name
where their stems are the same but for version marks at the end: v2, take 3, bounce4, mix, final, copy, original, (2).
A number alone is no mark, because movements and studies are numbered so; what is nothing but a mark (v1.mid, v2.mid)
belongs to its folder. A group is called by that stem, and by as much of its folder as tells it from the others.

The reference of a group is the one given, else the first whose name says original, orig, reference, ref or v0, else the
first item.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bridge.items.finding import Item
from bridge.items.names import shortest_tails
from losscal.errors import InputError

MARK = re.compile(
    r"""[\s_.,-]*(?:
        \(\d+\)
        | (?:(?<![^\W\d_])(?:v|ver|version|rev|take|bounce|bnc|mix|draft|edit|alt|try)[\s_.-]?\d+)
        | (?:(?<![^\W\d_])(?:original|orig|reference|ref|bounce|mix|copy|draft|alt|final|master|edit)(?:[\s_.-]?\d+)?)
    )$""",
    re.IGNORECASE | re.VERBOSE,
)
"""A version mark at the end of a stem; the look-behind keeps the ends of words apart, "remix" or "salt"."""
REFERENCE_NAME = re.compile(r"(?<![^\W\d_])(?:original|orig|reference|ref|v0+)(?![^\W_])", re.IGNORECASE)
GIVEN, STEM, REFERENCE = "given", "stem", "reference"


@dataclass(frozen=True)
class Group:
    """Versions of one piece: source is GIVEN, STEM or REFERENCE; members, in order, and reference are item numbers."""

    name: str
    source: str
    members: tuple[int, ...]
    reference: int


def find_groups(items: Sequence[Item], reference: str | Path | None = None) -> list[Group]:
    """The groups of two items or more; raises InputError where the file `reference` is none of the items'."""
    given = None if reference is None else _number_of(Path(reference), items)
    named: dict[tuple[str, str, str], list[int]] = {}  # (source, folder, name) to item numbers
    for number, item in enumerate(items):
        if item.group is not None:
            named.setdefault((GIVEN, "", item.group), []).append(number)
        elif given is not None:
            named.setdefault(_group_of_reference(items[given]), []).append(number)
        elif (path := item.midi or item.wav) is not None:
            base, _ = split_mark(path.stem)
            named.setdefault((STEM, str(path.parent.absolute()), base.casefold()), []).append(number)
    groups = []
    for (source, folder, name), members in named.items():
        if len(members) < 2 or (source == STEM and not any(_is_marked(items[number]) for number in members)):
            continue
        if source == STEM:
            name, _ = split_mark((items[members[0]].midi or items[members[0]].wav).stem)
        chosen = given if given in members else _likely_reference(items, members)
        name = name if source == GIVEN else str(Path(folder, name))
        groups.append(Group(name, source, tuple(members), chosen))
    given_names = (item.group for item in items if item.group is not None)
    names = shortest_tails([*given_names, *(group.name for group in groups)])
    return [group if group.source == GIVEN else replace(group, name=names[group.name]) for group in groups]


def split_mark(stem: str) -> tuple[str, str]:
    """A file's stem without version marks, and the marks; "" and all of it where there is nothing else."""
    base = stem
    while match := MARK.search(base):
        base = base[: match.start()]
    return base, stem[len(base) :]


def _is_marked(item: Item) -> bool:
    return bool(split_mark((item.midi or item.wav).stem)[1])


def _number_of(reference: Path, items: Sequence[Item]) -> int:
    """The number of the item that the file belongs to."""
    wanted = reference.resolve()
    for number, item in enumerate(items):
        if any(path is not None and path.resolve() == wanted for path in (item.midi, item.wav)):
            return number
    raise InputError(f"--reference {reference}: is none of the items; give it among the paths too.")


def _group_of_reference(item: Item) -> tuple[str, str, str]:
    """The group that all items without a named one join: the reference's own where it has one."""
    if item.group is not None:
        return GIVEN, "", item.group
    path = item.midi or item.wav
    return REFERENCE, str(path.parent.absolute()), path.stem


def _likely_reference(items: Sequence[Item], members: Sequence[int]) -> int:
    """The first member whose name says so, else the first."""
    for number in members:
        path = items[number].midi or items[number].wav
        if REFERENCE_NAME.search(path.stem if path is not None else items[number].id):
            return number
    return members[0]
