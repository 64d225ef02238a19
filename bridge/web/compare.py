"""The tab Compare: two pieces on one time axis with what differs, played in turn from the same place."""

import shutil
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import gradio as gr

from bridge.report.report import read_report
from bridge.web.answer import answer_html, frame_html
from bridge.web.jobs import Command
from bridge.web.uploads import take_in
from bridge.web.workshop import ONE_AT_A_TIME, Workshop, interrupts, problem_html
from losscal.errors import InputError
from losscal.midi import READABLE_MIDI_SUFFIXES

PLAYER = Template((Path(__file__).parent / "player.html").read_text(encoding="utf-8"))
PLAYER_SCRIPT = (Path(__file__).parent / "player.js").read_text(encoding="utf-8")


def compare_tab(workshop: Workshop, examples: list[list[str]]) -> None:
    """Build the tab. examples: pairs of pieces to click."""
    with gr.Row():
        first = gr.File(label="A, which the other is held against", elem_id="compare-first", height=140)
        second = gr.File(label="B", elem_id="compare-second", height=140)
    with gr.Row():
        start = gr.Button("Compare", variant="primary", elem_id="compare-start")
        stop = gr.Button("Interrupt", variant="stop", elem_id="compare-stop")
    if examples:
        labels = [" and ".join(Path(path).name for path in pair) for pair in examples]
        gr.Examples(examples, [first, second], label="Two to click", example_labels=labels)
    answer = gr.HTML(elem_id="compare-answer", min_height=100)
    player = gr.HTML(elem_id="compare-player", js_on_load=PLAYER_SCRIPT)
    report = gr.HTML(elem_id="compare-report")

    async def compare(
        first: str | None,
        second: str | None,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (how Gradio knows that it is wanted)
    ) -> tuple[str, str, str]:
        try:
            return await _compared(workshop, first, second, request, progress)
        except InputError as error:
            return problem_html(error), "", ""

    running = start.click(
        compare,
        [first, second],
        [answer, player, report],
        concurrency_id=ONE_AT_A_TIME,
        concurrency_limit=workshop.jobs,
        api_visibility="private",
        show_progress_on=[answer],
        scroll_to_output=True,
    )
    interrupts(stop, running, lambda: "<p role='status'>Interrupted.</p>", [answer])
    for file in (first, second):
        file.upload(workshop.keep_uploads, [file], None, api_visibility="private", show_progress="hidden", queue=False)


async def _compared(
    workshop: Workshop, first: str | None, second: str | None, request: gr.Request, progress: gr.Progress
) -> tuple[str, str, str]:
    """The answer, the player and the report; raises InputError where one is missing or refused."""
    if first is None or second is None:
        raise InputError("Two pieces are needed: drop one into A and one into B.")
    session = workshop.session(request)
    folder = session.folder / "compare"
    paths = [folder / side / Path(given).name for side, given in (("A", first), ("B", second))]
    shutil.rmtree(folder, ignore_errors=True)
    for path, given in zip(paths, (first, second), strict=True):
        take_in([given], path.parent, workshop.limits)
    await workshop.run(_commands(workshop, folder, paths), session, folder, progress)
    sounds = [path.with_suffix(".wav") if _is_midi(path) else path for path in paths]
    return (
        answer_html(read_report(folder / "report" / "report.json")),
        _player_html(paths, sounds),
        frame_html(folder / "report" / "report.html", "The two, and what differs"),
    )


def _commands(workshop: Workshop, folder: Path, paths: list[Path]) -> list[Command]:
    first, second = (str(path.relative_to(folder)) for path in paths)
    views = ",".join(workshop.views)
    return [
        workshop.command("bridge.score", first, second, "--reference", first, "--views", views, "--out", "report"),
        *(
            Command("bridge.render", (str(path), str(path.with_suffix(".wav"))), needed=False)
            for path in paths
            if _is_midi(path)
        ),
    ]


def _is_midi(path: Path) -> bool:
    return path.suffix.lower() in READABLE_MIDI_SUFFIXES


def _player_html(paths: list[Path], sounds: list[Path]) -> str:
    """Both sounds behind one bar; a sentence where one cannot be played."""
    missing = [path.name for path, sound in zip(paths, sounds, strict=True) if not sound.is_file()]
    if missing:
        return f"<p class='hint'>{escape(', '.join(missing))}: cannot be played, FluidSynth is missing.</p>"
    places = {f"{side}_sound": f"gradio_api/file={sound}" for side, sound in zip("ab", sounds, strict=True)}
    names = {f"{side}_name": path.name for side, path in zip("ab", paths, strict=True)}
    values: dict[str, Any] = places | names
    return PLAYER.substitute({name: escape(text, quote=True) for name, text in values.items()})
