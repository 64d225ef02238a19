"""The scores of a calibration: what each view and each baseline makes of a version, as costs, the lower the better.

A likelihood's cost is its nats or bits; what rises with quality is negated. A view's own name stands for the figure it
ranks by, which is gated (bridge.views.judgement); "VIEW: KEY" for its other figures; "baseline: NAME" for what any good
score must beat. What a score refuses has no cost from it and loses to all that has one.
"""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.calibration.cases import Version
from bridge.transcription.listening import RENDERING_RATE
from bridge.views.judgement import gated_cost, missing_references, percentiles_of
from bridge.views.notes import SymbolicScorer
from bridge.views.opening import OpenViews
from bridge.views.sound import AudioView
from losscal import cli
from losscal.errors import InputError
from losscal.views import HEARD, View
from symbolic.notes.looping import is_looped
from symbolic.notes.performance import TICK_SECONDS, Performance

if TYPE_CHECKING:
    from audio.signal.waveform import Sound, Waveform

NoteJudge = Callable[[Sequence[Performance], float], list[Mapping[str, float]]]
"""Versions of an excerpt that is played so many seconds to the costs of each, by score."""
SoundJudge = Callable[["Waveform"], Mapping[str, float]]
"""A sound to its costs by score; raises InputError where it refuses the sound."""
Record = dict[str, dict[str, dict[str, float]]]
"""Costs of one excerpt: {"notes" or "sound": {version: {score: cost}}}, a score that refuses the version left out."""

DEFAULT_SAMPLE_RATE = 16_000
BASELINE = "baseline: "
UNDIRECTED = tuple(BASELINE + name for name in ("note density", "compressed bits/note", "RMS", "compressed bits/s"))
"""Baselines of which nobody can say beforehand whether music has more or less of it than what is no music."""


@dataclass(frozen=True)
class Panel:
    """All judges."""

    of_notes: tuple[NoteJudge, ...]
    of_sound: tuple[SoundJudge, ...]

    def record(self, versions: Iterable[Version], seconds: float) -> Record:
        """The costs of versions that are played so many seconds; a sound is made only where a judge will hear it."""
        notes: dict[str, Performance] = {}
        of_sound: dict[str, dict[str, float]] = {}
        for version in versions:
            if version.notes is not None:
                notes[str(version.case)] = version.notes
            if self.of_sound and version.sound is not None:
                of_sound[str(version.case)] = _heard(version.sound(), self.of_sound)
        of_notes: dict[str, dict[str, float]] = {name: {} for name in notes}
        for judge in self.of_notes:
            for name, costs in zip(notes, judge(list(notes.values()), seconds), strict=True):
                of_notes[name] |= _finite(costs)
        return {"notes": of_notes, "sound": of_sound}


def sample_rate_of(views: OpenViews) -> int:
    """The rate in Hz to render at: the highest of the views that listen, and what a transcriber is given."""
    of_views = [view.description.sample_rate for view in views.audio.values()]
    of_listener = [] if views.listener is None else [RENDERING_RATE]
    return max([*of_views, *of_listener], default=DEFAULT_SAMPLE_RATE)


def open_panel(views: OpenViews) -> Panel:
    """The judges of views that are open, of what their listener hears where they have one, and the baselines."""
    for view in views.declared.values():
        for reason in missing_references(view, views.references, views.references_of(view)).values():
            cli.log(f"{reason} Nothing is beyond the references.")
    of_notes = [partial(_of_notes, scorer, views) for scorer in views.symbolic.values()]
    of_sound: list[SoundJudge] = [partial(_of_sound, view, views) for view in views.audio.values()]
    if views.listener is not None:
        of_sound.append(partial(_of_heard_notes, views))
    return Panel((*of_notes, _note_baselines), (*of_sound, _sound_baselines) if of_sound else ())


def trained_on(views: OpenViews, weights: Path | None) -> dict[str, list[str]]:
    """The corruptions that a score's model has been trained on, by score: what a view ranks by, gated and as it is."""
    rules: dict[str, list[str]] = {}
    for name, view in views.declared.items():
        if view.trained_on is None:
            continue
        if of_view := list(view.trained_on(weights or view.weights.folder)):
            rules |= dict.fromkeys((name, f"{name}: {view.quantities[0].key}"), of_view)
    return rules


def is_view(score: str) -> bool:
    """Whether a score's name is that of a view, which stands for what the view ranks by."""
    return ":" not in score


