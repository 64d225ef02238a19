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
