"""What other installed packages bring by entry points. Their code may raise anything: it is told in one sentence."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from losscal.errors import InputError, WeightsError, in_words


def installed(group: str) -> dict[str, list[EntryPoint]]:
    """The entry points of a group by their names; nothing of them is imported."""
    found: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=group):
        found.setdefault(entry.name, []).append(entry)
    return found


def packages_of(entries: Sequence[EntryPoint]) -> str:
    """The packages that bring `entries`, with their versions, in words."""
    return " and ".join(sorted(f"{entry.dist.name} {entry.dist.version}" for entry in entries))


def plugin_words(entries: Sequence[EntryPoint]) -> str:
    """What a plug-in is called in sentences."""
    return f"{entries[0].name} (of {packages_of(entries)})"


def loaded(entries: Sequence[EntryPoint], kind: str) -> Any:
    """What the entry point of one name leads to; kind: "scorer", for the message.

    Raises InputError, whatever is wrong with it, and where more than one package brings the name.
    """
    if len(entries) > 1:
        raise InputError(
            f"{entries[0].name}: {packages_of(entries)} all bring a {kind} of this name; uninstall all but one."
        )
    with told_in_one_sentence(plugin_words(entries)):
        return entries[0].load()


@contextmanager
def told_in_one_sentence(plugin: str) -> Iterator[None]:
    """Whatever a plug-in raises becomes an InputError that names it."""
    try:
        yield
    except (InputError, WeightsError) as error:
        raise InputError(f"{plugin}: {error}") from error
    except Exception as error:  # other people's code may raise anything
        raise InputError(f"{plugin}: failed ({in_words(error)}); tell its author.") from error
