"""What was done to a reference to get a version: all of it transposed, notes added, removed, moved in time and changed.

Three steps. A version in another key is brought into the reference's. Its clock is set to the reference's: the longest
common subsequence of their pitches gives pairs of times, and a line through these that half of them may contradict
(Theil and Sen) gives delay and tempo. Then notes are paired one to one and in order, key by key, so that the squared
distances in time are least; what is left over on both sides at one time is a note whose pitch was changed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from symbolic.notes.performance import TICK_SECONDS, VELOCITY_OF_BIN, Performance, name_of

ANCHOR_NOTES = 4000
"""The clocks are compared on so many notes from the beginning; bounds the memory of the common subsequence."""
SLOPES = 400
"""The line is drawn through at most so many pairs of times."""
LARGEST_TEMPO_RATIO = 1.5
SAME_MUSIC_SHARE = 0.5
"""Where fewer of the notes find their like, the clocks are not compared: both count from their first note."""
TRANSPOSED_SHARE = 0.75
"""Where fewer of the notes find their like in another key, each is told for itself."""
N_PITCHES = 128
REACH_SECONDS = 0.5
"""A note of the same key up to so far away is the same note, moved."""
CHORD_SECONDS = 0.05
"""Notes of different keys no further apart are one note, its pitch changed."""
SEMITONE_SECONDS = 0.0005
"""A semitone counts as much as half a millisecond where it is decided which note of a chord was changed."""
MOVED_SECONDS = 0.025
LENGTHENED_SECONDS, LENGTHENED_RATIO = 0.05, 1.1
"""Smaller changes are not told: rounding to the grid and another tempo leave as much."""
VELOCITY_BINS = 2
"""A velocity is changed by so many of 32 bins, beside what all notes got louder or softer: one is within rounding."""


@dataclass(frozen=True)
class Tolerance:
    """What is a difference: notes moved by more than `moved_seconds`; other lengths and velocities where `is_exact`."""

    moved_seconds: float = MOVED_SECONDS
    is_exact: bool = True


AS_READ = Tolerance()
AS_HEARD = Tolerance(moved_seconds=0.06, is_exact=False)
"""Recordings' clocks drift, and how long or how loud a note is heard to be depends on the sound."""


@dataclass(frozen=True)
class TimeMap:
    """When, by the reference's clock, something at a version's `seconds` happens: offset_seconds + slope * seconds."""

    slope: float = 1.0
    offset_seconds: float = 0.0

    def to_reference(self, seconds: np.ndarray) -> np.ndarray:
        """A version's times [n] by the reference's clock."""
        return self.offset_seconds + self.slope * seconds

    def to_version(self, seconds: np.ndarray) -> np.ndarray:
        """The inverse."""
        return (seconds - self.offset_seconds) / self.slope


@dataclass(frozen=True)
class Edit:
    """One difference; kind: "added", "removed", "moved", "changed", or of all notes at once "transposed".

    note, reference_note: indices into the version's and the reference's notes, None where there is none; the first ones
    where all are meant. seconds: its onset in the version, or where it would be. text: what it is, in a few words.
    reference_seconds: the same moment by the reference's clock; None in reports that do not tell it.
    """

    kind: str
    note: int | None
    reference_note: int | None
    seconds: float
    text: str
    reference_seconds: float | None = None

    def later(self, seconds: float, reference_seconds: float) -> Self:
        """The same, where the version's and the reference's notes begin so much later."""
        of_reference = None if self.reference_seconds is None else self.reference_seconds + reference_seconds
        return replace(self, seconds=self.seconds + seconds, reference_seconds=of_reference)


@dataclass(frozen=True)
class Alignment:
    """Which notes of a version and a reference belong together.

    semitones: by which the version is higher throughout. pairs: int64 [n, 2], (index in the version, index in the
    reference) of notes of one key, but for these semitones, in the version's order.
    repitched: int64 [m, 2], likewise, of notes whose pitch was changed.
    """

    time_map: TimeMap
    semitones: int
    pairs: np.ndarray
    repitched: np.ndarray


def align(version: Performance, reference: Performance) -> Alignment:
    """Pair the notes of two performances; 5000 notes each take about a second, twice that where one is transposed."""
    as_it_is = _aligned(version, reference, 0)
    semitones = _likely_transposition(version, reference)
    if semitones == 0:
        return as_it_is
    transposed = _aligned(version, reference, semitones)
    is_transposed = len(transposed.pairs) >= TRANSPOSED_SHARE * min(len(version), len(reference))
    return transposed if is_transposed and len(transposed.pairs) > len(as_it_is.pairs) else as_it_is


