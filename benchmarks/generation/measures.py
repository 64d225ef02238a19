"""What is measured of a set of pieces, and what of it stands in the tables of `benchmarks.generation`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log as ln
from typing import TYPE_CHECKING

import numpy as np

from bridge.views.opening import SYMBOLIC_VIEWS
from losscal.statistics import interval_text, ratio, with_interval
from symbolic.memorisation import USUAL_SHARE, TrainingMelodies
from symbolic.notes.descriptors import (
    DISTRIBUTIONS,
    key_clarity,
    longest_silence,
    pitch_class_bits,
    pitch_classes,
    pitch_classes_by_window,
    self_similarity,
)
from symbolic.notes.melodies import Melodies
from symbolic.notes.performance import Performance
from symbolic.notes.typicality import LAGS_SECONDS, REPEATED_NOTES

if TYPE_CHECKING:
    from audio.metrics.distances import Moments
    from audio.metrics.embeddings import Embedder
    from symbolic.scoring.likelihood import SymbolicScorer

FAR_SECONDS = 60
WINDOW_SECONDS, WINDOW_NOTES = 10, 8
"""Windows that pitch classes are counted in, and the fewest notes of one that counts."""
RENDER_SAMPLE_RATE = 32_000
DISTRIBUTION_HEADER = ("music", *DISTRIBUTIONS, "FAD")
STRUCTURE_HEADER = (
    "music",
    "notes/s",
    *(f"alike after {lag} s" for lag in LAGS_SECONDS),
    f"repeated runs of {REPEATED_NOTES}",
    "longest copy: median",
    f"{USUAL_SHARE:.0%}",
    "most",
    "near-copies",
    *(f"bits/note, {name}" for name in SYMBOLIC_VIEWS),
)

TIME_HEADER = (
    "music",
    f"alike after {FAR_SECONDS} s",
    "key clarity",
    f"key clarity in {WINDOW_SECONDS} s",
    "pitch class bits",
    f"pitch class bits in {WINDOW_SECONDS} s",
    "longest silence, s",
    f"most notes/s in {WINDOW_SECONDS} s",
)


@dataclass(frozen=True)
class Measures:
    """What is known of a set of P pieces; pairs are a numerator and a denominator by piece, float64 [P, 2].

    distributions: counts [P, bins] by name. pairs: of the other tables' ratios, by column. longest_copies: int64 [P].
    states: of the renderings, None where none were made.
    """

    distributions: Mapping[str, np.ndarray]
    pairs: Mapping[str, np.ndarray]
    longest_copies: np.ndarray
    states: "Moments | None"


@dataclass(frozen=True)
class Instruments:
    """What pieces are measured with.

    sound_seconds: how much of each is rendered for the embedder, where there is one.
    """

    training: TrainingMelodies
    scorers: Sequence["SymbolicScorer"]
    embedder: "Embedder | None"
    sound_seconds: float

    def measure(self, music: Sequence[Performance]) -> Measures:
        """All measures of a set of pieces."""
        pairs = {"notes/s": np.array([(len(piece), piece.seconds) for piece in music])}
        for lag in (*LAGS_SECONDS, FAR_SECONDS):
            pairs[f"alike after {lag} s"] = np.stack([self_similarity(piece, lag) for piece in music])
        pairs[f"repeated runs of {REPEATED_NOTES}"] = Melodies(music).repeats(REPEATED_NOTES).astype(np.float64)
        pairs |= pairs_over_time(music)
        for scorer in self.scorers:
            bits = [(score.nll_nats / ln(2), score.notes) for score in scorer.score(music)]
            pairs[f"bits/note, {scorer.name}"] = np.array(bits)
        return Measures(
            {name: np.stack([count(piece) for piece in music]) for name, count in DISTRIBUTIONS.items()},
            pairs,
            self.training.longest_runs(music),
            None if self.embedder is None else self._states(music),
        )

    def _states(self, music: Sequence[Performance]) -> "Moments":
        from audio.metrics.distances import Moments
        from bridge.references import render_window

        renderings = (render_window(piece, self.sound_seconds, RENDER_SAMPLE_RATE) for piece in music)
        return Moments.of(np.concatenate([self.embedder.embed(sound) for sound in renderings]))


def pairs_over_time(music: Sequence[Performance]) -> dict[str, np.ndarray]:
    """By column of the third table, sums and numbers of what is averaged, float64 [P, 2]."""
    pairs: dict[str, list[tuple[float, float]]] = {}

    def add(column: str, values: np.ndarray) -> None:
        pairs.setdefault(column, []).append((float(np.sum(values)), float(np.size(values))))

    for piece in music:
        whole, windows = pitch_classes(piece), pitch_classes_by_window(piece, WINDOW_SECONDS, WINDOW_NOTES)
        add("key clarity", key_clarity(whole))
        add(f"key clarity in {WINDOW_SECONDS} s", key_clarity(windows))
        add("pitch class bits", pitch_class_bits(whole))
        add(f"pitch class bits in {WINDOW_SECONDS} s", pitch_class_bits(windows))
        add("longest silence, s", np.array(longest_silence(piece)))
        add(f"most notes/s in {WINDOW_SECONDS} s", windows.sum(axis=1).max(initial=0) / np.array(WINDOW_SECONDS))
    return {column: np.array(of) for column, of in pairs.items()}


def distribution_row(name: str, measures: Measures, reference: Measures) -> list[str]:
    """A line of the first table."""
    from audio.metrics.distances import frechet_distance, jensen_shannon

    def divergence_from(expected: np.ndarray) -> Callable[[np.ndarray], float]:
        return lambda rows: jensen_shannon(rows.sum(axis=0), expected) ** 2

    cells = [
        with_interval(counts, divergence_from(reference.distributions[of].sum(axis=0)), ".3f")
        for of, counts in measures.distributions.items()
    ]
    fad = "" if measures.states is None else f"{frechet_distance(reference.states, measures.states):.3f}"
    return [name, *cells, fad]


def time_row(name: str, measures: Measures) -> list[str]:
    """A line of the third table."""
    return [name, *(interval_text(ratio(*measures.pairs[column].T), ".2f") for column in TIME_HEADER[1:])]


def structure_row(name: str, measures: Measures, usual_copy: float) -> list[str]:
    """A line of the second table; copies longer than `usual_copy` notes are near-copies."""
    copies = measures.longest_copies
    cells = {column: interval_text(ratio(*pair.T), ".2f") for column, pair in measures.pairs.items()}
    cells |= {
        "longest copy: median": f"{np.median(copies):.0f}",
        f"{USUAL_SHARE:.0%}": f"{np.quantile(copies, USUAL_SHARE):.0f}",
        "most": str(copies.max()),
        "near-copies": f"{(copies > usual_copy).mean():.0%}",
    }
    return [name, *(cells[column] for column in STRUCTURE_HEADER[1:])]
