"""Endings: where a piece of a wanted length may stop so that the model itself takes it for an end.

Left alone, a model ends a piece about once in three thousand notes, wherever it likes. So music is drawn up to a window
around the wanted length; from there several branches go on through the window, and of all places in all of them the one
after which the end symbol is likeliest becomes the end. Where even that place is an implausible end, other branches are
drawn, a few times. An end is plausible that costs no more than nineteen of twenty ends of held-out real pieces do
(`python -m benchmarks.endings`).
"""

from collections.abc import Callable
from math import ceil

import numpy as np

from losscal.processes.progress import Progress, unwatched
from symbolic.sampling.sampler import Sampler
from symbolic.sampling.stream import Draft, EventStream, WantedLength, draw_until, joined
from symbolic.tokens.events import REST

PLAUSIBLE_END_NATS = 8.2
WINDOW_SHARE = 0.1
LEAST_WINDOW_NOTES, LEAST_WINDOW_TICKS = 20, 200
"""A short piece gets this much room to end to either side of its length, where a tenth would be less."""
BRANCHES = 8
ROUNDS = 6


def window(length: WantedLength) -> tuple[int, int]:
    """The least and the greatest amount of new music at which a piece of this length may end."""
    least_room = LEAST_WINDOW_NOTES if length.is_in_notes else LEAST_WINDOW_TICKS
    room = max(least_room, ceil(WINDOW_SHARE * length.amount))
    return max(1, length.amount - room), length.amount + room


def find_ending(
    draft: Draft,
    length: WantedLength,
    branch_out: Callable[[int, np.ndarray], tuple[EventStream, Sampler]],
    progress: Progress = unwatched,
    *,
    rounds: int = ROUNDS,
    is_place: Callable[[np.ndarray], np.ndarray] = lambda events: events >= 0,
) -> tuple[Draft, float]:
    """A draft that reaches the window, brought to its end, and -log p of the end symbol there.

    branch_out: (round, new events int64 [S, 4]) to a stream of branches that watches the end, and its sampler.
    is_place: numbers of new events, int64 [K], to whether the piece may end behind so many, bool [K].
    Where no place is found, the draft as far as the window, its end infinitely unlikely.
    """
    _, most = window(length)
    grown = length.grown_by(draft.events).cumsum()
    may_end = (draft.events[:, 0] < REST) & (grown <= most)
    stem = draft.cut(int(np.flatnonzero(may_end).max(initial=-1)) + 1)
    missing = most - (int(grown[len(stem.events) - 1]) if len(stem.events) else 0)
    best, best_nats = stem, np.inf
    for attempt in range(rounds):
        stream, sampler = branch_out(attempt, stem.events)
        for branch in draw_until(stream, sampler, length, missing + 1, progress, "ending"):
            places = is_place(len(stem.events) + np.arange(len(branch.events)))
            events, end_nats = likeliest_end(branch, length, missing, places)
            if end_nats < best_nats:
                best, best_nats = joined(stem, branch.cut(events)), end_nats
        if best_nats <= PLAUSIBLE_END_NATS:
            break
    return best, float(best_nats)


def likeliest_end(branch: Draft, length: WantedLength, most: int, places: np.ndarray) -> tuple[int, float]:
    """(events before the likeliest end at or before `most` of the length's unit, nats of that end).

    places: bool [S], before which of the branch's events it may lie. A branch begins behind a note, so that its very
    beginning is a place to end, too. Infinite nats where there is none.
    """
    is_note = np.append(True, branch.events[:-1, 0] < REST)
    grown = np.append(0, length.grown_by(branch.events[:-1]).cumsum())
    nats = np.where(is_note & (grown <= most) & places, branch.end_nats, np.inf)
    return int(nats.argmin()), float(nats.min())
