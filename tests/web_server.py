"""A command that serves a page, for tests."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


class Server:
    """`python -m MODULE` that serves a page."""

    def __init__(self, module, arguments, temporary):
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": str(temporary)},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.temporary = temporary
        told = ""
        while (opened := re.search("open (http://127.0.0.1:[0-9]+/) in a browser", told)) is None:
            line = self.process.stderr.readline()
            assert line, f"the server ended: {told}"
            told += line
        self.address = opened[1]

    @property
    def folder(self):
        """Where uploads and results lie."""
        (folder,) = self.temporary.glob("losscal-web-*")
        return folder

    def stop(self):
        self.process.terminate()
        return self.process.wait(20)
