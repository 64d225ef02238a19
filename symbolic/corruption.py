"""Seeded corruptions of a performance: what a likelihood must rank below the original.

Each takes (performance, rng, amount), amount being the share of notes it touches, and returns a valid Performance
of as many notes. A note that would land on another of the same onset and pitch takes another of its possible places, or
where all are taken stays; a note struck again while it sounds ends there, as in cleaned music, so that no corruption is
given away by what a piano cannot do.
"""

from collections.abc import Callable

import numpy as np

from symbolic.performance import MAX_PITCH, MIN_PITCH, Performance, end_at_restrikes

Corruption = Callable[[Performance, np.random.Generator, float], Performance]

OCTAVE = 12
JITTER_TICKS = 15


def semitone(performance: Performance, rng: np.random.Generator, amount: float) -> Performance:
    """Move notes a semitone up or down."""
    return _move_notes(performance, rng, amount, lambda pitch: [(0, -1), (0, 1)])


def wrong_notes(performance: Performance, rng: np.random.Generator, amount: float) -> Performance:
    """Move notes by 1 to 12 semitones up or down, each distance as likely."""
    steps = [(0, step) for step in range(-OCTAVE, OCTAVE + 1) if step != 0]
    return _move_notes(performance, rng, amount, lambda pitch: steps)


def random_pitches(performance: Performance, rng: np.random.Generator, amount: float) -> Performance:
    """Draw notes' pitches anew, each of the piano's 88 as likely."""
    keys = range(MIN_PITCH, MAX_PITCH + 1)
    return _move_notes(performance, rng, amount, lambda pitch: [(0, key - pitch) for key in keys])


def jitter_onsets(performance: Performance, rng: np.random.Generator, amount: float) -> Performance:
    """Move notes by 10 to 150 ms to and fro, each distance as likely; durations stay."""
    steps = [(step, 0) for step in range(-JITTER_TICKS, JITTER_TICKS + 1) if step != 0]
    return _move_notes(performance, rng, amount, lambda pitch: steps)


CORRUPTIONS: dict[str, Corruption] = {
    "semitone": semitone,
    "wrong_notes": wrong_notes,
    "random_pitches": random_pitches,
    "jitter_onsets": jitter_onsets,
}


def _move_notes(
    performance: Performance,
    rng: np.random.Generator,
    amount: float,
    moves_of: Callable[[int], list[tuple[int, int]]],
) -> Performance:
    """Move a share `amount` of the notes (rounded up) one by one, each by the first free one of its moves, shuffled.

    moves_of: pitch -> the moves (ticks, semitones) open to such a note.
    """
    if not 0 <= amount <= 1:
        raise ValueError(f"amount {amount}: the share of notes must be between 0 and 1")
    notes = performance.notes.copy()
    places = list(zip(notes["onset_ticks"].tolist(), notes["pitch"].tolist(), strict=True))
    taken = set(places)
    for index in rng.permutation(len(notes))[: int(np.ceil(amount * len(notes)))]:
        onset, pitch = places[index]
        taken.remove((onset, pitch))
        moves = moves_of(pitch)
        targets = ((onset + moves[i][0], pitch + moves[i][1]) for i in rng.permutation(len(moves)))
        free = (place for place in targets if MIN_PITCH <= place[1] <= MAX_PITCH and place not in taken)
        places[index] = next(free, (onset, pitch))
        taken.add(places[index])
    onset_ticks, pitches = np.array(places).T
    notes["onset_ticks"], notes["pitch"] = onset_ticks - onset_ticks.min(), pitches
    return Performance(end_at_restrikes(np.sort(notes, order=("onset_ticks", "pitch"))))
