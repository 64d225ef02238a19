"""The tab Score: MIDI files, recordings or a zip file of bounces; the answer, the report, and its files to keep."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from audio.signal.waveform import AUDIO_SUFFIXES
from bridge.report.report import read_report
from bridge.views.opening import SYMBOLIC_VIEWS
from bridge.web.answer import answer_html, frame_html
from bridge.web.jobs import Command
from bridge.web.uploads import take_in
from bridge.web.workshop import ONE_AT_A_TIME, Workshop, interrupts, problem_html
from losscal.errors import InputError

REPORT_FILES = tuple(f"report.{suffix}" for suffix in ("html", "xlsx", "csv", "json"))
LISTENS_NOT = "not to be listened to for their notes"
VERSIONS = "all versions of one piece"
OPTIONS = {
    VERSIONS: "--versions",
    "cut out of longer pieces": "--excerpt",
    LISTENS_NOT: "--no-transcription",
}
"""What the page calls flags of the command line."""


def score_tab(workshop: Workshop, examples: Mapping[str, Sequence[str]]) -> None:
    """Build the tab. examples: lists of files to click, by what they are called; several are versions."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=300):
            files = gr.File(
                label="MIDI files, recordings, or a zip of them", file_count="multiple", elem_id="score-files"
            )
            views = gr.CheckboxGroup(workshop.views, value=workshop.views, label="Views", elem_id="score-views")
            options = gr.CheckboxGroup(list(OPTIONS), label="The files are", elem_id="score-options")
            with gr.Row():
                start = gr.Button("Score", variant="primary", elem_id="score-start")
                stop = gr.Button("Interrupt", variant="stop", elem_id="score-stop")
            if examples:
                gr.Examples(
                    [[list(paths), [VERSIONS] if len(paths) > 1 else []] for paths in examples.values()],
                    [files, options],
                    label="Examples to click",
                    example_labels=list(examples),
                )
        with gr.Column(scale=2, min_width=300):
            answer = gr.HTML(label="Answer", elem_id="score-answer", min_height=80)
            downloads = gr.File(label="To keep", file_count="multiple", visible=False, elem_id="score-downloads")
    report = gr.HTML(label="Report", elem_id="score-report")

    async def score(
        given: list[str] | None,
        asked: list[str],
        chosen: list[str],
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (how Gradio knows that it is wanted)
    ) -> tuple[Any, ...]:
        try:
            return await scored(workshop, given or [], asked, chosen, request, progress)
        except InputError as error:
            return problem_html(error), gr.update(visible=False), ""

    running = start.click(
        score,
        [files, views, options],
        [answer, downloads, report],
        concurrency_id=ONE_AT_A_TIME,
        concurrency_limit=workshop.jobs,
        api_visibility="private",
        show_progress_on=[answer],
        scroll_to_output=True,
    )
    interrupts(stop, running, interrupted, [answer])
    files.upload(workshop.keep_uploads, [files], None, api_visibility="private", show_progress="hidden", queue=False)


def interrupted() -> str:
    """What stands where the answer would be."""
    return "<p role='status'>Interrupted. What was scored is kept: Score goes on from there.</p>"


async def scored(
    workshop: Workshop,
    given: Sequence[str],
    asked: Sequence[str],
    chosen: Sequence[str],
    request: gr.Request,
    progress: gr.Progress,
) -> tuple[str, dict[str, Any], str]:
    """The answer, the files to keep and the report of uploads; raises InputError where they are refused."""
    session = workshop.session(request)
    files, out = session.folder / "score" / "files", session.folder / "score" / "report"
    take_in(given, files, workshop.limits)
    hearing = (
        [] if LISTENS_NOT in chosen or not set(asked) & set(SYMBOLIC_VIEWS) else heard_commands(files, out / "heard")
    )
    await workshop.run([score_command(workshop, asked, chosen, out), *hearing], session, files, progress)
    kept = [path for path in (*(out / name for name in REPORT_FILES), *map(midi_of, hearing)) if path.is_file()]
    shown = gr.update(value=list(map(str, kept)), visible=True, interactive=False)
    return answer_html(read_report(out / "report.json")), shown, frame_html(out / "report.html", "The report")


def score_command(workshop: Workshop, asked: Sequence[str], chosen: Sequence[str], out: Path) -> Command:
    """The command line that scores the working folder."""
    if not asked:
        raise InputError("No view is chosen: choose one at least.")
    flags = [OPTIONS[option] for option in chosen]
    return workshop.command("bridge.score", ".", "--views", ",".join(asked), "--out", out, "--overwrite", *flags)


def heard_commands(files: Path, out: Path) -> list[Command]:
    """The command lines that write down what is heard in each recording; once they are scored it is cached."""
    shutil.rmtree(out, ignore_errors=True)
    recordings = [path.relative_to(files) for path in sorted(files.rglob("*")) if path.suffix.lower() in AUDIO_SUFFIXES]
    return [
        Command("bridge.transcribe", (str(path), str((out / path).with_name(f"{path.name}.heard.mid"))), needed=False)
        for path in recordings
    ]


def midi_of(command: Command) -> Path:
    """The file that a command of `heard_commands` writes."""
    return Path(command.arguments[1])
