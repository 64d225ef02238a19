"""How much memory something takes at its most."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROCESS = Path("/proc/self")


@dataclass
class Peak:
    """MiB at the most beyond those before, known at the end of the block and on Linux alone; 0 else."""

    mib: float = 0.0


@contextmanager
def peak_added_mib() -> Iterator[Peak]:
    """The peak of what the block adds to this process."""
    peak = Peak()
    if sys.platform != "linux":
        yield peak
        return
    (PROCESS / "clear_refs").write_text("5", encoding="ascii")  # the kernel forgets the peak so far
    before = _mib("VmRSS")
    yield peak
    peak.mib = max(0.0, _mib("VmHWM") - before)


def _mib(key: str) -> float:
    status = (PROCESS / "status").read_text(encoding="ascii")
    return int(re.search(rf"{key}:\s+(\d+) kB", status)[1]) / 2**10
