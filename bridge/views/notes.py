"""Views of notes that are open: LossCal's own scorers as they are, those of other packages behind the same methods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from bridge.views.declarations import checked_figures
from losscal.errors import InputError
from losscal.plugins import told_in_one_sentence
from losscal.views import View
from symbolic.scoring.views import NOTE_PART

if TYPE_CHECKING:
    from symbolic.notes.performance import Performance
    from symbolic.scoring.scorer import Scorer


class NotesScore(Protocol):
    """What a view says of one Performance of N notes."""

    def report(self) -> dict[str, Any]:
        """The view's keys in the report; raises InputError where a plug-in fails."""
        ...

    def note_columns(self) -> dict[str, np.ndarray]:
        """The nats of each note by part, float64 [N] each; empty of what is no likelihood of notes."""
        ...


class SymbolicScorer(Protocol):
    """A view of notes that is open."""

    name: str
    view: View
    context_policy: str
    weights_sha256: str | None

    def score(self, performances: Sequence["Performance"], *, excerpt: bool = False) -> Sequence[NotesScore]:
        """Scores of the same order."""
        ...


@dataclass(frozen=True)
class PluginScore:
    """What a plug-in says of one Performance, asked when it is read: so one that fails on it fails for it alone.

    plugin: what it is called where something is wrong with it.
    """

    plugin: str
    scorer: "Scorer"
    performance: "Performance"

    def report(self) -> dict[str, Any]:
        """The figures; raises InputError where the plug-in fails, or gives what the protocol does not ask for."""
        if self.note_nats is None:
            return checked_figures(self.plugin, self._answer, "these notes")
        return _likelihood_figures(self.note_nats, self.performance.seconds)

    def note_columns(self) -> dict[str, np.ndarray]:
        """The nats of each note as one part."""
        return {} if self.note_nats is None else {NOTE_PART: self.note_nats}

    @cached_property
    def note_nats(self) -> np.ndarray | None:
        """Float64 [N]; None where it gave figures."""
        if isinstance(self._answer, Mapping):
            return None
        with told_in_one_sentence(self.plugin):
            nats = np.asarray(self._answer, dtype=np.float64)
        if nats.shape != (len(self.performance),) or not np.isfinite(nats).all():
            raise InputError(
                f"{self.plugin}: score() gave neither figures by name nor finite nats of each note; tell its author."
            )
        return nats

    @cached_property
    def _answer(self) -> Any:
        with told_in_one_sentence(self.plugin):
            return self.scorer.score(self.performance)


@dataclass(frozen=True)
class PluginOfNotes:
    """A plug-in of notes behind the methods of our own."""

    view: View
    plugin: str
    scorer: "Scorer"
    context_policy: str
    weights_sha256: str | None

    @property
    def name(self) -> str:
        """Of the view."""
        return self.view.name

    def score(self, performances: Sequence["Performance"], *, excerpt: bool = False) -> list[PluginScore]:
        """A score of each; a plug-in is not told whether the music is cut out of a longer piece."""
        return [PluginScore(self.plugin, self.scorer, performance) for performance in performances]


def _likelihood_figures(nats: np.ndarray, seconds: float) -> dict[str, float]:
    """The figures of a likelihood, of the nats of its notes [N], as symbolic.scoring.views declares them."""
    total = float(nats.sum())
    return {
        "nll_nats": total,
        "nll_nats_per_note": total / len(nats),
        "bits_per_note": total / len(nats) / float(np.log(2.0)),
        "nll_nats_per_second": total / seconds,
    }


def open_plugin_of_notes(view: View, plugin: str, weights: str | None) -> PluginOfNotes:
    """A view that a package declares; raises InputError, whatever is wrong with it."""
    from symbolic.scoring.scorer import Description

    with told_in_one_sentence(plugin):
        scorer = view.load(weights)
        description = scorer.describe()
    if not isinstance(description, Description):
        raise InputError(f"{plugin}: describe() gave no symbolic.scoring.scorer.Description; tell its author.")
    return PluginOfNotes(view, plugin, scorer, description.context_policy, description.weights_sha256)
