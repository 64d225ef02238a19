"""Music between two pieces: several ways on from the first, and of all places in them the one the second goes on from.

Each way is drawn forward from the first piece and knows nothing of the second. What is chosen is the place, of some in
each, after which the opening of the second is likeliest: a choice among a few, and no draw given both sides. A span of
a piece is drawn anew in the same way, and what comes after it stays at its time.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import Tensor

from losscal.processes.progress import Progress, unwatched
from losscal.settings import require
from symbolic.models.configs import USUAL_SAMPLING, SamplingConfig
from symbolic.models.phrases.model import PhraseGPT
from symbolic.notes.performance import TICK_SECONDS, Performance, end_at_restrikes
from symbolic.sampling.decoding.fast_layers import for_sampling
from symbolic.sampling.draws import Draws
from symbolic.sampling.endings import window
from symbolic.sampling.pace import pace_of
from symbolic.sampling.stream import WantedLength
from symbolic.scoring.phrases import notes_of, read_rows
from symbolic.tokens.events import REST, REST_TICKS, decode, encode

OPENING_EVENTS, SEAM_EVENTS = 32, 8
"""Of the second piece: those that places are compared by, and those that the seam is told by."""
PAST_EVENTS = 256
"""What of the music before is looked at for that."""
PLACES = 4
"""In each way."""
WAYS_AT_ONCE = 8


@dataclass(frozen=True)
class Way:
    """Events int64 [S, 4] from the first piece's end to a place, the ticks from there to the second, and its nats.

    opening_nats: float64 [OPENING_EVENTS], of the second piece's first events after it.
    """

    events: np.ndarray
    pause_ticks: int
    opening_nats: np.ndarray

    @property
    def seam_nats(self) -> float:
        """Of the second piece's first SEAM_EVENTS, an event."""
        return float(self.opening_nats[:SEAM_EVENTS].mean())


@dataclass(frozen=True)
class Joined:
    """Two pieces with new music between them, and without: how they go on at the seam.

    notes_before, new_notes: of the first piece, and how many were drawn behind them.
    nats_without: of a span drawn anew, what was there before.
    """

    performance: Performance
    notes_before: int
    new_notes: int
    seam_nats: float
    nats_without: float


def draw_between(
    model: PhraseGPT,
    first: Performance,
    second: Performance,
    *,
    seconds: float | None = None,
    notes: int | None = None,
    seed: int,
    told: bool = False,
    candidates: Sequence[int] = range(8),
    style: Tensor | None = None,
    sampling: SamplingConfig = USUAL_SAMPLING,
    exactly: bool = False,
    progress: Progress = unwatched,
) -> Joined:
    """Both pieces, joined by about so many seconds or notes of the best of the candidates; see `pieces.draw_pieces`.

    exactly: the second piece begins so many seconds behind the first one's last onset.
    """
    before, after = encode(first, end=False), encode(second, end=False)
    length = WantedLength.of(seconds=seconds, notes=notes)
    least, most = window(length)
    pace = pace_of(first) or pace_of(second)
    longer = Draws(
        for_sampling(model),
        length if exactly else replace(length, amount=most),
        before,
        seed,
        told,
        style,
        sampling,
        progress,
        paces=dict.fromkeys(candidates, pace) if pace and sampling.pace_hold else {},
    )
    places: list[tuple[np.ndarray, int]] = []
    for start in range(0, len(candidates), WAYS_AT_ONCE):
        keys = [(candidate,) for candidate in candidates[start : start + WAYS_AT_ONCE]]
        for draft in longer.drafts(keys, ending=False):
            places += [_place_at(length, draft.events)] if exactly else _places_behind(length, least, draft.events)
    best = min(ways_of(model, before, after, places or [(before[:0], 1)]), key=lambda way: way.opening_nats.sum())
    (without,) = ways_of(model, before, after, [(before[:0], best.pause_ticks)])
    joined = decode(np.concatenate([before, best.events, after_pause(after, best.pause_ticks)]))
    whole, new_notes = Performance(end_at_restrikes(joined.notes)), notes_of(best.events)
    return Joined(whole, len(first), new_notes, best.seam_nats, without.seam_nats)


