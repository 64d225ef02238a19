"""What every command line does alike, in processes of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere torch has another OpenMP")
@pytest.mark.parametrize(("given", "policy"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")])
def test_threads_wait_without_spinning_unless_told_to(given, policy):
    """So torch's OpenMP says itself, when it is loaded within a command."""
    program = "from losscal.cli import run; run(lambda argv: __import__('torch').get_num_threads() * 0)"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**environment, "OMP_DISPLAY_ENV": "TRUE", **given},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and f"OMP_WAIT_POLICY = '{policy}'" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="C's own library has another name there")
def test_what_c_libraries_print_is_no_result():
    program = """
import ctypes
from losscal.cli import run, write_result

def main(argv):
    c = ctypes.CDLL(None)
    c.puts(b"noise")
    c.fflush(None)
    write_result("caf\\udce9")

run(main)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("caf\\udce9\n", "noise\n")


@pytest.mark.parametrize("closed", [(1,), (2,), (1, 2)])
def test_a_command_whose_streams_are_closed_ends_as_it_should(closed):
    program = "from losscal.cli import log, run, write_result; run(lambda argv: log('told') or write_result('result'))"
    redirections = " ".join(f"{number}>&-" for number in closed)
    command = ["bash", "-c", f'"$0" -c "$1" {redirections}', sys.executable, program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout == ("" if 1 in closed else "result\n") and done.stderr == ("" if 2 in closed else "told\n")


def test_a_signal_in_an_import_ends_the_command_behind_it(tmp_path):
    """Raised within, it may reach C++ that ends the process on the spot."""
    lines = [
        "import os, signal",
        "os.kill(os.getpid(), signal.SIGINT)",
        "for _ in range(10**5): pass",
        "print('whole')",
    ]
    Path(tmp_path, "slowly.py").write_text("\n".join(lines))
    program = """
import signal, time
from losscal.cli import run

def main(argv):
    import slowly
    time.sleep(30)

signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may have silenced it
run(main)
"""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=25)
    assert (done.returncode, done.stdout, done.stderr) == (130, "whole\n", "interrupted\n")
