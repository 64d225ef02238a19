"""Jobs run command lines, tell how far they are, and end at once when they are asked to."""

import time
from threading import Event, Thread

import numpy as np
import pytest

from bridge.web import jobs
from bridge.web.jobs import Command, Loop, Processes, Stopped
from losscal.errors import InputError
from symbolic.notes.performance import NOTE_DTYPE, Performance, write_midi


@pytest.fixture(scope="module")
def processes():
    processes = Processes()
    yield processes
    processes.close()


def test_what_a_command_says_and_how_it_ends_comes_back(processes, tmp_path, make_midi, tiny_weights):
    make_midi(tmp_path / "piece.mid")
    score = Command("bridge.score", (".", "--views", "events", "--weights", str(tiny_weights)))
    wrong = Command("bridge.score", (".", "--views", "none"))
    unknown = Command("bridge.score", ("--nonsense",), needed=False)
    loops = []
    ran = processes.run([score, unknown, wrong, score], tmp_path, tmp_path / "cache", loops.append, Event())
    assert [one.status for one in ran] == [0, 2, 2]
    assert "piece.mid" in ran[0].output
    assert "unrecognized arguments: --nonsense" in ran[1].told[-1] and "none: no such view" in ran[2].told[-1]
    assert ("scoring", 1) in {(loop.desc, loop.total) for told in loops for loop in told}


def test_a_job_ends_within_two_seconds_when_it_is_stopped(processes, tmp_path, tiny_weights):
    notes = np.zeros(30_000, dtype=NOTE_DTYPE)
    notes["onset_ticks"], notes["duration_ticks"] = np.arange(len(notes)) * 5, 5
    notes["pitch"] = 40 + np.arange(len(notes)) % 40
    write_midi(Performance(notes), tmp_path / "long.mid")
    score = Command("bridge.score", (".", "--views", "events", "--weights", str(tiny_weights)))
    began, stop, ended = Event(), Event(), []

    def run():
        with pytest.raises(Stopped):
            processes.run([score], tmp_path, tmp_path / "cache", lambda loops: began.set(), stop)
        ended.append(time.monotonic())

    thread = Thread(target=run)
    thread.start()
    assert began.wait(60)
    asked = time.monotonic()
    stop.set()
    thread.join(20)
    assert ended[0] - asked < 2.0


def test_a_job_whose_process_is_killed_says_so(processes, tmp_path):
    with pytest.raises(InputError, match="killed"):
        processes.run([Command("killing_workers", ())], tmp_path, tmp_path / "cache", print, Event())


def test_loops_within_loops_are_told_and_those_left_early_forgotten(monkeypatch):
    monkeypatch.setattr(jobs, "POLL_SECONDS", 0.0)
    told = []
    watcher = jobs._Watcher(told.append)
    for _ in watcher(range(2), desc="items"):
        for _ in watcher(iter("ab"), desc="blocks", total=2):
            break
    assert [[(loop.desc, loop.done, loop.total) for loop in loops] for loops in told] == [
        [("items", 0, 2)],
        [("items", 0, 2), ("blocks", 0, 2)],
        [("items", 1, 2)],
        [("items", 1, 2), ("blocks", 0, 2)],
    ]
    assert watcher.loops == []


def test_what_is_left_is_estimated_at_the_rate_so_far():
    assert Loop("scoring", 2, 8, 10.0).seconds_left == pytest.approx(30.0)
    assert Loop("scoring", 0, 8, 10.0).seconds_left is None and Loop("scoring", 2, None, 10.0).seconds_left is None