def _places_behind(length: WantedLength, least: int, events: np.ndarray) -> list[tuple[np.ndarray, int]]:
    """Some places in events [S, 4] where they have grown by `least`: the events up to there, and the pause in ticks."""
    grown = length.grown_by(events).cumsum()
    behind = np.flatnonzero((grown >= least)[:-1] & (events[:-1, 0] < REST)) + 1
    some = np.unique(np.linspace(0, len(behind) - 1, PLACES).astype(int)) if len(behind) else []
    return [(events[:place], int(events[place, 0])) for place in behind[some]]


def _place_at(length: WantedLength, events: np.ndarray) -> tuple[np.ndarray, int]:
    """The events [S, 4] that lie within a length in ticks, and the pause in ticks that is left of it."""
    grown = length.grown_by(events).cumsum()
    stop = int(np.flatnonzero((events[:, 0] < REST) & (grown < length.amount)).max(initial=-1)) + 1
    return events[:stop], length.amount - (int(grown[stop - 1]) if stop else 0)


def parse_span(text: str) -> tuple[float, float]:
    """ "12-15.5" to its two times in seconds; raises ValueError for what is no span."""
    found = re.fullmatch(r"(\d+(?:\.\d*)?)-(\d+(?:\.\d*)?)", text)
    require(
        found is not None and float(found[1]) < float(found[2]),
        f"{text}: allowed are two times in seconds, the lower one first, as 12-15.5",
    )
    return float(found[1]), float(found[2])


def redraw(model: PhraseGPT, piece: Performance, start_seconds: float, stop_seconds: float, **how: Any) -> Joined:
    """A piece with its notes from one time up to another drawn anew; what comes after them stays where it is.

    how: see `draw_between`. Raises ValueError unless there is a note before the span, and one behind it.
    """
    onset_ticks = piece.notes["onset_ticks"].astype(np.int64)
    first, second = np.searchsorted(onset_ticks * TICK_SECONDS, [start_seconds, stop_seconds]).tolist()
    if not 0 < first <= second < len(piece):
        raise ValueError(
            f"{start_seconds:g}-{stop_seconds:g}: allowed is a span with a note before it and one behind it, above 0 "
            f"and up to {onset_ticks[-1] * TICK_SECONDS:g} seconds"
        )
    sides = piece.excerpt(0, first), piece.excerpt(second, len(piece))
    seconds = float(onset_ticks[second] - onset_ticks[first - 1]) * TICK_SECONDS
    joined = draw_between(model, *sides, seconds=seconds, exactly=True, **how)
    before, as_it_was, after = (encode(part, end=False) for part in (sides[0], piece.excerpt(0, second), sides[1]))
    pause_ticks = int(onset_ticks[second] - onset_ticks[second - 1])
    (was,) = ways_of(model, before, after, [(as_it_was[len(before) :], pause_ticks)])
    return replace(joined, nats_without=was.seam_nats)


def ways_of(
    model: PhraseGPT, before: np.ndarray, after: np.ndarray, places: Sequence[tuple[np.ndarray, int]]
) -> list[Way]:
    """Each way by its events and its pause in ticks, with what the opening of `after` costs behind it."""
    pasts = [np.concatenate([before, events])[-PAST_EVENTS:] for events, _ in places]
    openings = [after_pause(after, pause)[:OPENING_EVENTS] for _, pause in places]
    rows = [np.concatenate(parts) for parts in zip(pasts, openings, strict=True)]
    readings = read_rows(model, rows, mid_piece=True, told=False)
    return [
        Way(events, pause, reading.event_nats[-len(opening) :].sum(axis=1))
        for (events, pause), opening, reading in zip(places, openings, readings, strict=True)
    ]


def after_pause(events: np.ndarray, pause_ticks: int) -> np.ndarray:
    """Events [S, 4] that begin so many ticks, at least one, after those before; long pauses are told by rests."""
    rests, ticks = divmod(max(pause_ticks, 1), REST_TICKS)
    moved = np.concatenate([np.repeat([[REST, 0, 0, 0]], rests, axis=0), events])
    moved[rests, 0] = ticks
    return moved