def edits(
    version: Performance, reference: Performance, alignment: Alignment, tolerance: Tolerance = AS_READ
) -> list[Edit]:
    """The differences of two aligned performances, in the order of the version's time."""
    result = [*_changes(version, reference, alignment, tolerance)]
    if alignment.semitones:
        first = float(_onset_seconds(version)[0])
        result.insert(0, Edit("transposed", 0, 0, first, f"all notes by {alignment.semitones:+d} semitones"))
    for note, reference_note in alignment.repitched.tolist():
        now = name_of(version.notes["pitch"][note])
        was = name_of(reference.notes["pitch"][reference_note] + alignment.semitones)
        seconds = float(_onset_seconds(version)[note])
        result.append(Edit("changed", note, reference_note, seconds, f"{now} instead of {was}"))
    used = np.concatenate([alignment.pairs, alignment.repitched])
    for note in np.setdiff1d(np.arange(len(version)), used[:, 0]).tolist():
        name = name_of(version.notes["pitch"][note])
        result.append(Edit("added", note, None, float(_onset_seconds(version)[note]), f"{name} added"))
    for note in np.setdiff1d(np.arange(len(reference)), used[:, 1]).tolist():
        seconds = float(alignment.time_map.to_version(_onset_seconds(reference)[note]))
        result.append(Edit("removed", None, note, seconds, f"{name_of(reference.notes['pitch'][note])} removed"))
    told = (
        replace(edit, reference_seconds=float(alignment.time_map.to_reference(np.float64(edit.seconds))))
        for edit in result
    )
    return sorted(told, key=lambda edit: edit.seconds)


def _aligned(version: Performance, reference: Performance, semitones: int) -> Alignment:
    """The alignment of a version lowered by some semitones."""
    pitches = version.notes["pitch"].astype(np.int64) - semitones, reference.notes["pitch"].astype(np.int64)
    onsets = _onset_seconds(version), _onset_seconds(reference)
    time_map = _time_map(onsets, pitches)
    onsets = time_map.to_reference(onsets[0]), onsets[1]
    # keys are laid out one behind the other, so far apart that only notes of one key are within reach
    stride = 2 * REACH_SECONDS + max(seconds.max() for seconds in onsets) - min(seconds.min() for seconds in onsets)
    places = [seconds + stride * pitch for seconds, pitch in zip(onsets, pitches, strict=True)]
    pairs = _nearest_pairs(*places, REACH_SECONDS)
    left = [np.setdiff1d(np.arange(len(side)), pairs[:, index]) for index, side in enumerate(onsets)]
    # of the notes of a chord the nearest by pitch; so little for a semitone that none is too far away
    spread = [side[of_side] * SEMITONE_SECONDS for side, of_side in zip(pitches, left, strict=True)]
    repitched = _nearest_pairs(onsets[0][left[0]], onsets[1][left[1]], CHORD_SECONDS, *spread)
    repitched = np.stack([left[0][repitched[:, 0]], left[1][repitched[:, 1]]], axis=1)
    return Alignment(time_map, semitones, pairs, repitched)


def _changes(
    version: Performance, reference: Performance, alignment: Alignment, tolerance: Tolerance
) -> Iterator[Edit]:
    """The edits of notes that kept their key."""
    time_map = alignment.time_map
    onset = _onset_seconds(version)
    expected = time_map.to_version(_onset_seconds(reference))
    lasts, lasted = (side.notes["duration_ticks"] * TICK_SECONDS for side in (version, reference))
    bins, reference_bins = (side.notes["velocity_bin"].astype(np.int64) for side in (version, reference))
    louder = bins[alignment.pairs[:, 0]] - reference_bins[alignment.pairs[:, 1]]
    usually_louder = np.median(louder) if len(louder) else 0.0
    for note, reference_note in alignment.pairs.tolist():
        name, told = name_of(version.notes["pitch"][note]), []
        later = onset[note] - expected[reference_note]
        is_moved = abs(later) > tolerance.moved_seconds
        if is_moved:
            told.append(f"{abs(later):.2f} s {'later' if later > 0 else 'earlier'}")
        before, after = lasted[reference_note] / time_map.slope, lasts[note]
        is_longer = abs(after - before) > LENGTHENED_SECONDS and max(after / before, before / after) > LENGTHENED_RATIO
        if tolerance.is_exact and is_longer:
            told.append(f"{after:.2f} s long instead of {before:.2f} s")
        now, was = bins[note], reference_bins[reference_note]
        if tolerance.is_exact and abs(now - was - usually_louder) >= VELOCITY_BINS:
            told.append(f"velocity {VELOCITY_OF_BIN[now]} instead of {VELOCITY_OF_BIN[was]}")
        if told:
            kind = "moved" if is_moved else "changed"
            yield Edit(kind, note, reference_note, float(onset[note]), f"{name} {', '.join(told)}")


