"""Seeded corruptions of a performance: what a likelihood must rank below the original.

Each takes (performance, rng, amount), amount being the share of notes (of slices, where it moves whole slices) that it
touches, rounded up, so that 1 / len(performance) is one single note; what permutes touches two at least. It returns a
valid Performance of as many notes in which every attribute that it does not corrupt is as it was. A note that would
land on another of the same onset and pitch takes another of its possible places, or where all are taken stays and
another note is touched in its stead; a note struck again while it sounds ends there, as in cleaned music, so that no
corruption is given away by what a piano cannot do. One trace is left, since nothing tells how long a note would have
rung on: after one of two notes of a key has moved, the earlier still ends where the later was struck.
"""

from collections.abc import Callable
from math import ceil

import numpy as np

from losscal.corruptions import Corruptions
from symbolic.notes.performance import (
    MAX_DURATION_TICKS,
    MAX_PITCH,
    MIN_PITCH,
    VELOCITY_OF_BIN,
    Performance,
    end_at_restrikes,
)

Corruption = Callable[[Performance, np.random.Generator, float], Performance]

OCTAVE = 12
JITTER_TICKS = 15
SECOND_TICKS = 100
BAR_TICKS = 200
LOOP_NOTES = 16

WRONG = (0.01, 0.05, 0.1, 0.25, 0.5)
TOUCHED = (0.05, 0.1, 0.25, 0.5, 1.0)
STRETCHED = (0.2, 0.4, 0.6, 0.8, 1.0)
"""Shares of notes at which a calibration tries a corruption, the mildest first."""
CORRUPTIONS: Corruptions[Corruption] = Corruptions()


@CORRUPTIONS.declare(WRONG)
def wrong_notes(performance: Performance, rng: np.random.Generator, amount: float) -> Performance:
    """Move notes by 1 to 12 semitones up or down, each distance as likely."""
    steps = [(0, step) for step in range(-OCTAVE, OCTAVE + 1) if step != 0]
    return _move_notes(performance, rng, amount, lambda pitch: steps)


@CORRUPTIONS.declare(WRONG)
def semitone(performance: Performance, rng: np.random.Generator, amount: float) -> Performance:
    """Move notes a semitone up or down."""
    return _move_notes(performance, rng, amount, lambda pitch: [(0, -1), (0, 1)])


@CORRUPTIONS.declare(WRONG)
def random_pitches(performance: Performance, rng: np.random.Generator, amount: float) -> Performance:
    """Draw notes' pitches anew, each of the piano's 88 as likely."""
    keys = range(MIN_PITCH, MAX_PITCH + 1)
    return _move_notes(performance, rng, amount, lambda pitch: [(0, key - pitch) for key in keys])


@CORRUPTIONS.declare(TOUCHED)
def jitter_onsets(performance: Performance, rng: np.random.Generator, amount: float) -> Performance:
    """Move notes by 10 to 150 ms to and fro, each distance as likely; durations stay."""
    steps = [(step, 0) for step in range(-JITTER_TICKS, JITTER_TICKS + 1) if step != 0]
    return _move_notes(performance, rng, amount, lambda pitch: steps)


@CORRUPTIONS.declare(TOUCHED)
def permute_durations(performance: Performance, rng: np.random.Generator, amount: float) -> Performance:
    """Give each note the duration of another of those touched."""
    notes = performance.notes.copy()
    chosen = _chosen(rng, len(notes), amount, at_least=2)
    notes["duration_ticks"][chosen] = notes["duration_ticks"][np.roll(chosen, 1)]
    return playable(notes)


@CORRUPTIONS.declare(TOUCHED)
def random_velocities(performance: Performance, rng: np.random.Generator, amount: float) -> Performance:
    """Draw notes' velocities anew, each of the 32 bins as likely."""
    notes = performance.notes.copy()
    chosen = _chosen(rng, len(notes), amount)
    notes["velocity_bin"][chosen] = rng.integers(len(VELOCITY_OF_BIN), size=len(chosen))
    return playable(notes)


@CORRUPTIONS.declare(TOUCHED)
def flat_velocities(performance: Performance, rng: np.random.Generator, amount: float) -> Performance:
    """Give notes the median velocity of the performance."""
    notes = performance.notes.copy()
    notes["velocity_bin"][_chosen(rng, len(notes), amount)] = np.median(notes["velocity_bin"])
    return playable(notes)


