"""The tab Write: new music, what goes on from a piece, a piece varied or polished; to see, to hear and to keep."""

import shutil
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, get_args

import gradio as gr

from bridge.views.opening import SYMBOLIC_VIEWS
from bridge.web.answer import frame_html
from bridge.web.jobs import Ran
from bridge.web.uploads import take_in
from bridge.web.wishes import ASKED, KINDS, NEW, Wish
from bridge.web.workshop import ONE_AT_A_TIME, Workshop, interrupts, problem_html
from losscal.errors import InputError
from symbolic.models.configs import Kept

LONGEST_SECONDS, MOST_CANDIDATES = 300, 16
ATTRIBUTES = ("pitch", "velocity", "duration")


def write_tab(workshop: Workshop, examples: Sequence[str]) -> None:
    """Build the tab. examples: pieces to click."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=300):
            kind = gr.Radio(list(KINDS), value=NEW, label="Write", elem_id="write-kind")
            asked = _asked()
            with gr.Row():
                start = gr.Button("Write", variant="primary", elem_id="write-start")
                stop = gr.Button("Interrupt", variant="stop", elem_id="write-stop")
            if examples:
                labels = [Path(path).stem.replace("_", " ") for path in examples]
                gr.Examples(
                    [[path] for path in examples], [asked["piece"]], label="Pieces to click", example_labels=labels
                )
        with gr.Column(scale=2, min_width=300):
            told = gr.HTML(elem_id="write-told", min_height=100)
            sound = gr.Audio(
                label="Listen", visible=False, interactive=False, buttons=["download"], elem_id="write-sound"
            )
            downloads = gr.File(label="To keep", file_count="multiple", visible=False, elem_id="write-downloads")
    report = gr.HTML(elem_id="write-report")

    async def write(
        given: dict[gr.components.Component, Any],
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (how Gradio knows that it is wanted)
    ) -> tuple[Any, ...]:
        wish = Wish.of(given[kind], {name: given[component] for name, component in asked.items()})
        folder = workshop.session(request).folder / "write"
        try:
            ran = await _written(workshop, wish, folder, request, progress)
        except InputError as error:
            return problem_html(error), *_kept(folder), ""
        return _told(ran), *_kept(folder), frame_html(folder / "report" / "report.html", "What was written, as a roll")

    def interrupt(request: gr.Request) -> tuple[Any, ...]:
        return "<p role='status'>Interrupted.</p>", *_kept(workshop.session(request).folder / "write")

    running = start.click(
        write,
        {kind, *asked.values()},
        [told, sound, downloads, report],
        concurrency_id=ONE_AT_A_TIME,
        concurrency_limit=workshop.jobs,
        api_visibility="private",
        show_progress_on=[told],
        scroll_to_output=True,
    )
    interrupts(stop, running, interrupt, [told, sound, downloads])
    for file in (asked["piece"], asked["second"]):
        file.upload(workshop.keep_uploads, [file], None, api_visibility="private", show_progress="hidden", queue=False)
    kind.change(
        lambda chosen: [gr.update(visible=chosen in ASKED[name]) for name in asked],
        [kind],
        list(asked.values()),
        api_visibility="private",
        show_progress="hidden",
        queue=False,
    )


def _asked() -> Mapping[str, gr.components.Component]:
    """What a wish is made of, by its fields; shown is what a new piece needs."""

    def of(name: str) -> dict[str, Any]:
        return {"visible": NEW in ASKED[name], "elem_id": f"write-{name}"}

    usual = Wish(NEW)
    styled = "one, or a blend: Chopin:0.7,Debussy:0.3"
    return {
        "piece": gr.File(label="My piece, a MIDI file", height=140, **of("piece")),
        "second": gr.File(label="The piece that it leads to", height=140, **of("second")),
        "seconds": gr.Slider(2, LONGEST_SECONDS, usual.seconds, step=1, label="New seconds", **of("seconds")),
        "redraw": gr.Textbox(label="Seconds of mine to write anew", placeholder="12-15.5", **of("redraw")),
        "keep_seconds": gr.Number(
            usual.keep_seconds, minimum=0, label="Seconds of mine to go on from, 0 for all", **of("keep_seconds")
        ),
        "composer": gr.Textbox(label="In the style of", placeholder=styled, **of("composer")),
        "era": gr.Textbox(label="Era", placeholder="romantic", **of("era")),
        "guidance": gr.Slider(
            0, 4, usual.guidance, step=0.1, label="Weight of the style, 1 as the model has it", **of("guidance")
        ),
        "candidates": gr.Slider(
            1,
            MOST_CANDIDATES,
            usual.candidates,
            step=1,
            label="Candidates, of which the best is kept; of one alone Interrupt keeps what is there",
            **of("candidates"),
        ),
        "form": gr.Textbox(label="Form", placeholder="A-B-A, or auto", **of("form")),
        "keep": gr.Radio(list(get_args(Kept)), value=usual.keep, label="What stays", **of("keep")),
        "strength": gr.Slider(0, 1, usual.strength, step=0.05, label="Share that is played anew", **of("strength")),
        "attributes": gr.CheckboxGroup(
            list(ATTRIBUTES), value=list(usual.attributes), label="What of a note may change", **of("attributes")
        ),
        "temperature": gr.Slider(
            0.5,
            1.5,
            usual.temperature,
            step=0.05,
            label="Temperature: below 1 tamer, above wilder",
            **of("temperature"),
        ),
        "model": gr.Radio(list(SYMBOLIC_VIEWS), value=usual.model, label="Model", **of("model")),
        "seed": gr.Number(usual.seed, label="Seed", precision=0, minimum=0, **of("seed")),
    }


async def _written(
    workshop: Workshop, wish: Wish, folder: Path, request: gr.Request, progress: gr.Progress
) -> list[Ran]:
    """Write into `folder`, which is emptied before; raises InputError where something is refused."""
    pieces = wish.pieces
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if pieces:
        take_in(pieces, folder, workshop.limits)
    return await workshop.run(wish.commands(workshop), workshop.session(request), folder, progress)


def _told(ran: Sequence[Ran]) -> str:
    """What was said of the writing, and why there is no sound where there is none."""
    problems = [f"<p class='problem'>{escape(line)}</p>" for line in ran[1].told]
    return f"<p class='answer'>{escape(ran[0].output.strip()).replace(chr(10), '<br>')}</p>{''.join(problems)}"


def _kept(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the page shows of the files that are written by now: to hear, to keep."""
    sounds, pieces = (sorted(map(str, folder.glob(pattern))) for pattern in ("*.wav", "*.mid"))
    return (
        gr.update(value=sounds[0] if sounds else None, visible=bool(sounds)),
        gr.update(value=[*pieces, *sounds] or None, visible=bool(pieces)),
    )
