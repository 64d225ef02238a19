"""The least likely moments of an item: where in time it surprises a view most, by what, in words.

What is usual differs from place to place and from piece to piece, so each note is held against the notes around it: a
moment is where an attribute costs many more nats than it does there on the median. Surprises close together are one
passage.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

import numpy as np

from bridge.items.entry import Moment
from losscal.views import View

if TYPE_CHECKING:
    from symbolic.notes.performance import Performance
    from symbolic.scoring.likelihood import SymbolicScore

MOST_MOMENTS, MOST_OF_LONG_PIECES = 5, 20
SECONDS_A_MOMENT = 30
"""Of long pieces: a sonata has more to listen to than a waltz."""
AROUND_NOTES, AROUND_SECONDS = 64, 30
"""What is usual at a place is the median over so many notes, or seconds of a curve."""
FEWEST_NOTES, FEWEST_SECONDS = 16, 10
SURPRISE_NATS = 3.0
"""A note, or a second, is a surprise where it costs more than that above the usual: e^3 = 20 times less likely."""
SURPRISE_SHARE = 0.1
"""And where it is among this share of the notes (of the seconds) that surprise most."""
ACTIVE_FRACTION = 0.5
"""Seconds that sound for less are rests, of which no view of sound has much to say."""
GAP_SECONDS, LONGEST_SECONDS = 0.25, 4.0
"""Surprises no further apart are one passage, up to so long."""
NAMED_NOTES = 4
CLAUSES = {
    "time": ("its time", "their times"),
    "pitch": ("its pitch", "their pitches"),
    "velocity": ("its velocity", "their velocities"),
    "duration": ("its duration", "their durations"),
}
SOUND_COLUMNS = ("llr_nats_per_second", "nll_nats_per_second")


@dataclass(frozen=True)
class Passage:
    """Places first..last of a sequence, as one surprise; members: those of them that surprise."""

    members: list[int]
    nats: float


def of_notes(
    view: View, performance: "Performance", score: "SymbolicScore", start_seconds: float = 0.0
) -> list[Moment]:
    """The moments of N notes by the attributes that a view goes by, the least likely first.

    None in fewer than FEWEST_NOTES notes.

    start_seconds: when the first note begins.
    """
    from symbolic.notes.performance import TICK_SECONDS
    from symbolic.tokens.events import ATTRIBUTES

    if len(performance) < FEWEST_NOTES:
        return []
    attributes = [name for name in ATTRIBUTES if name in view.note_parts]
    nats = np.stack([score.note_columns()[name] for name in attributes], axis=1)  # [N, A]
    excess = nats - _usual(nats, AROUND_NOTES)
    onset = start_seconds + performance.notes["onset_ticks"] * TICK_SECONDS
    end = onset + performance.notes["duration_ticks"] * TICK_SECONDS
    moments = []
    for passage in _passages(np.maximum(excess, 0.0).sum(axis=1), onset, SURPRISE_NATS):
        of_attribute = np.maximum(excess[passage.members], 0.0).sum(axis=0)
        reason, of_reason = attributes[int(of_attribute.argmax())], float(of_attribute.max())
        start = float(onset[passage.members[0]])
        moments.append(
            Moment(
                view=view.name,
                start_seconds=start,
                end_seconds=float(end[passage.members].max()),
                nats=passage.nats,
                share_of_reason=of_reason / passage.nats,
                reason=reason,
                notes=tuple(passage.members),
                text=_sentence(start, onset[passage.members[-1]], performance, passage.members, reason, of_reason),
            )
        )
    return moments


def of_curve(view: str, curve: Mapping[str, Sequence[float]]) -> list[Moment]:
    """The moments of a curve over time, a row a second, by its likelihood ratio where it has one; least likely first.

    Of the ratio more is better, of the nats less is. Rests are left out. None in fewer than FEWEST_SECONDS rows.
    """
    name = next(name for name in SOUND_COLUMNS if name in curve)
    nats = np.asarray(curve[name], dtype=np.float64)
    start = np.asarray(curve["start_seconds"], dtype=np.float64)
    if "active_fraction" in curve:
        is_active = np.asarray(curve["active_fraction"]) >= ACTIVE_FRACTION
        nats, start = nats[is_active], start[is_active]
    if len(nats) < FEWEST_SECONDS:
        return []
    surprise = nats if name == "nll_nats_per_second" else -nats
    excess = surprise - _usual(surprise[:, None], AROUND_SECONDS)[:, 0]
    moments = []
    for passage in _passages(excess, start, max(SURPRISE_NATS, float(np.abs(excess).mean())), gap_seconds=1.5):
        first, last = passage.members[0], passage.members[-1]
        what = "less likely" if name == "nll_nats_per_second" else "less like music in order"
        moments.append(
            Moment(
                view=view,
                start_seconds=float(start[first]),
                end_seconds=float(start[last] + 1.0),
                nats=passage.nats,
                share_of_reason=1.0,
                reason="sound",
                notes=(),
                text=f"from {clock(start[first])} to {clock(start[last] + 1.0)} the sound is "
                f"{passage.nats / len(passage.members):.0f} nats a second {what} than usual here.",
            )
        )
    return moments


def clock(seconds: float) -> str:
    """Seconds as minutes and seconds, 0:12.3."""
    tenths = round(seconds * 10)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"


def _usual(nats: np.ndarray, around: int) -> np.ndarray:
    """The median of each column over the `around` rows about each row, fewer near the ends: [N, C] to [N, C]."""
    from scipy.ndimage import median_filter

    return median_filter(nats, size=(min(around, len(nats)) | 1, 1), mode="mirror")


def _passages(
    excess: np.ndarray, start_seconds: np.ndarray, threshold: float, gap_seconds: float = GAP_SECONDS
) -> list[Passage]:
    """The passages with the most nats above the usual, of places [N] in the order of time.

    MOST_MOMENTS of them, in long pieces one for each SECONDS_A_MOMENT, up to MOST_OF_LONG_PIECES.
    """
    is_surprise = (excess > threshold) & (excess >= np.quantile(excess, 1.0 - SURPRISE_SHARE))
    groups: list[list[int]] = []
    for place in np.flatnonzero(is_surprise).tolist():
        is_near = groups and (
            start_seconds[place] - start_seconds[groups[-1][-1]] <= gap_seconds
            and start_seconds[place] - start_seconds[groups[-1][0]] <= LONGEST_SECONDS
        )
        if is_near:
            groups[-1].append(place)
        else:
            groups.append([place])
    passages = [Passage(group, float(excess[group].sum())) for group in groups]
    of_length = int((start_seconds[-1] - start_seconds[0]) / SECONDS_A_MOMENT)
    most = min(max(MOST_MOMENTS, of_length), MOST_OF_LONG_PIECES)
    return sorted(passages, key=lambda passage: -passage.nats)[:most]


def _sentence(
    start: float, last: float, performance: "Performance", members: Sequence[int], reason: str, nats: float
) -> str:
    from symbolic.notes.performance import name_of

    names = [name_of(pitch) for pitch in performance.notes["pitch"][list(members)]]
    one, several = CLAUSES[reason]
    bits = f"{nats / log(2):.1f} bits less likely than usual here"
    if len(members) == 1:
        return f"at {clock(start)} the {names[0]}: {one} is {bits}."
    named = ", ".join(names[:NAMED_NOTES]) + (" and others" if len(names) > NAMED_NOTES else "")
    span = f"at {clock(start)}" if clock(start) == clock(last) else f"from {clock(start)} to {clock(last)}"
    return f"{span}, {len(names)} notes ({named}): {several} are together {bits}."
