"""The columns of the audio ranking: what each score makes of a take, as costs, of which the lower is the better.

A likelihood's cost is its nats a second; what rises with quality is negated. What a score refuses, silence for one, has
no cost from it and so loses to all that has one.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from benchmarks.audio_cases import Take
from losscal.cli import log
from losscal.errors import InputError
from losscal.references import ViewReference, typicality

if TYPE_CHECKING:
    from audio.waveform import Sound

Judge = Callable[[Take], Mapping[str, float]]
"""A take to its costs by column; raises InputError where it refuses the sound."""
Score = Callable[["Sound"], Mapping[str, Any]]
"""A sound to a view's figures in the report."""

OURS, BACKGROUND = "spectral_lm", "spectral_lm_background"
LLR = "LLR/s"
RATES = ("nll_nats_per_second", "bound_nats_per_second")
"""What a likelihood's nats a second are called in the report."""
UNDIRECTED = ("note density", "RMS", "compressed bits/s")
"""Baselines of which nobody can say beforehand whether music has more or less of it than what is no music."""


class Panel(NamedTuple):
    """All judges, the rate in Hz to render at, and the corruptions that the background model was trained on."""

    judges: tuple[Judge, ...]
    sample_rate: int
    rules: frozenset[str]


def ours(score: Score, reference: ViewReference | None, take: Take) -> dict[str, float]:
    """Of spectral_lm: the ratio to its background, how typical it is among held-out windows, and the raw nats."""
    figures = score(take.sound)
    costs = {LLR: -figures["llr_nats_per_second"]}
    if reference is not None:
        percentile = reference.percentile(take.sound.seconds, figures[reference.statistic])
        costs["typicality"] = -typicality(percentile)
    return costs | {"nats/s": figures["nll_nats_per_second"]}


def density_and_level(take: Take) -> dict[str, float]:
    """Notes struck a second, and the root mean square of the samples."""
    samples = take.sound.samples.astype(np.float64)
    return {"note density": take.n_struck / take.sound.seconds, "RMS": float(np.sqrt(np.mean(samples**2)))}


def compressed_bits(take: Take) -> dict[str, float]:
    """Bits a second that zlib needs for the very frames of which spectral_lm gives the nats."""
    from audio.frames import quantised_frames

    n_bytes = len(zlib.compress(quantised_frames(take.sound).tobytes(), level=9))
    return {"compressed bits/s": 8 * n_bytes / take.sound.seconds}


def another_view(name: str, score: Score, take: Take) -> dict[str, float]:
    """Any other view: its nats a second, or where it is no likelihood each of its figures, higher for better."""
    figures = score(take.sound)
    nats = {f"{name} nats/s": figures[key] for key in RATES if key in figures}
    return nats or {f"{name} {key}": -value for key, value in figures.items()}


def costs_of(take: Take, judges: Sequence[Judge]) -> dict[str, float]:
    """The costs of a take by column, those left out whose judge refuses it."""
    costs: dict[str, float] = {}
    for judge in judges:
        try:
            costs |= judge(take)
        except InputError as error:
            log(f"refused: {error}")
    return costs


def open_panel(weights: Path | None, checkpoints: Sequence[str], *, with_diffusion: bool) -> Panel:
    """spectral_lm and the baselines, then the views of --checkpoint flags and, if asked for, the diffusion bound.

    weights: folder of the shipped views' weights where they are not the package's. Raises InputError where a view
    cannot be opened, WeightsError where weights are broken or the background model's are missing.
    """
    from bridge.views import checkpoints_of, open_views, weights_folder
    from losscal.weights import load_weights

    _, story = load_weights(weights_folder(OURS, weights) / f"{BACKGROUND}.safetensors", kind=BACKGROUND)
    views = open_views([OURS], weights, checkpoints_of(checkpoints))
    if views.unavailable:
        raise InputError(" ".join(views.unavailable.values()))
    missing = views.references.missing_because(OURS, views.weights[OURS])
    if missing is not None:
        log(missing)
    reference = None if missing is not None else views.references.by_view[OURS]
    scores = {name: view.score for name, view in views.audio.items() if name != OURS}
    if with_diffusion:
        from audio.diffusion_scoring import DiffusionScorer

        scores["diffusion"] = DiffusionScorer.load(weights).score
    return Panel(
        (
            partial(ours, views.audio[OURS].score, reference),
            density_and_level,
            compressed_bits,
            *(partial(another_view, name, score) for name, score in scores.items()),
        ),
        max(view.description.sample_rate for view in views.audio.values()),
        frozenset(story["frames"]["shuffle"]["rules"]),
    )