@CORRUPTIONS.declare(TOUCHED)
def matched_marginals(performance: Performance, rng: np.random.Generator, amount: float) -> Performance:
    """Permute time shifts, pitches, velocities and durations over the notes touched, each independently of the others.

    Notes struck together stay together, and no two of them take one key, so that shifts, pitches and velocities occur
    exactly as often as before; durations do up to the restrikes.
    """
    notes = performance.notes.copy()
    chosen = _chosen(rng, len(notes), amount, at_least=2)
    _permute_pitches(notes, chosen, rng)
    for name in ("velocity_bin", "duration_ticks"):
        notes[name][chosen] = notes[name][rng.permutation(chosen)]
    shift_ticks = np.diff(notes["onset_ticks"], prepend=0)
    opening = chosen[shift_ticks[chosen] > 0]
    shift_ticks[opening] = shift_ticks[rng.permutation(opening)]
    notes["onset_ticks"] = np.cumsum(shift_ticks)
    return playable(notes)


@CORRUPTIONS.declare(TOUCHED)
def uniform_notes(performance: Performance, rng: np.random.Generator, amount: float) -> Performance:
    """Draw notes anew, every onset up to the last, pitch, velocity and duration as likely as any other."""
    notes = performance.notes.copy()
    chosen = _chosen(rng, len(notes), amount)
    keys = MAX_PITCH - MIN_PITCH + 1
    cells = notes["onset_ticks"].astype(np.int64) * keys + notes["pitch"] - MIN_PITCH  # (onset, pitch) as one number
    drawn = rng.choice((int(notes["onset_ticks"][-1]) + 1) * keys, size=len(notes), replace=False)
    # As many places as there are notes, all different: those of the untouched notes left out, enough remain.
    free = drawn[~np.isin(drawn, np.delete(cells, chosen))][: len(chosen)]
    notes["onset_ticks"][chosen], notes["pitch"][chosen] = free // keys, MIN_PITCH + free % keys
    notes["velocity_bin"][chosen] = rng.integers(len(VELOCITY_OF_BIN), size=len(chosen))
    notes["duration_ticks"][chosen] = rng.integers(1, MAX_DURATION_TICKS, size=len(chosen), endpoint=True)
    return playable(notes)


@CORRUPTIONS.declare(STRETCHED)
def shuffle_seconds(performance: Performance, rng: np.random.Generator, amount: float) -> Performance:
    """Permute the one-second slices of the music; onsets inside a slice stay."""
    return _shuffle_slices(performance, rng, amount, SECOND_TICKS)


@CORRUPTIONS.declare(STRETCHED)
def shuffle_bars(performance: Performance, rng: np.random.Generator, amount: float) -> Performance:
    """Permute slices of two seconds, a bar of four beats at the grid's 120 BPM; a performance knows no bar lines."""
    return _shuffle_slices(performance, rng, amount, BAR_TICKS)


@CORRUPTIONS.declare(STRETCHED)
def reverse(performance: Performance, rng: np.random.Generator, amount: float) -> Performance:
    """Mirror the onsets of a stretch of notes in time, chords at its ends included; durations stay."""
    notes = performance.notes.copy()
    length = max(1, _count(len(notes), amount, at_least=2))  # one note reversed is itself
    first = rng.integers(len(notes) - length, endpoint=True)
    start, stop = notes["onset_ticks"][[first, first + length - 1]]
    is_inside = (start <= notes["onset_ticks"]) & (notes["onset_ticks"] <= stop)
    notes["onset_ticks"][is_inside] = start + stop - notes["onset_ticks"][is_inside]
    return playable(notes)


@CORRUPTIONS.declare(STRETCHED)
def loop(performance: Performance, rng: np.random.Generator, amount: float) -> Performance:
    """Replace a stretch of notes by the 16 notes before it (half of them all, where there are fewer), over and over.

    What follows moves in time, so that it enters after the same shift as before.
    """
    notes = performance.notes.copy()
    span = min(LOOP_NOTES, ceil(len(notes) / 2))
    repeated = min(_count(len(notes), amount), len(notes) - span)
    first = rng.integers(len(notes) - span - repeated, endpoint=True)
    stretch = first + span + np.arange(repeated)
    source = first + np.arange(repeated) % span
    shift_ticks = np.diff(notes["onset_ticks"], prepend=0)
    notes[stretch] = notes[source]
    # A copy enters after the shift that led out of the span, and two notes of a cut chord never on one onset and key.
    shift_ticks[stretch] = shift_ticks[np.where(source == first, first + span, source)]
    seams = np.append(stretch[::span], stretch[-1:] + 1)
    seams = seams[seams < len(notes)]
    shift_ticks[seams] = np.maximum(shift_ticks[seams], 1)
    notes["onset_ticks"] = np.cumsum(shift_ticks)
    return playable(notes)