def quantities_of(views: Iterable[View]) -> dict[str, str]:
    """What each view that ranks is measured by, as a key of the report."""
    quantities = {}
    for view in views:
        key = next((quantity.key for quantity in view.quantities if not quantity.of_sequenced), None)
        if key is not None:
            quantities[view.name] = f"{key}, gated" if view.references else key
    return quantities


def _of_notes(
    scorer: SymbolicScorer, views: OpenViews, performances: Sequence[Performance], seconds: float
) -> list[Mapping[str, float]]:
    scores = scorer.score(performances, excerpt=True)
    return [
        costs_of(scorer.view, of.report(), len(performance), views, is_looped=is_looped(performance))
        for of, performance in zip(scores, performances, strict=True)
    ]


def _of_sound(view: AudioView, views: OpenViews, sound: "Sound") -> Mapping[str, float]:
    return costs_of(view.view, view.score(sound), sound.seconds, views)


def _of_heard_notes(views: OpenViews, sound: "Waveform") -> Mapping[str, float]:
    """What the views of notes make of what is heard in a sound; raises InputError where no note is."""
    performance = views.listener.hear(sound).cleaned.performance
    costs: dict[str, float] = {}
    for view, scorer in views.scorers_of(HEARD):
        (score,) = scorer.score([performance], excerpt=True)
        costs |= costs_of(view, score.report(), len(performance), views)
    return costs


def costs_of(
    view: View, figures: Mapping[str, Any], length: float, views: OpenViews, *, is_looped: bool = False
) -> dict[str, float]:
    """What a view ranks by, gated, under the view's name; then each of its other figures under the figure's.

    Of a view that ranks by nothing all figures, or those that it declares for it. is_looped: its notes are.
    """
    percentiles = percentiles_of(view, figures, length, views.references, views.references_of(view))
    known = {**figures, **percentiles}
    costs = {}
    quantity = view.quantity([figures])
    if quantity is not None:
        costs[view.name] = gated_cost(view, _cost(view, quantity.key, known), percentiles, is_looped=is_looped)
    keys = view.calibrated or (() if quantity is not None else tuple(figures))
    return costs | {f"{view.name}: {key}": _cost(view, key, known) for key in keys if known.get(key) is not None}


def _cost(view: View, key: str, figures: Mapping[str, Any]) -> float:
    """A figure, the lower the better; of what nobody has declared more is better."""
    is_lower_better = any(figure.key == key and not figure.higher_is_better for figure in view.figures)
    return figures[key] if is_lower_better else -figures[key]


def _note_baselines(performances: Sequence[Performance], seconds: float) -> list[Mapping[str, float]]:
    """Notes struck a second, and the bits a note that zlib needs for them."""
    costs = []
    for performance in performances:
        notes = performance.notes
        n_struck = int((notes["onset_ticks"] * TICK_SECONDS < seconds).sum())
        columns = [np.diff(notes["onset_ticks"], prepend=0), *(notes[name] for name in notes.dtype.names[1:])]
        n_bytes = len(zlib.compress(b"".join(column.tobytes() for column in columns), level=9))
        costs.append(
            {
                BASELINE + "note density": n_struck / seconds,
                BASELINE + "compressed bits/note": 8 * n_bytes / len(notes),
            }
        )
    return costs


def _sound_baselines(sound: "Waveform") -> Mapping[str, float]:
    """The root mean square of the samples, and the bits a second that zlib needs for the frames of spectral_lm."""
    from audio.spectral.frames import quantised_frames

    level = float(np.sqrt(np.mean(sound.samples.astype(np.float64) ** 2)))
    n_bytes = len(zlib.compress(quantised_frames(sound).tobytes(), level=9))
    return {BASELINE + "RMS": level, BASELINE + "compressed bits/s": 8 * n_bytes / sound.seconds}


def _heard(sound: "Waveform", judges: Sequence[SoundJudge]) -> dict[str, float]:
    """The costs of a sound, those left out whose judge refuses it."""
    costs: dict[str, float] = {}
    for judge in judges:
        try:
            costs |= _finite(judge(sound))
        except InputError as error:
            cli.log(f"refused: {error}")
    return costs


def _finite(costs: Mapping[str, float]) -> dict[str, float]:
    """Costs that are numbers; what is beyond the references is as good as refused."""
    return {score: cost for score, cost in costs.items() if isfinite(cost)}
