"""Commands that are asked to end do so in one line, leave nothing behind and go on; `make bench` tries them more."""

import functools
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from robustness.interruptions import ROOT, Ended, finish, prepared, trial

from losscal.errors import InputError
from losscal.processes.workers import WorkerPool

TRIALS = (
    ("score", signal.SIGINT),
    ("score", signal.SIGKILL),
    ("prepare", signal.SIGTERM),
    ("generate", signal.SIGINT),
    ("calibrate", signal.SIGTERM),
    ("train", signal.SIGINT),
)
WITHIN_SECONDS = 3.0
"""About as long as the commands take on an idle machine."""


@pytest.fixture(scope="module")
def commands(tmp_path_factory):
    return prepared(tmp_path_factory.mktemp("prepared"))


@pytest.fixture(scope="module")
def undisturbed(commands, tmp_path_factory):
    """What a run of a command makes that nobody cuts short, by its name; run once."""
    return functools.cache(lambda name: finish(commands[name], tmp_path_factory.mktemp("whole") / "out"))


@pytest.mark.parametrize(("name", "sent"), TRIALS, ids=lambda value: getattr(value, "name", value))
def test_a_command_that_is_cut_short_ends_well_and_goes_on_to_the_same_results(
    commands, undisturbed, tmp_path, name, sent
):
    seconds = float(np.random.default_rng([7, sent, *name.encode()]).uniform(0, WITHIN_SECONDS))
    _, faults = trial(commands[name], undisturbed(name), tmp_path / "cut", sent, seconds)
    assert faults == []


@pytest.mark.parametrize(
    ("status", "stderr", "left", "fault"),
    [
        (130, "interrupted\n", False, ""),
        (0, "", False, ""),
        (0, "", True, "left a process"),
        (1, "interrupted\n", False, "status 1"),
        (130, "Traceback\ninterrupted\n", False, "told"),
        (130, "", False, "told"),
    ],
)
def test_what_is_wrong_with_an_end_is_found(status, stderr, left, fault):
    faults = Ended(status, stderr, left, 0.0, 0.0).faults(signal.SIGINT)
    assert [told.startswith(fault) for told in faults] == ([True] if fault else [])


def test_what_is_sent_twice_at_once_is_one_wish_and_after_a_second_the_process_ends_on_the_spot():
    program = """
import os, signal, sys, time
from losscal.cli import run

def main(argv):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        print("undone", flush=True)
        if sys.argv[1:]:
            time.sleep(1.1)
            os.kill(os.getpid(), signal.SIGTERM)
            print("never", flush=True)

run(main)
"""
    ended = [
        subprocess.run([sys.executable, "-c", program, *more], cwd=ROOT, capture_output=True, text=True, check=False)
        for more in ([], ["again"])
    ]
    assert [(one.returncode, one.stdout, one.stderr) for one in ended] == [
        (143, "undone\n", "ended by SIGTERM\n"),
        (-signal.SIGTERM, "undone\n", ""),
    ]


def test_a_silenced_signal_stays_silenced():
    """As nohup and shells that start something in the background ask for."""
    program = "import os, signal; from losscal.cli import run; run(lambda argv: os.kill(os.getpid(), signal.SIGINT))"
    shell = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-c", program]
    assert subprocess.run(shell, cwd=ROOT, check=False).returncode == 0


def test_what_comes_when_all_is_done_changes_no_status():
    """While Python ends, too, which takes the handlers away before it is at its end."""
    program = """
import os, signal
from losscal.cli import run

class Last:
    def __del__(self, kill=os.kill, pid=os.getpid(), number=signal.SIGTERM):
        kill(pid, number)

last = Last()
run(lambda argv: 0)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_error_in_the_block_ends_busy_workers_and_what_is_queued():
    begin = time.monotonic()
    with pytest.raises(ValueError, match="enough"), WorkerPool(2) as pool:
        futures = [pool.submit(time.sleep, 1000) for _ in range(10)]
        while not futures[0].running():
            time.sleep(0.01)
        processes = list(pool._processes.values())
        raise ValueError("enough")
    assert time.monotonic() - begin < 100 and processes and not any(process.is_alive() for process in processes)


def test_what_a_worker_has_under_way_is_undone_where_it_has_to_end(tmp_path):
    with pytest.raises(ValueError, match="enough"), WorkerPool(1) as pool:
        pool.submit(_write_slowly, tmp_path / "a.txt")
        while not list(tmp_path.iterdir()):
            time.sleep(0.01)
        raise ValueError("enough")
    assert list(tmp_path.iterdir()) == []


def _write_slowly(path):
    from losscal.files import atomic_path

    with atomic_path(path) as temporary:
        temporary.write_text("begun")
        time.sleep(1000)


def test_a_killed_worker_is_told_in_a_sentence():
    with pytest.raises(InputError, match=r"was killed, perhaps for want of memory; .*--workers"), WorkerPool(1) as pool:
        list(pool.map(_kill_itself, [0]))


def _kill_itself(_):
    os.kill(os.getpid(), signal.SIGKILL)
