"""Opening scorers of sound, LossCal's own and those that other packages bring, all by the protocol of `audio.scorer`.

A package brings one by an entry point of the group `losscal.scorers`. Its code is other people's: whatever it raises or
returns amiss is told in one sentence, and the rest of the report is made.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from math import isfinite
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audio.scorer import Description, Scorer
from losscal.errors import InputError, WeightsError

if TYPE_CHECKING:
    from audio.signal.waveform import Sound

GROUP = "losscal.scorers"
OWN = {
    "spectral_lm": "audio.spectral.scoring:SpectralLMScorer",
    "musicgen": "audio.musicgen.scoring:MusicGenScorer",
    "audiobox": "audio.audiobox:AudioboxScorer",
}


@dataclass(frozen=True)
class AudioView:
    """A scorer that is open: `score` takes a Sound and returns the view's keys in the report, or raises InputError."""

    name: str
    description: Description
    score: Callable[["Sound"], Mapping[str, Any]]


def open_own(name: str, weights: str | Path | None = None) -> AudioView:
    """One of OWN; raises InputError where its weights are not to be had, WeightsError where they are broken."""
    scorer = EntryPoint(name, OWN[name], GROUP).load().load(weights)
    return AudioView(name, scorer.describe(), scorer.score)


def installed_plugins() -> dict[str, list[EntryPoint]]:
    """The entry points that installed packages bring, by the name of their view; nothing of them is imported."""
    found: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=GROUP):
        found.setdefault(entry.name, []).append(entry)
    return found


def packages_of(entries: Sequence[EntryPoint]) -> str:
    """The packages that bring `entries`, with their versions, in words."""
    return " and ".join(sorted(f"{entry.dist.name} {entry.dist.version}" for entry in entries))


def open_plugin(entries: Sequence[EntryPoint], weights: str | None = None) -> AudioView:
    """The scorer behind a name's entry points.

    Raises InputError, whatever is wrong with it, and where more than one package brings the name.
    """
    entry, package = entries[0], packages_of(entries)
    if len(entries) > 1:
        raise InputError(f"{entry.name}: {package} all bring a scorer of this name; uninstall all but one.")
    plugin = f"{entry.name} (of {package})"
    with _told_in_one_sentence(plugin):
        scorer = entry.load().load(weights)
        description = scorer.describe()
    if not isinstance(description, Description):
        raise InputError(f"{plugin}: describe() gave no audio.scorer.Description; tell its author.")
    return AudioView(entry.name, description, partial(_figures, plugin, scorer))


def _figures(plugin: str, scorer: Scorer, sound: "Sound") -> dict[str, float]:
    """What a plug-in's `score` says, if it is what the protocol asks for; raises InputError else."""
    with _told_in_one_sentence(plugin):
        figures = scorer.score(sound)
    if not isinstance(figures, Mapping) or not figures:
        raise InputError(f"{plugin}: score() gave no figures by name for {sound.source}; tell its author.")
    for name, value in figures.items():
        if not isinstance(name, str) or not isinstance(value, Real) or not isfinite(value):
            raise InputError(f"{plugin}: {name} is {value!r} for {sound.source}, no finite number; tell its author.")
    return {name: float(value) for name, value in figures.items()}


@contextmanager
def _told_in_one_sentence(plugin: str) -> Iterator[None]:
    try:
        yield
    except (InputError, WeightsError) as error:
        raise InputError(f"{plugin}: {error}") from error
    except Exception as error:  # other people's code may raise anything
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise InputError(f"{plugin}: failed ({reason}); tell its author.") from error
