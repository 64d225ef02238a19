"""Answers are kept, each at once; a listener goes on where she stopped; one file holds one test."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from bridge.listen.answers import Answer, Answers
from bridge.listen.trials import Stimulus, Study, StudyConfig
from losscal.errors import InputError

ROOT = Path(__file__).parents[3]
STUDY = Study((Stimulus("a.wav"), Stimulus("b.wav")), StudyConfig())
KILLED = """
import os, signal, sys
from pathlib import Path
from bridge.listen.answers import Answers
answers = Answers(Path(sys.argv[1]))
for trial in range(100):
    answers.give(sys.argv[2], trial, 3)
    if trial == 6:
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def answers(tmp_path):
    return Answers.of(tmp_path / "answers.sqlite", STUDY)


def test_a_listener_goes_on_where_she_stopped_and_her_first_answer_stays(answers):
    code = answers.begin()
    assert (answers.number_of(code), answers.next_trial(code)) == (0, 0)
    answers.give(code, 0, 4)
    answers.give(code, 0, 1)
    answers.give(f" {code.lower()} ", 1, 2)
    again = Answers.of(answers.path, STUDY)
    assert again.next_trial(code) == 2 and again.study == STUDY
    assert again.all() == [Answer(0, 0, 4), Answer(0, 1, 2)]


def test_what_was_answered_before_a_kill_is_there(answers):
    code = answers.begin()
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    killed = subprocess.run([sys.executable, "-c", KILLED, str(answers.path), code], env=env, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [answer.trial for answer in answers.all()] == list(range(7)) and answers.next_trial(code) == 7


def test_listeners_at_once_get_numbers_and_codes_of_their_own(answers):
    codes = []

    def listen():
        code = answers.begin()
        codes.append(code)
        answers.give(code, 0, 5)

    threads = [Thread(target=listen) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(answers.number_of, codes)) == list(range(8)) and len(answers.all()) == 8


def test_another_tests_file_no_file_of_ours_and_unknown_codes_are_refused(answers, tmp_path):
    with pytest.raises(InputError, match="another test"):
        Answers.of(answers.path, Study(STUDY.stimuli, StudyConfig(seed=2)))
    with pytest.raises(InputError, match="no listener has this code"):
        answers.next_trial("NOBODY")
    with pytest.raises(InputError, match="no listener has this code"):
        answers.give("NOBODY", 0, 1)
    (tmp_path / "text.sqlite").write_text("no database " * 100)
    with pytest.raises(InputError, match="cannot be used"):
        Answers.of(tmp_path / "text.sqlite", STUDY)
    with pytest.raises(InputError, match="no such file"):
        Answers(tmp_path / "absent.sqlite").all()