def _onset_seconds(performance: Performance) -> np.ndarray:
    return performance.notes["onset_ticks"] * TICK_SECONDS


def _likely_transposition(version: Performance, reference: Performance) -> int:
    """Semitones by which a version must be lowered for its keys to be struck as often as the reference's."""
    counts = (np.bincount(side.notes["pitch"], minlength=N_PITCHES) for side in (version, reference))
    return int(np.correlate(*counts, "full").argmax()) - (N_PITCHES - 1)


def _time_map(onsets: Sequence[np.ndarray], pitches: Sequence[np.ndarray]) -> TimeMap:
    """The clock of a version, plain where it is not the same music; onset seconds and pitches: its, the reference's."""
    from scipy.stats import theilslopes

    anchors = _common_subsequence(*(side[:ANCHOR_NOTES] for side in pitches))
    if len(anchors) < SAME_MUSIC_SHARE * min(ANCHOR_NOTES, *map(len, pitches)) or len(anchors) < 2:
        return TimeMap()
    here, there = (side[anchors[:, i]] for i, side in enumerate(onsets))
    if np.ptp(here) == 0:  # a single chord has no tempo
        return TimeMap()
    chosen = np.unique(np.linspace(0, len(anchors) - 1, min(len(anchors), SLOPES)).astype(int))
    slope, offset, *_ = theilslopes(there[chosen], here[chosen], method="joint")
    time_map = TimeMap(float(slope), float(offset))
    is_near = np.abs(time_map.to_reference(here) - there) <= REACH_SECONDS
    is_plausible = 1.0 / LARGEST_TEMPO_RATIO <= slope <= LARGEST_TEMPO_RATIO
    return time_map if is_plausible and is_near.mean() >= SAME_MUSIC_SHARE else TimeMap()


def _common_subsequence(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The longest common subsequence of a [n] and b [m]: index pairs int64 [k, 2], both columns rising."""
    lengths = np.zeros((len(a) + 1, len(b) + 1), dtype=np.int16)
    for i, symbol in enumerate(a):
        row = np.maximum(lengths[i, 1:], lengths[i, :-1] + (b == symbol))
        lengths[i + 1, 1:] = np.maximum.accumulate(row)
    pairs = []
    i, j = len(a), len(b)
    while i and j:
        if lengths[i, j] == lengths[i - 1, j]:
            i -= 1
        elif lengths[i, j] == lengths[i, j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            pairs.append((i, j))
    return np.array(pairs[::-1], dtype=np.int64).reshape(-1, 2)


def _nearest_pairs(
    here: np.ndarray,
    there: np.ndarray,
    reach: float,
    aside_here: np.ndarray | None = None,
    aside_there: np.ndarray | None = None,
) -> np.ndarray:
    """One-to-one pairs of places here [n] and there [m] within reach, least in the sum of squares: int64 [k, 2].

    aside_here [n], aside_there [m]: a second coordinate of each place, by which it is not cut off. A place that stays
    alone costs as much as a pair at the reach. Squares keep pairs from crossing. Places more than the reach from any
    other are apart from the rest, so that each problem solved is small.
    """
    from scipy.optimize import linear_sum_assignment

    places = np.concatenate([here, there])
    order = np.argsort(places, kind="stable")
    clusters = np.split(order, np.flatnonzero(np.diff(places[order]) > reach) + 1)
    pairs = []
    for cluster in clusters:
        rows, columns = cluster[cluster < len(here)], cluster[cluster >= len(here)] - len(here)
        if len(rows) == 0 or len(columns) == 0:
            continue
        squares = (here[rows][:, None] - there[columns][None]) ** 2
        cost = np.minimum(squares, reach**2)
        if aside_here is not None and aside_there is not None:
            cost += (aside_here[rows][:, None] - aside_there[columns][None]) ** 2
        matched = linear_sum_assignment(cost)
        is_near = squares[matched] < reach**2
        pairs.append(np.stack([rows[matched[0]], columns[matched[1]]], axis=1)[is_near])
    found = np.concatenate(pairs) if pairs else np.empty((0, 2), dtype=np.int64)
    return found[np.argsort(found[:, 0])]
