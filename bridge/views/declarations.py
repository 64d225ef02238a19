"""All declared views: LossCal's own, and those that other packages bring by an entry point.

The entry point, of the group `losscal.scorers`, leads to a `losscal.views.View`, or to the class of a scorer of sound
alone, whose figures are then found in what it returns. Its code is other people's: whatever it raises is told in one
sentence, and the rest of the report is made.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint
from math import isfinite
from numbers import Real
from typing import Any, NoReturn

from audio.audiobox import AUDIOBOX
from audio.musicgen.view import MUSICGEN
from audio.spectral.view import SPECTRAL_LM
from losscal.errors import InputError
from losscal.plugins import installed, loaded, plugin_words, told_in_one_sentence
from losscal.views import HEARD, HEARD_PREFIX, NOTES, SOUND, Figure, Half, View
from symbolic.scoring.views import EVENTS, VQVAE

GROUP = "losscal.scorers"
VIEWS: Mapping[str, View] = {view.name: view for view in (EVENTS, VQVAE, SPECTRAL_LM, MUSICGEN, AUDIOBOX)}
"""Our own, as they are asked for."""
REPORTED: Mapping[str, View] = {
    view.name: view
    for view in (
        *(of for of in VIEWS.values() if of.half == NOTES),
        *(of.of_heard_notes() for of in VIEWS.values() if of.half == NOTES),
        *(of for of in VIEWS.values() if of.half == SOUND),
    )
}
"""The same, and those of notes once more for heard ones, in the order of the report."""
ITEM_KEYS = frozenset(
    {"notes", "seconds", "repairs", "sequenced", "looped_share", "per_note"}
    | {"transcriber", "transcriber_version", "first_note_seconds"}
)
"""What else stands beside the views in the halves of a report's item."""


def installed_plugins() -> dict[str, list[EntryPoint]]:
    """The entry points that installed packages bring, by the name of their view; nothing of them is imported."""
    return installed(GROUP)


def plugin_view(entries: Sequence[EntryPoint]) -> View:
    """What a name's entry points declare.

    Raises InputError, whatever is wrong with it, and where more than one package brings the name.
    """
    entry, declared = entries[0], loaded(entries, "scorer")
    with told_in_one_sentence(plugin_words(entries)):
        if not isinstance(declared, View):
            declared = View(entry.name, SOUND, f"figures of {entry.name}", declared.load)
        if declared.name != entry.name:
            raise InputError(f"its entry point is {entry.name}, its view {declared.name}; tell its author.")
        if entry.name in ITEM_KEYS or entry.name.startswith(HEARD_PREFIX):
            raise InputError(f"no view can be called {entry.name}; tell its author.")
        if declared.half not in (NOTES, SOUND):
            raise InputError(f"it is of {declared.half!r}, no view is but of notes or sound; tell its author.")
    return declared


def half_of(name: str) -> Half:
    """What a view looks at; of a plug-in that cannot be asked, what most look at."""
    try:
        return view_named(name).half
    except InputError:
        return SOUND


def view_named(name: str) -> View:
    """One of ours, or else what an installed package declares; raises InputError where neither is there."""
    if name in REPORTED:
        return REPORTED[name]
    if name.startswith(HEARD_PREFIX):
        return view_named(name.removeprefix(HEARD_PREFIX)).of_heard_notes()
    entries = installed_plugins().get(name)
    if entries is None:
        raise InputError(f"{name}: no such view; install the package that brings it.")
    return plugin_view(entries)


def views_of(
    scored: Iterable[tuple[Half, Mapping[str, Mapping[str, Any]]]], units: Mapping[str, str]
) -> dict[str, View]:
    """Our views, then the plug-ins that gave any item of a report figures; what they did not declare stands behind.

    scored: halves of items, each with the figures of the views that gave some. units: of the figures of each view.
    """
    given: dict[str, tuple[Half, dict[str, None]]] = {}
    for half, views in scored:
        for key, figures in views.items():
            name = HEARD_PREFIX + key if half == HEARD else key
            if name not in REPORTED:
                numbers = (key for key, value in figures.items() if isinstance(value, Real))
                given.setdefault(name, (half, {}))[1].update(dict.fromkeys(numbers))
    plugins = installed_plugins() if given else {}
    found = {}
    for name, (half, keys) in given.items():
        unit = units.get(name)
        if not isinstance(unit, str) or not unit.strip():
            raise InputError(f"{name}: the report tells no unit of its figures; make the report again.")
        known = View(name, half, unit, _unknown)
        declared = view_named(name) if name.removeprefix(HEARD_PREFIX) in plugins else known
        names = {figure.key for figure in declared.figures}
        undeclared = (Figure(key, unit) for key in keys if key not in names)
        found[name] = replace(declared, unit=unit, figures=(*declared.figures, *undeclared))
    return {**REPORTED, **found}


def _unknown(weights: Any) -> NoReturn:
    raise InputError("a view of a report cannot be opened; install the package that brought it.")


def checked_figures(plugin: str, figures: Any, source: str) -> dict[str, float]:
    """A plug-in's figures of `source`, if they are finite numbers by name; raises InputError else."""
    if not isinstance(figures, Mapping) or not figures:
        raise InputError(f"{plugin}: score() gave no figures by name for {source}; tell its author.")
    for name, value in figures.items():
        if not isinstance(name, str) or not isinstance(value, Real) or not isfinite(value):
            raise InputError(f"{plugin}: {name} is {value!r} for {source}, no finite number; tell its author.")
    return {name: float(value) for name, value in figures.items()}
