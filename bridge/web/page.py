"""The page: tabs, and what happens when a person leaves. Everything it needs comes from this machine."""

from pathlib import Path

import gradio as gr

import bridge
from bridge.web.compare import compare_tab
from bridge.web.score import score_tab
from bridge.web.workshop import Workshop
from bridge.web.write import write_tab

TITLE = "LossCal"
EXAMPLES = Path(bridge.__file__).parents[1] / "examples"
"""Of a clone; an installed package has none."""


def build_page(workshop: Workshop) -> gr.Blocks:
    """The page of a server, with a queue in which jobs of one person wait for those of others."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(3600, 24 * 3600)) as page:
        gr.Markdown("# How likely is this music?", elem_id="title")
        with gr.Tab("Score"):
            score_tab(workshop, _examples())
        with gr.Tab("Write"):
            write_tab(workshop, _pieces())
        with gr.Tab("Compare"):
            compare_tab(workshop, _pairs())
        page.unload(_leaver(workshop))
    return page.queue(api_open=False)


def _leaver(workshop: Workshop):  # noqa: ANN202 (Gradio reads the inner one)
    def leave(request: gr.Request) -> None:
        workshop.sessions.end(request.session_hash)

    return leave


def _examples() -> dict[str, list[str]]:
    """Files to score, by what they are; none where they are not here."""
    versions = _pieces()
    if not versions:
        return {}
    recordings = [str(Path(path).with_suffix(".wav")) for path in versions[:2]]
    return {"a piece": versions[:1], "three versions of it": versions, "two recordings": recordings}


def _pieces() -> list[str]:
    """A piece, and the same with wrong notes and with random ones."""
    paths = [EXAMPLES / f"bridal_chorus{version}.mid" for version in ("", "_wrong_notes", "_random")]
    return [str(path) for path in paths if path.is_file()]


def _pairs() -> list[list[str]]:
    """The piece against each of the others."""
    first, *others = _pieces() or [""]
    return [[first, other] for other in others]
