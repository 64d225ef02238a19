"""The tab Write: new music, what goes on from a piece, a piece varied or polished; to see, to hear and to keep."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, get_args

import gradio as gr

from bridge.views.opening import SYMBOLIC_VIEWS
from bridge.web.answer import frame_html
from bridge.web.jobs import Command, Ran
from bridge.web.uploads import take_in
from bridge.web.workshop import ONE_AT_A_TIME, Workshop, problem_html
from losscal.errors import InputError
from symbolic.models.configs import Kept

NEW, CONTINUED, VARIED, POLISHED = "a new piece", "what goes on from mine", "mine, varied", "mine, polished"
ENDINGS = {CONTINUED: "continued", VARIED: "varied", POLISHED: "polished"}
"""Of the names of files."""
LONGEST_SECONDS, MOST_CANDIDATES, USUAL_SECONDS, USUAL_CANDIDATES = 300, 16, 20, 4


@dataclass(frozen=True)
class Wish:
    """What is to be written. piece: the upload that is continued or polished."""

    kind: str
    piece: Path | None
    seconds: float
    model: str
    composer: str
    era: str
    seed: int
    candidates: int
    form: str = ""
    keep: str = "codes"

    def commands(self, workshop: Workshop) -> list[Command]:
        """The command lines, for a working folder that holds the piece; raises InputError where it is not given."""
        if self.kind == NEW:
            written, compared = "new.mid", ["new.mid"]
        elif self.piece is None:
            raise InputError(f"No piece is given: drop a MIDI file to write {self.kind}.")
        else:
            written = f"{self.piece.stem}_{ENDINGS[self.kind]}.mid"
            compared = (
                [written] if self.kind == CONTINUED else [written, self.piece.name, "--reference", self.piece.name]
            )
        views = [view for view in workshop.views if view in SYMBOLIC_VIEWS]
        return [
            workshop.command(*self._writing(written)),
            Command("bridge.render", (written, str(Path(written).with_suffix(".wav"))), needed=False),
            workshop.command("bridge.score", *compared, "--views", ",".join(views), "--out", "report"),
        ]

    def _writing(self, written: str) -> list[object]:
        """The module that writes, and its flags."""
        seed = ["--seed", self.seed]
        if self.kind == VARIED:
            return ["symbolic.vary", self.piece.name, written, "--keep", self.keep, *seed]
        if self.kind == POLISHED:
            return ["symbolic.polish", self.piece.name, written, "--model", self.model, *seed]
        flags = ["--model", self.model, *seed, "--seconds", self.seconds, "--candidates", self.candidates]
        texts = {"--composer": self.composer, "--era": self.era, "--form": self.form if self.kind == NEW else ""}
        flags += [part for flag, text in texts.items() if text.strip() for part in (flag, text)]
        prompt = ["--prompt", self.piece.name] if self.kind == CONTINUED else []
        return ["symbolic.generate", *flags, *prompt, "--out", written]


def write_tab(workshop: Workshop, examples: Sequence[str]) -> None:
    """Build the tab. examples: pieces to click."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=300):
            kind = gr.Radio([NEW, *ENDINGS], value=NEW, label="Write", elem_id="write-kind")
            piece = gr.File(label="My piece, a MIDI file", visible=False, elem_id="write-piece")
            with gr.Group(visible=True) as of_new:
                seconds = gr.Slider(2, LONGEST_SECONDS, USUAL_SECONDS, step=1, label="Seconds", elem_id="write-seconds")
                with gr.Row():
                    hint = "one, or a blend: Chopin:0.7,Debussy:0.3"
                    composer = gr.Textbox(label="In the style of", placeholder=hint, elem_id="write-composer")
                    era = gr.Textbox(label="Era", placeholder="romantic", elem_id="write-era")
                candidates = gr.Slider(
                    1,
                    MOST_CANDIDATES,
                    USUAL_CANDIDATES,
                    step=1,
                    label="Candidates, of which the most typical is kept",
                    elem_id="write-candidates",
                )
                form = gr.Textbox(label="Form, of a new piece", placeholder="A-B-A, or auto", elem_id="write-form")
            keep = gr.Radio(
                list(get_args(Kept)), value="codes", label="What stays", visible=False, elem_id="write-keep"
            )
            with gr.Row():
                model = gr.Radio(list(SYMBOLIC_VIEWS), value=SYMBOLIC_VIEWS[0], label="Model")
                seed = gr.Number(1, label="Seed", precision=0, minimum=0, elem_id="write-seed")
            with gr.Row():
                start = gr.Button("Write", variant="primary", elem_id="write-start")
                stop = gr.Button("Interrupt", variant="stop", elem_id="write-stop")
            if examples:
                labels = [Path(path).stem.replace("_", " ") for path in examples]
                gr.Examples([[path] for path in examples], [piece], label="Pieces to click", example_labels=labels)
        with gr.Column(scale=2, min_width=300):
            told = gr.HTML(elem_id="write-told", min_height=100)
            sound = gr.Audio(
                label="Listen", visible=False, interactive=False, buttons=["download"], elem_id="write-sound"
            )
            downloads = gr.File(label="To keep", file_count="multiple", visible=False, elem_id="write-downloads")
    report = gr.HTML(elem_id="write-report")

    async def write(
        kind: str,
        piece: str | None,
        seconds: float,
        model: str,
        composer: str,
        era: str,
        seed: int,
        candidates: int,
        form: str,
        keep: str,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (how Gradio knows that it is wanted)
    ) -> tuple[Any, ...]:
        given = None if piece is None else Path(piece)
        wish = Wish(kind, given, seconds, model, composer, era, seed, candidates, form, keep)
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
        [kind, piece, seconds, model, composer, era, seed, candidates, form, keep],
        [told, sound, downloads, report],
        concurrency_id=ONE_AT_A_TIME,
        concurrency_limit=workshop.jobs,
        api_visibility="private",
        show_progress_on=[told],
    )
    stop.click(interrupt, None, [told, sound, downloads], cancels=[running], api_visibility="private", queue=False)
    piece.upload(workshop.keep_uploads, [piece], None, api_visibility="private", show_progress="hidden", queue=False)
    kind.change(
        lambda chosen: [
            gr.update(visible=is_shown)
            for is_shown in (chosen != NEW, chosen in (NEW, CONTINUED), chosen == VARIED, chosen != VARIED)
        ],
        [kind],
        [piece, of_new, keep, model],
        api_visibility="private",
        show_progress="hidden",
        queue=False,
    )


async def _written(
    workshop: Workshop, wish: Wish, folder: Path, request: gr.Request, progress: gr.Progress
) -> list[Ran]:
    """Write into `folder`, which is emptied before; raises InputError where something is refused."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if wish.kind != NEW and wish.piece is not None:
        take_in([wish.piece], folder, workshop.limits)
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
