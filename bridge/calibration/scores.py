"""The scores of a calibration: what each view and each baseline makes of a version, as costs, the lower the better.

A likelihood's cost is its nats or bits; what rises with quality is negated. A view's own name stands for the figure it
ranks by, which is gated (bridge.views.judgement); "VIEW: KEY" for its other figures; "baseline: NAME" for what any good
score must beat. What a score refuses has no cost from it and loses to all that has one.
"""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite, log
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.calibration.cases import Version
from bridge.views.judgement import gated_cost
from bridge.views.opening import OpenViews, weights_folder
from losscal import cli
from losscal.errors import InputError
from losscal.references import LLR_SUFFIX, ViewReference, typicality
from symbolic.notes.performance import TICK_SECONDS, Performance

if TYPE_CHECKING:
    from audio.signal.waveform import Sound, Waveform
    from symbolic.scoring.likelihood import SymbolicScore

NoteJudge = Callable[[Sequence[Performance], float], list[Mapping[str, float]]]
"""Versions of an excerpt that is played so many seconds to the costs of each, by score."""
SoundJudge = Callable[["Waveform"], Mapping[str, float]]
"""A sound to its costs by score; raises InputError where it refuses the sound."""
Record = dict[str, dict[str, dict[str, float]]]
"""Costs of one excerpt: {"notes" or "sound": {version: {score: cost}}}, a score that refuses the version left out."""

OURS, BACKGROUND = "spectral_lm", "spectral_lm_background"
DEFAULT_SAMPLE_RATE = 16_000
RATES = ("nll_nats_per_second", "bound_nats_per_second")
"""What a likelihood's nats a second are called in the report."""
QUANTITIES = {
    **dict.fromkeys(("events", "vqvae"), "bits_per_note, gated"),
    OURS: "llr_nats_per_second, gated",
}
"""What views rank by, where it is not their nats a second."""
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
    """The rate in Hz to render at: the highest of the views that listen."""
    return max((view.description.sample_rate for view in views.audio.values()), default=DEFAULT_SAMPLE_RATE)


def open_panel(views: OpenViews) -> Panel:
    """The judges of views that are open and the baselines of their kind."""
    of_notes = [
        partial(_view_of_notes, name, scorer.score, _reference(views, name)) for name, scorer in views.symbolic.items()
    ]
    of_sound: list[SoundJudge] = []
    for name, view in views.audio.items():
        if name == OURS:
            references = _reference(views, name), _reference(views, name + LLR_SUFFIX)
            of_sound.append(partial(_spectral_lm, view.score, *references))
        else:
            of_sound.append(partial(_other_view, name, view.score))
    return Panel((*of_notes, _note_baselines), (*of_sound, _sound_baselines) if of_sound else ())


def trained_on(views: OpenViews, weights: Path | None) -> dict[str, list[str]]:
    """The corruptions that a score's model has been trained on, by score: those of spectral_lm's background."""
    from losscal.weights import load_weights

    path = weights_folder(OURS, weights) / f"{BACKGROUND}.safetensors"
    if OURS not in views.audio or not path.is_file():
        return {}
    _, story = load_weights(path, kind=BACKGROUND)
    rules = sorted(story["frames"]["shuffle"]["rules"])
    return {OURS: rules, f"{OURS}: llr_nats_per_second": rules}


def is_view(score: str) -> bool:
    """Whether a score's name is that of a view, which stands for what the view ranks by."""
    return ":" not in score


def quantity_of(score: str) -> str:
    """What a score is of: a key of the report, for a baseline its name."""
    view, _, key = score.partition(": ")
    return key or QUANTITIES.get(view, RATES[0])


def _reference(views: OpenViews, name: str) -> ViewReference | None:
    """The references of that name, None and a word on stderr where there are none of these weights."""
    missing = views.references.missing_because(name, views.weights.get(name.removesuffix(LLR_SUFFIX), ""))
    if missing is not None:
        cli.log(f"{missing} Nothing is beyond the references.")
        return None
    return views.references.by_view[name]


def _percentile(reference: ViewReference | None, length: float, value: float | None) -> float | None:
    return None if reference is None or value is None else reference.percentile(length, value)


def _view_of_notes(
    name: str,
    score: Callable[..., list["SymbolicScore"]],
    reference: ViewReference | None,
    performances: Sequence[Performance],
    seconds: float,
) -> list[Mapping[str, float]]:
    """Of a view of notes: bits a note, gated and as they are, and those of the pitches."""
    return [
        {
            name: gated_cost(of.bits_per_note, _percentile(reference, of.notes, of.nll_nats_per_note)),
            f"{name}: bits_per_note": of.bits_per_note,
            f"{name}: pitch_bits_per_note": of.by_attribute["pitch"] / of.notes / log(2),
        }
        for of in score(performances, excerpt=True)
    ]


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


def _spectral_lm(
    score: Callable[["Sound"], Mapping[str, Any]],
    reference: ViewReference | None,
    llr_reference: ViewReference | None,
    sound: "Sound",
) -> Mapping[str, float]:
    """The ratio to the background, gated and as it is, how typical the sound is, and its raw nats.

    Without a background the raw nats are gated.
    """
    figures = score(sound)
    nats, ratio = figures["nll_nats_per_second"], figures["llr_nats_per_second"]
    percentile = _percentile(reference, sound.seconds, nats)
    gate = percentile, _percentile(llr_reference, sound.seconds, ratio)
    costs = {OURS: gated_cost(nats if ratio is None else -ratio, *gate)}
    if ratio is not None:
        costs[f"{OURS}: llr_nats_per_second"] = -ratio
    if percentile is not None:
        costs[f"{OURS}: typicality"] = -typicality(percentile)
    return costs | {f"{OURS}: nll_nats_per_second": nats}


def _other_view(name: str, score: Callable[["Sound"], Mapping[str, Any]], sound: "Sound") -> Mapping[str, float]:
    """Any other view: its nats a second, or where it is no likelihood each of its figures, higher for better."""
    figures = score(sound)
    nats = next((figures[key] for key in RATES if key in figures), None)
    return {f"{name}: {key}": -value for key, value in figures.items()} if nats is None else {name: nats}


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
