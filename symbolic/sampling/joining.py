"""Music between two pieces: several ways on from the first, and of all places in them the one the second goes on from.

Each way is drawn forward from the first piece and knows nothing of the second. What is chosen is the place, of some in
each, after which the opening of the second is likeliest: a choice among a few, and no draw given both sides.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from losscal.processes.progress import Progress, unwatched
from symbolic.models.configs import SamplingConfig
from symbolic.models.phrases.model import PhraseGPT
from symbolic.notes.performance import Performance, end_at_restrikes
from symbolic.sampling.decoding.fast_layers import for_sampling
from symbolic.sampling.draws import Draws
from symbolic.sampling.endings import window
from symbolic.sampling.stream import WantedLength
from symbolic.scoring.phrases import notes_of, read_rows
from symbolic.tokens.events import REST, decode, encode

OPENING_EVENTS, SEAM_EVENTS = 32, 8
"""Of the second piece: those that places are compared by, and those that the seam is told by."""
PAST_EVENTS = 256
"""What of the music before is looked at for that."""
PLACES = 4
"""In each way."""
WAYS_AT_ONCE = 8
LONGEST_PAUSE_TICKS = REST - 1


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

    new_notes: how many were drawn, behind those of the first piece.
    """

    performance: Performance
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
    sampling: SamplingConfig | None = None,
    progress: Progress = unwatched,
) -> Joined:
    """Both pieces, joined by about so many seconds or notes of the best of the candidates; see `pieces.draw_pieces`."""
    before, after = encode(first, end=False), encode(second, end=False)
    length = WantedLength.of(seconds=seconds, notes=notes)
    least, most = window(length)
    longer = Draws(
        for_sampling(model),
        replace(length, amount=most),
        before,
        seed,
        told,
        style,
        sampling or SamplingConfig(),
        progress,
    )
    places: list[tuple[np.ndarray, int]] = []
    for start in range(0, len(candidates), WAYS_AT_ONCE):
        keys = [(candidate,) for candidate in candidates[start : start + WAYS_AT_ONCE]]
        for draft in longer.drafts(keys, ending=False):
            is_far = length.grown_by(draft.events).cumsum() >= least
            behind = np.flatnonzero(is_far[:-1] & (draft.events[:-1, 0] < REST)) + 1
            some = np.unique(np.linspace(0, len(behind) - 1, PLACES).astype(int)) if len(behind) else []
            places += [(draft.events[:place], int(draft.events[place, 0])) for place in behind[some]]
    best = min(ways_of(model, before, after, places or [(before[:0], 1)]), key=lambda way: way.opening_nats.sum())
    (without,) = ways_of(model, before, after, [(before[:0], best.pause_ticks)])
    joined = decode(np.concatenate([before, best.events, after_pause(after, best.pause_ticks)]))
    return Joined(Performance(end_at_restrikes(joined.notes)), notes_of(best.events), best.seam_nats, without.seam_nats)


def ways_of(
    model: PhraseGPT, before: np.ndarray, after: np.ndarray, places: Sequence[tuple[np.ndarray, int]]
) -> list[Way]:
    """Each way by its events and its pause in ticks, with what the opening of `after` costs behind it."""
    rows = []
    for events, pause in places:
        past = np.concatenate([before, events])[-PAST_EVENTS:]
        rows.append(np.concatenate([past, after_pause(after, pause)[:OPENING_EVENTS]]))
    opening = min(OPENING_EVENTS, len(after))
    readings = read_rows(model, rows, mid_piece=True, told=False)
    return [
        Way(events, pause, reading.event_nats[-opening:].sum(axis=1))
        for (events, pause), reading in zip(places, readings, strict=True)
    ]


def after_pause(events: np.ndarray, pause_ticks: int) -> np.ndarray:
    """Events [S, 4] that begin so many ticks, at least one and no more than an event can tell, after those before."""
    moved = events.copy()
    moved[0, 0] = min(max(pause_ticks, 1), LONGEST_PAUSE_TICKS)
    return moved
