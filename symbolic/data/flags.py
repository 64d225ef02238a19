"""What to know about a piece before trusting its figures: short words, computed from the notes and the title."""

import re

import numpy as np

from symbolic.notes.performance import TICK_SECONDS, Performance

FLAGS = {
    "sequenced": "the intervals have one period: transcribed from a recording that a computer played",
    "short_notes": "more than 5 % of the notes last one step: artefacts of a transcription",
    "several_players": "the title names two pianos or more than two hands",
    "long": "above 30 minutes",
    "small": "below 200 notes",
}
LONG_SECONDS = 1800
SMALL_NOTES = 200
SHORT_NOTE_SHARE = 0.05
GRID_RESULTANT = 0.75
_GRID_SECONDS = np.arange(0.060, 0.1001, 0.001)
_SHORTEST_INTERVAL_TICKS = 5  # onsets closer than this are one chord
_SEVERAL_PLAYERS = re.compile(r"\b(duet|(two|three|2|3) pianos|(four|six|eight|4|6|8)[ -]hands)\b", re.IGNORECASE)


def flags_of(performance: Performance, title: str) -> tuple[str, ...]:
    """The words of FLAGS that hold for a piece."""
    notes = performance.notes
    holds = {
        "sequenced": grid_resultant(notes["onset_ticks"]) > GRID_RESULTANT,
        "short_notes": np.mean(notes["duration_ticks"] == 1) > SHORT_NOTE_SHARE,
        "several_players": _SEVERAL_PLAYERS.search(title) is not None,
        "long": performance.seconds > LONG_SECONDS,
        "small": len(notes) < SMALL_NOTES,
    }
    return tuple(flag for flag in FLAGS if holds[flag])


def grid_resultant(onset_ticks: np.ndarray) -> float:
    """How well the intervals between onsets (int32 [N] in 10 ms) are multiples of one period between 60 and 100 ms.

    The largest mean resultant length of the intervals as angles on the period's circle (Mardia and Jupp, Directional
    Statistics, 2.3): 1 on a strict grid, near 0 where times are free; 0 without intervals. A mean forgives the 10 to 20
    ms by which a transcription blurs the grid of a recording that a computer played. The report's "sequenced"
    (`symbolic.notes.quantisation.find_grid`) is another thing: a file as a sequencer writes it, at any tempo and exact;
    it hardly ever holds for the pieces flagged here.
    """
    intervals = np.diff(onset_ticks)
    intervals = intervals[intervals >= _SHORTEST_INTERVAL_TICKS] * TICK_SECONDS
    if len(intervals) == 0:
        return 0.0
    return float(np.abs(np.exp(2j * np.pi * intervals[:, None] / _GRID_SECONDS).mean(axis=0)).max())
