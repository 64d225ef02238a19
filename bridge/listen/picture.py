"""What listeners think as one picture, plain SVG: each stimulus and each view as a dot with its interval."""

from collections.abc import Iterator, Sequence
from html import escape
from math import isnan

from bridge.listen.results import Results
from losscal.statistics import Estimate
from losscal.text import in_one_line

WIDTH, NAME_WIDTH, RIGHT, ROW_HEIGHT, TITLE_HEIGHT, AXIS_HEIGHT = 720, 260, 20, 22, 34, 34
LONGEST_NAME = 38
"""Characters; of a longer name the end is shown, by which files differ."""
DOT_RADIUS = 4
COLOUR = "#0072B2"
Rows = Sequence[tuple[str, Estimate]]


def results_svg(results: Results) -> str:
    """A panel of the stimuli, the best first, and where views were asked one of their rank correlations."""
    panels = [
        ("Mean opinion" if results.is_rated else "Bradley-Terry log strength", _standings(results), _ticks(results))
    ]
    if results.views:
        views = [(one.view, one.estimate) for one in results.views]
        panels.append(("Rank correlation of each view with the listeners", views, (-1.0, -0.5, 0.0, 0.5, 1.0)))
    heights = [TITLE_HEIGHT + len(rows) * ROW_HEIGHT + AXIS_HEIGHT for _, rows, _ in panels]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {sum(heights)}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{WIDTH}" height="{sum(heights)}" fill="white"/>',
    ]
    for place, (title, rows, ticks) in enumerate(panels):
        parts += [f'<g transform="translate(0 {sum(heights[:place])})">', *_panel(title, rows, ticks), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _standings(results: Results) -> Rows:
    return [(one.name, one.estimate) for one in results.standings]


def _ticks(results: Results) -> tuple[float, ...]:
    """Of ratings the scale; of strengths whole numbers that hold all intervals."""
    if results.is_rated:
        return (1.0, 2.0, 3.0, 4.0, 5.0)
    reach = max(abs(end) for one in results.standings for end in one.estimate)
    whole = int(reach) + 1
    return tuple(float(tick) for tick in range(-whole, whole + 1, max(1, whole // 4)))


def _panel(title: str, rows: Rows, ticks: Sequence[float]) -> Iterator[str]:
    bottom = TITLE_HEIGHT + len(rows) * ROW_HEIGHT

    def across(value: float) -> float:
        share = (value - ticks[0]) / (ticks[-1] - ticks[0])
        return NAME_WIDTH + share * (WIDTH - RIGHT - NAME_WIDTH)

    yield f'<text x="{NAME_WIDTH}" y="{TITLE_HEIGHT - 12}" font-weight="bold">{escape(title)}, 95 % interval</text>'
    for tick in ticks:
        x = f"{across(tick):.1f}"
        yield f'<line x1="{x}" x2="{x}" y1="{TITLE_HEIGHT}" y2="{bottom}" stroke="#ccc"/>'
        yield f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{tick:g}</text>'
    for number, (name, estimate) in enumerate(rows):
        y = TITLE_HEIGHT + (number + 0.5) * ROW_HEIGHT
        yield f'<text x="{NAME_WIDTH - 12}" y="{y + 4:.1f}" text-anchor="end">{escape(_short(name))}</text>'
        if not any(map(isnan, estimate)):
            value, low, high = map(across, estimate)
            yield f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="{COLOUR}" stroke-width="2"/>'
            yield f'<circle cx="{value:.1f}" cy="{y:.1f}" r="{DOT_RADIUS}" fill="{COLOUR}"/>'


def _short(name: str) -> str:
    shown = in_one_line(name)
    return shown if len(shown) <= LONGEST_NAME else f"…{shown[1 - LONGEST_NAME :]}"