def playable(notes: np.ndarray) -> Performance:
    """Notes [N] in any order, no two of one onset and pitch: sorted, from tick 0, each ending where it is restruck."""
    notes = np.sort(notes, order=("onset_ticks", "pitch"))
    notes["onset_ticks"] -= notes["onset_ticks"][0]
    return Performance(end_at_restrikes(notes))


def _count(total: int, amount: float, *, at_least: int = 1) -> int:
    """A share of `total`, rounded up: none where the amount is 0, else `at_least` or more, as far as there are any."""
    if not 0 <= amount <= 1:
        raise ValueError(f"amount {amount}: the share of notes must be between 0 and 1")
    share = round(amount * total, 6)  # 7 % of 100 is 7.000000000000001 in floating point
    return min(total, max(ceil(share), at_least)) if amount > 0 else 0


def _chosen(rng: np.random.Generator, total: int, amount: float, *, at_least: int = 1) -> np.ndarray:
    """The indices of a share of `total`, int64 [_count], in random order."""
    return rng.permutation(total)[: _count(total, amount, at_least=at_least)]


def _move_notes(
    performance: Performance,
    rng: np.random.Generator,
    amount: float,
    moves_of: Callable[[int], list[tuple[int, int]]],
) -> Performance:
    """Move a share of the notes one by one, each by the first free one of its moves, shuffled.

    moves_of: pitch -> the moves (ticks, semitones) open to such a note.
    """
    notes = performance.notes.copy()
    places = list(zip(notes["onset_ticks"].tolist(), notes["pitch"].tolist(), strict=True))
    taken, to_move = set(places), _count(len(notes), amount)
    for index in rng.permutation(len(notes)):
        if to_move == 0:
            break
        onset, pitch = places[index]
        taken.remove((onset, pitch))
        moves = moves_of(pitch)
        targets = ((onset + moves[i][0], pitch + moves[i][1]) for i in rng.permutation(len(moves)))
        free = (place for place in targets if MIN_PITCH <= place[1] <= MAX_PITCH and place not in taken)
        target = next(free, None)
        places[index] = target or (onset, pitch)
        taken.add(places[index])
        to_move -= target is not None
    notes["onset_ticks"], notes["pitch"] = np.array(places).T
    return playable(notes)


def _permute_pitches(notes: np.ndarray, chosen: np.ndarray, rng: np.random.Generator) -> None:
    """Shuffle the pitches of the chosen notes in place, leaving out swaps that would double a key in a chord."""
    onset, pitch = notes["onset_ticks"].tolist(), notes["pitch"].tolist()
    taken = set(zip(onset, pitch, strict=True))
    partners = chosen[rng.integers(np.arange(len(chosen)), len(chosen))]  # Fisher and Yates
    for one, other in zip(chosen.tolist(), partners.tolist(), strict=True):
        swapped = {(onset[one], pitch[other]), (onset[other], pitch[one])}
        if swapped.isdisjoint(taken):
            taken -= {(onset[one], pitch[one]), (onset[other], pitch[other])}
            taken |= swapped
            pitch[one], pitch[other] = pitch[other], pitch[one]
    notes["pitch"] = pitch


def _shuffle_slices(performance: Performance, rng: np.random.Generator, amount: float, slice_ticks: int) -> Performance:
    """Send a share of the slices to each other's places, none to its own."""
    notes = performance.notes.copy()
    own, inside = np.divmod(notes["onset_ticks"], slice_ticks)
    place_of = np.arange(own[-1] + 1)
    chosen = _chosen(rng, len(place_of), amount, at_least=2)
    place_of[chosen] = np.roll(chosen, 1)
    notes["onset_ticks"] = place_of[own] * slice_ticks + inside
    return playable(notes)
