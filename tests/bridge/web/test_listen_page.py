"""A listening test in a browser: begun, stopped, gone on with, and its results; the server ended in the middle."""

import pytest
from web_server import Server

from bridge.listen.answers import Answers

pytestmark = pytest.mark.usefixtures("browser")
RATED = "5 · excellent"


@pytest.fixture
def folder(tmp_path, make_wav):
    folder = tmp_path / "test"
    folder.mkdir()
    for number in range(3):
        make_wav(folder / f"take {number}.wav", seconds=1.0, peak=0.1 * (1 + number))
    return folder


def answer(page, chosen):
    """Answer the question that is shown, and wait for the next thing."""
    page.wait_for_function("() => !document.querySelector('#listen-value input:checked')")
    before = page.inner_text("#listen-told [role=status]")
    page.click(f"#listen-value label:has-text('{chosen}')")
    page.click("#listen-answer")
    page.wait_for_function(
        "before => ![before, undefined].includes(document.querySelector('#listen-told [role=status]')?.innerText)",
        arg=before,
    )


def test_a_listener_goes_on_after_the_server_was_ended_and_all_her_answers_count(folder, visitor, tmp_path):
    arguments = [folder, "--original", folder / "take 0.wav", "--anchor-repeats", 1]
    server = Server("bridge.listen", arguments, tmp_path)
    try:
        page = visitor(server.address, width=390)
        page.click("#listen-start")
        code = page.wait_for_selector("#own-code").inner_text()
        assert "Practice" in page.inner_text("#listen-told") and "take" not in page.content()
        page.click("#listen-answer")
        page.wait_for_selector("#listen-told .problem:has-text('Choose an answer')")
        answer(page, RATED)
        answer(page, RATED)
    finally:
        server.process.kill()
    assert len(Answers(folder / "answers.sqlite").all()) == 2
    server = Server("bridge.listen", arguments, tmp_path)
    try:
        page = visitor(server.address)
        page.fill("#listen-code textarea, #listen-code input", "nobody")
        page.click("#listen-go-on")
        page.wait_for_selector("#listen-told .problem:has-text('no listener has this code')")
        page.fill("#listen-code textarea, #listen-code input", code.lower())
        page.click("#listen-go-on")
        page.wait_for_selector("#listen-told:has-text('Question 2 of 4')")
        for _ in range(3):
            answer(page, "3 · fair")
        page.wait_for_selector("#listen-told:has-text('Thank you')")
    finally:
        server.stop()
    assert len(Answers(folder / "answers.sqlite").all()) == 5
