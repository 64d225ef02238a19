"""What a report comes to, as the page shows it: the answer in a few lines, then the report's own page in a frame.

The frame is closed off: its scripts run without an origin, and the page's own policy lets them load nothing.
"""

from collections.abc import Iterator
from html import escape
from pathlib import Path

from bridge.items.entry import ItemEntry
from bridge.items.names import shortest_tails
from bridge.report.report import Report
from bridge.versions.answer import in_one_sentence
from bridge.versions.words import names_of
from losscal.references import place_in_words

LISTED_ITEMS = 20
LARGEST_FRAME_BYTES = 64_000_000
"""Of a report's page; a larger one is for opening by itself."""


def answer_html(report: Report) -> str:
    """Each group's answer in a sentence, a line for each other item, and what could not be scored."""
    answers = {of.group: in_one_sentence(of.answers, names_of(of.views)) for of in report.groups if of.answers}
    parts = [f"<p class='answer'><b>{escape(group)}</b>: {escape(text)}</p>" for group, text in answers.items()]
    names = shortest_tails(entry.id for entry in report.items)
    lone = [entry for entry in report.items if entry.group not in answers and entry.is_scored]
    lines = [f"<li><b>{escape(names[entry.id])}</b>: {_places(report, entry)}</li>" for entry in lone[:LISTED_ITEMS]]
    if lines:
        parts.append(f"<ul class='answer'>{''.join(lines)}</ul>")
    if len(lone) > LISTED_ITEMS:
        parts.append(f"<p>… and {len(lone) - LISTED_ITEMS} more, in the report.</p>")
    parts += [f"<p class='problem'>{escape(entry.error)}</p>" for entry in report.items if entry.error]
    parts += [f"<p class='hint'>{escape(text)}</p>" for text in report.passed_over]
    return "".join(parts)


def _places(report: Report, entry: ItemEntry) -> str:
    """Where an item stands among real music, by each view that can say it."""
    told = list(_percentiles(report, entry))
    if not told:
        return "scored; no view holds it against real music."
    return "; ".join(f"{place_in_words(percentile)} real music by {escape(view)}" for view, percentile in told) + "."


def _percentiles(report: Report, entry: ItemEntry) -> Iterator[tuple[str, float]]:
    for name, view in report.views().items():
        for reference in view.references:
            percentile = (
                None if reference.percentile is None else entry.figures(*view.report_keys).get(reference.percentile)
            )
            if percentile is not None:
                yield name, percentile
                break


def frame_html(page: Path, title: str) -> str:
    """A page in a frame that is closed off; a sentence where the page is too large for that."""
    if page.stat().st_size > LARGEST_FRAME_BYTES:
        return "<p>The report is too large to be shown here: download report.html and open it.</p>"
    text = escape(page.read_text(encoding="utf-8"), quote=True)
    return (
        f'<iframe class="report" title="{escape(title, quote=True)}" sandbox="allow-scripts" srcdoc="{text}"></iframe>'
    )
