"""A listening test in a browser: begun, stopped, gone on with, and its results; the server ended in the middle."""

import pytest
from visits import answer
from web_server import Server

from bridge.listen.answers import Answers
from bridge.listen.command import main

pytestmark = pytest.mark.usefixtures("browser")
RATED = "5 · excellent"
LIKED = {"take 1.wav": 2, "take 2.wav": 4, "copy of the original": 5, "random": 1}


@pytest.fixture
def folder(tmp_path, make_wav):
    folder = tmp_path / "test"
    folder.mkdir()
    for number in range(3):
        make_wav(folder / f"take {number}.wav", seconds=1.0, peak=0.1 * (1 + number))
    return folder


def test_a_listener_goes_on_after_the_server_was_ended_and_all_her_answers_count(folder, visitor, tmp_path, capsys):
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
    answers = Answers(folder / "answers.sqlite")
    assert len(answers.all()) == 5
    for _ in range(19):  # of one taste, to whom the page is what it was to her
        own = answers.begin()
        for number, trial in enumerate(answers.study.trials(answers.number_of(own))):
            answers.give(own, number, LIKED[answers.study.stimuli[trial.stimuli[0]].name])
    assert main(["results", str(folder)]) == 0
    told = capsys.readouterr().out
    assert told.index("take 2.wav") < told.index("take 1.wav") and "20 listeners" in told
