"""The page of a listening test: one question at a time, and a code to go on with another day."""

from html import escape
from typing import Any

import gradio as gr

from bridge.listen.answers import Answers
from bridge.listen.trials import Study, Trial
from losscal.errors import InputError

RATINGS = {"5 · excellent": 5, "4 · good": 4, "3 · fair": 3, "2 · poor": 2, "1 · bad": 1}
PREFERENCES = {"A": 1, "equal": 0, "B": -1}
ASKED = {"ratings": "How good is this music?", "pairs": "Which is the better music?"}
WELCOME = """# Listen

You hear short pieces and say what you think of them. Take headphones and a quiet place. The first question is for
practice. Nothing about you is asked or kept; with your code you can stop and go on at any time.
"""


def build_page(study: Study, answers: Answers, sounds: dict[int, str]) -> gr.Blocks:
    """The page; sounds: the file of each place of the study's stimuli."""
    is_pairs = study.config.mode == "pairs"
    choices = PREFERENCES if is_pairs else RATINGS
    with gr.Blocks(title="Listen", analytics_enabled=False) as page:
        code = gr.State("")
        told = gr.HTML(elem_id="listen-told")
        with gr.Column(visible=True, elem_id="listen-begin") as begin:
            gr.Markdown(WELCOME)
            start = gr.Button("Begin", variant="primary", elem_id="listen-start")
            with gr.Row():
                given = gr.Textbox(label="My code, to go on where I stopped", max_lines=1, elem_id="listen-code")
                go_on = gr.Button("Go on", elem_id="listen-go-on")
        with gr.Column(visible=False, elem_id="listen-question") as question:
            with gr.Row():
                first = gr.Audio(label="A" if is_pairs else "Listen", interactive=False, buttons=[], elem_id="listen-a")
                second = gr.Audio(label="B", interactive=False, buttons=[], visible=is_pairs, elem_id="listen-b")
            value = gr.Radio(list(choices), label=ASKED[study.config.mode], elem_id="listen-value")
            answer = gr.Button("Next", variant="primary", elem_id="listen-answer")
        shown = [code, told, begin, question, first, second, value]

        def show(own: str) -> tuple[Any, ...]:
            number, trials = answers.next_trial(own), study.trials(answers.number_of(own))
            if number == len(trials):
                words = "<p role='status' class='answer'>That was all. Thank you!</p>"
                return own, words, gr.update(visible=False), gr.update(visible=False), None, None, None
            paths = [sounds[place] for place in trials[number].stimuli]
            return (
                own,
                _place_html(own, number, trials),
                gr.update(visible=False),
                gr.update(visible=True),
                paths[0],
                paths[1] if is_pairs else None,
                None,
            )

        def refused(own: str, error: InputError) -> tuple[Any, ...]:
            problem = f"<p class='problem' role='alert'>{escape(str(error))}</p>"
            place = _place_html(own, answers.next_trial(own), study.trials(answers.number_of(own))) if own else ""
            return own, place + problem, *(gr.skip() for _ in shown[2:])

        def begun() -> tuple[Any, ...]:
            return show(answers.begin())

        def gone_on(own: str) -> tuple[Any, ...]:
            try:
                return show(own.strip().upper())
            except InputError as error:
                return refused("", error)

        def answered(own: str, chosen: str | None) -> tuple[Any, ...]:
            try:
                if chosen is None:
                    raise InputError("Choose an answer first.")
                answers.give(own, answers.next_trial(own), choices[chosen])
                return show(own)
            except InputError as error:
                return refused(own, error)

        for button, happens, inputs in (
            (start, begun, []),
            (go_on, gone_on, [given]),
            (answer, answered, [code, value]),
        ):
            button.click(happens, inputs, shown, api_visibility="private", show_progress="hidden")
    return page.queue(api_open=False)


def _place_html(code: str, number: int, trials: list[Trial]) -> str:
    """Where a listener is, and her code."""
    place = "Practice" if trials[number].is_training else f"Question {number} of {len(trials) - 1}"
    return f"<p role='status'>{place}. My code, to stop and go on: <b id='own-code'>{escape(code)}</b></p>"
