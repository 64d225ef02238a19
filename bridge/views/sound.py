"""Views of sound that are open, LossCal's own and those of other packages, by the protocol of `audio.scorer`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from audio.scorer import Description, Scorer
from bridge.views.declarations import checked_figures
from losscal.errors import InputError
from losscal.plugins import told_in_one_sentence
from losscal.views import View

if TYPE_CHECKING:
    from audio.signal.waveform import Sound


@dataclass(frozen=True)
class AudioView:
    """A scorer that is open: `score` takes a Sound and returns the view's keys in the report, or raises InputError."""

    view: View
    description: Description
    score: Callable[["Sound"], Mapping[str, Any]]

    @property
    def name(self) -> str:
        """Of the view."""
        return self.view.name


def open_plugin_of_sound(view: View, plugin: str, weights: str | None) -> AudioView:
    """A view that a package declares; raises InputError, whatever is wrong with it. plugin: what it is called then."""
    with told_in_one_sentence(plugin):
        scorer = view.load(weights)
        description = scorer.describe()
    if not isinstance(description, Description):
        raise InputError(f"{plugin}: describe() gave no audio.scorer.Description; tell its author.")
    return AudioView(replace(view, unit=description.unit), description, partial(_figures, plugin, scorer))


def _figures(plugin: str, scorer: Scorer, sound: "Sound") -> dict[str, float]:
    """What a plug-in's `score` says, if it is what the protocol asks for; raises InputError else."""
    with told_in_one_sentence(plugin):
        figures = scorer.score(sound)
    return checked_figures(plugin, figures, str(sound.source))
