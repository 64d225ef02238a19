"""A calibration as one picture: for each corruption a panel of accuracy over severity, a line a view, in plain SVG.

Views differ in marker and dash as well as in colour (Okabe and Ito's, told apart by the colour-blind).
"""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from math import cos, pi, sin
from typing import Any

from audio.signal.corruption import CORRUPTIONS
from bridge.calibration.cases import Case
from bridge.calibration.scores import is_view

PANEL_WIDTH, PANEL_HEIGHT, COLUMNS = 230, 180, 4
LEFT, RIGHT, TOP, BOTTOM = 40, 12, 30, 34
LEGEND_HEIGHT = 34
STYLES = (("#0072B2", ""), ("#D55E00", "6 3"), ("#009E73", "2 3"), ("#CC79A7", "8 3 2 3"), ("#000000", "1 2"))
MARKER_SIZE = 3.5
SIDES = (4, 3, 30, 5, 6)
"""Corners of the views' markers: square, triangle, dot, pentagon, hexagon."""


def accuracy_svg(rows: Sequence[Mapping[str, Any]]) -> str:
    """An SVG of the calibration's rows, of the figures that views rank by."""
    rows = [row for row in rows if is_view(row["view"])]
    views = list(dict.fromkeys(row["view"] for row in rows))
    corruptions = list(dict.fromkeys(row["corruption"] for row in rows))
    width = COLUMNS * PANEL_WIDTH
    height = LEGEND_HEIGHT + -(-len(corruptions) // COLUMNS) * PANEL_HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        'font-size="11">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        *_legend(views),
    ]
    for place, corruption in enumerate(corruptions):
        x, y = place % COLUMNS * PANEL_WIDTH, LEGEND_HEIGHT + place // COLUMNS * PANEL_HEIGHT
        own = [row for row in rows if row["corruption"] == corruption]
        parts += [f'<g transform="translate({x} {y})">', *_panel(corruption, own, views), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend(views: Sequence[str]) -> Iterator[str]:
    for place, view in enumerate(views):
        x = LEFT + 150 * place
        yield from _line(place, [(x, 16.0), (x + 30, 16.0)])
        yield f'<text x="{x + 38}" y="20">{escape(view)}</text>'


def _panel(corruption: str, rows: Sequence[Mapping[str, Any]], views: Sequence[str]) -> Iterator[str]:
    """Axes from 0 to 1, the level of chance, and each view's accuracy with its interval."""
    severities = list(dict.fromkeys(row["severity"] for row in rows))
    right, bottom = PANEL_WIDTH - RIGHT, PANEL_HEIGHT - BOTTOM
    step = (right - LEFT) / len(severities)
    unit = CORRUPTIONS.units.get(corruption, "%")
    yield f'<text x="{LEFT}" y="{TOP - 10}" font-weight="bold">{escape(corruption)}, {unit}</text>'
    for level in (0.0, 0.5, 1.0):
        y = _height(level)
        yield f'<line x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#bbb"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{level:g}</text>'
    for place, severity in enumerate(severities):
        label = str(Case(corruption, severity)).removeprefix(f"{corruption} ").removesuffix(f" {unit}")
        x = LEFT + (place + 0.5) * step
        yield f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{escape(label)}</text>'
    for number, view in enumerate(views):
        own = [row for row in rows if row["view"] == view]
        aside = 3.0 * (number - (len(views) - 1) / 2)  # so that intervals do not hide each other
        at = [LEFT + (severities.index(row["severity"]) + 0.5) * step + aside for row in own]
        for x, row in zip(at, own, strict=True):
            low, high = map(_height, row["interval"])
            colour = _style(number)[0]
            yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}" stroke="{colour}"/>'
        yield from _line(number, [(x, _height(row["pairwise_accuracy"])) for x, row in zip(at, own, strict=True)])


def _height(accuracy: float) -> float:
    return PANEL_HEIGHT - BOTTOM - accuracy * (PANEL_HEIGHT - BOTTOM - TOP)


def _style(number: int) -> tuple[str, str]:
    return STYLES[number % len(STYLES)]


def _line(number: int, points: Sequence[tuple[float, float]]) -> Iterator[str]:
    """A view's line through points (x, y), with its markers."""
    colour, dash = _style(number)
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5" stroke-dasharray="{dash}"/>'
    sides = SIDES[number % len(SIDES)]
    turns = [2 * pi * (side + 0.5) / sides - pi / 2 for side in range(sides)]
    for x, y in points:
        corners = " ".join(f"{x + MARKER_SIZE * cos(t):.1f},{y + MARKER_SIZE * sin(t):.1f}" for t in turns)
        yield f'<polygon points="{corners}" fill="{colour}"/>'
