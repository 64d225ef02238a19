"""Which items are versions of one piece, and which of them the others are held against.

An item's group is, in this order: the one named in the pairs file; with `--versions` the one that all others make; that
of `--reference FILE`, which all items without a named group are taken for versions of; the one its file's name tells.
Two files of one folder are versions by name where their stems are the same but for version marks at the end: v2, take
3, (bounce 4), mix, final, copy, new, Ori, (2). A number or a letter alone (RH_1, 1, _A, #2) may as well count movements
or studies: such files are versions where it is the same music too, see `bridge.versions.likeness`. What is nothing but
a mark (v1.mid, 2.mid) belongs to its folder. A group is called by the stem, and by as much of its folder as tells it
from the others.

The reference of a group is the one given, else the first whose name says original, orig, ori, reference, ref or v0,
else the first item.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bridge.items.finding import Item
from bridge.items.names import shortest_tails
from bridge.versions.likeness import alike_enough
from losscal.errors import InputError

_MARK = r"""(?:
    (?:(?<![^\W\d_])(?:v|ver|version|rev|take|bounce|bnc|mix|draft|edit|alt|try)[\s_.-]?\d+)
    | (?:(?<![^\W\d_])(?:original|orig|ori|reference|ref|bounce|mix|copy|draft|alt|final|master|edit|new|old)
         (?:[\s_.-]?\d+)?)
)"""
MARK = re.compile(
    rf"[\s_.,-]*(?: \((?:\d+ | {_MARK})\) | \[(?:\d+ | {_MARK})\] | {_MARK} )$", re.IGNORECASE | re.VERBOSE
)
"""A version mark at the end of a stem; the look-behind keeps the ends of words apart, "remix" or "salt"."""
COUNTER = re.compile(r"[\s_.,-]*#?\d+$|(?:^|[\s_.-]+)[a-h]$", re.IGNORECASE)
"""What may count versions, and movements as well."""
MOST_COUNTED = 64
"""More files that are told apart by a number alone are a collection."""
REFERENCE_NAME = re.compile(r"(?<![^\W\d_])(?:original|orig|ori|reference|ref|v0+)(?![^\W_])", re.IGNORECASE)
GIVEN, STEM, REFERENCE, ALL = "given", "stem", "reference", "all"
Likeness = Callable[[Sequence[Item], Item], tuple[int, ...] | None]
"""See `bridge.versions.likeness.alike_enough`."""


@dataclass(frozen=True)
class Group:
    """Versions of one piece: source is GIVEN, STEM, REFERENCE or ALL; members, in order, and reference: item numbers.

    assumed: a sentence on what was not said by the user.
    """

    name: str
    source: str
    members: tuple[int, ...]
    reference: int
    assumed: str | None = None


def find_groups(
    items: Sequence[Item],
    reference: str | Path | None = None,
    *,
    all_are_versions: bool = False,
    likeness: Likeness = alike_enough,
) -> list[Group]:
    """The groups of two items or more; raises InputError where the file `reference` is none of the items'.

    all_are_versions: what has no group of its own makes one.
    """
    given = None if reference is None else _number_of(Path(reference), items)
    named: dict[tuple[str, str, str], list[int]] = {}  # (source, folder, name) to item numbers
    counted: dict[tuple[str, str], list[int]] = {}  # (folder, name without marks and counters) to item numbers
    for number, item in enumerate(items):
        path = item.midi or item.wav
        if item.group is not None:
            named.setdefault((GIVEN, "", item.group), []).append(number)
        elif given is not None:
            named.setdefault(_group_of_reference(items[given]), []).append(number)
        elif path is not None and all_are_versions:
            named.setdefault((ALL, "", "versions"), []).append(number)
        elif path is not None:
            base, _ = split_mark(path.stem, with_counters=True)
            counted.setdefault((str(path.parent.absolute()), base.casefold()), []).append(number)
    groups = []
    for (source, _, name), members in named.items():
        if len(members) > 1:
            chosen = given if given in members else _likely_reference(items, members)
            groups.append(Group(name, source, tuple(members), chosen))
    for (folder, _), members in counted.items():
        groups += _by_name(items, folder, members, likeness)
    given_names = (item.group for item in items if item.group is not None)
    paths = {number: _path(items[group.members[0]]) for number, group in enumerate(groups) if group.source != GIVEN}
    whole = {number: str(Path(path.parent.absolute(), groups[number].name)) for number, path in paths.items()}
    names = shortest_tails([*given_names, *whole.values()])
    return [
        replace(group, name=names[whole[number]]) if number in whole else group for number, group in enumerate(groups)
    ]


def _by_name(items: Sequence[Item], folder: str, members: Sequence[int], likeness: Likeness) -> Iterator[Group]:
    """The groups of items of one folder whose names are the same but for marks and counters."""
    by_base: dict[str, list[int]] = {}  # without counters
    for number in members:
        by_base.setdefault(split_mark(_path(items[number]).stem)[0].casefold(), []).append(number)
    if len(by_base) > 1 and len(members) <= MOST_COUNTED:
        chosen = _likely_reference(items, members)
        others = [number for number in members if number != chosen]
        like = likeness([items[number] for number in others], items[chosen])
        if like is not None:
            base, _ = split_mark(_path(items[members[0]]).stem, with_counters=True)
            yield Group(
                base or Path(folder).name, STEM, tuple(members), chosen, _assumed(items, members, chosen, len(like))
            )
            return
    for of_base in by_base.values():
        if len(of_base) > 1 and any(split_mark(_path(items[number]).stem)[1] for number in of_base):
            base, _ = split_mark(_path(items[of_base[0]]).stem)
            yield Group(base, STEM, tuple(of_base), _likely_reference(items, of_base))


def _assumed(items: Sequence[Item], members: Sequence[int], chosen: int, n_like: int) -> str:
    name = _path(items[chosen]).name
    why = "its name says so" if REFERENCE_NAME.search(_path(items[chosen]).stem) else "it comes first"
    return (
        f"{len(members)} files are taken for versions of one piece: their names differ by a mark or number, and "
        f"{n_like} of the {len(members) - 1} others sound or read like {name}, which is the reference because {why}. "
        "Name another with --reference."
    )


def _path(item: Item) -> Path:
    return item.midi or item.wav


def split_mark(stem: str, *, with_counters: bool = False) -> tuple[str, str]:
    """A file's stem without version marks, and the marks; "" and all of it where there is nothing else.

    with_counters: a number or a letter alone is one, too.
    """
    base = stem
    while match := MARK.search(base) or (COUNTER.search(base) if with_counters else None):
        base = base[: match.start()]
    return base, stem[len(base) :]


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
