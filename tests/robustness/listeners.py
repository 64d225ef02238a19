"""Scripted listeners of a known taste, who take a listening test in a browser from its first page to its end."""

import io
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser
from visits import answer
from web_server import Server

from audio.signal.waveform import Waveform
from bridge.listen.answers import Answers
from bridge.listen.command import main
from bridge.listen.page import RATINGS
from bridge.render import write_audio

SAMPLE_RATE = 22_050
LIKED = {"take 1.wav": 2, "take 2.wav": 4, "take 3.wav": 3, "copy of the original": 5, "random": 1}
"""What all but the last think; she thinks the contrary, of the anchors, too."""
TOLD_BY_VALUE = {value: words for words, value in RATINGS.items()}


def try_listeners(browser: Browser, folder: Path, listeners: int) -> Iterator[tuple[str, str]]:
    """The seconds that a listener takes for all questions, and what the results say in the end."""
    test = folder / "listening"
    for number in range(4):
        tone = np.sin(2 * np.pi * 220 * (1 + number) * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
        write_audio(test / f"take {number}.wav", Waveform(0.2 * tone[None].astype(np.float32), SAMPLE_RATE, "tone"))
    server = Server("bridge.listen", [test, "--original", test / "take 0.wav", "--anchor-repeats", 1], folder)
    try:
        seconds = [
            _listened(browser, server.address, Answers(test / "answers.sqlite"), is_contrary=number + 1 == listeners)
            for number in range(listeners)
        ]
    finally:
        server.stop()
    with redirect_stdout(io.StringIO()) as told:
        main(["results", str(test)])
    yield (
        f"{listeners} listeners in the browser, seconds each, median and most",
        (f"{np.median(seconds):.1f}, {max(seconds):.1f}"),
    )
    yield "their results", told.getvalue().strip().replace("\n", "; ")


def _listened(browser: Browser, address: str, answers: Answers, *, is_contrary: bool) -> float:
    begun = time.monotonic()
    page = browser.new_context().new_page()
    page.goto(address)
    page.click("#listen-start")
    own = page.wait_for_selector("#own-code").inner_text()
    study, number = answers.study, answers.number_of(own)
    for trial in study.trials(number):  # the page does not tell what is heard
        value = LIKED.get(study.stimuli[trial.stimuli[0]].name, 3)
        answer(page, TOLD_BY_VALUE[6 - value if is_contrary else value])
    page.wait_for_selector("#listen-told:has-text('Thank you')")
    page.context.close()
    return time.monotonic() - begun
