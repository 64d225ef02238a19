"""`python -m robustness.fuzzing`: damaged files given to every reader, and a table of what became of them.

Each reader runs in a process of its own, which says before every file that it begins and afterwards how it ended. It is
ended where a file takes too long or too much memory, and the next process goes on behind that file; so crashes of C
libraries, endless loops and memory are seen from outside. With PYTHONPATH=.:tests, from the repository's folder.
"""

import argparse
import os
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

import numpy as np
from memory import peak_added_mib
from robustness.readers import READERS, Reader

from losscal.cli import EXIT_DONE, EXIT_ITEMS_FAILED, in_range, run, write_result
from losscal.errors import InputError, WeightsError
from losscal.settings import CountOrNone, Seed
from losscal.statistics import markdown_table

LIMIT_SECONDS = 10.0
"""Of the processor's time for one file; other programs may keep it waiting."""
BLOCKED_SECONDS = 1800.0
"""By the clock: a reader that waits for something takes no time of the processor."""
LIMIT_MIB = 600.0
"""That one file may add."""
START_SECONDS = 120.0
OUTCOMES = ("read", "refused", "raised", "hung")
HEADS = ("reader", "tried", *OUTCOMES, "slowest, s", "peak memory added, MiB", "all, s")
MOST_FAILURES = 30
"""After so many a reader is given no more files."""


@dataclass
class Tally:
    """How many files of a reader ended in each way, the slowest, the most memory, and what was wrong."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest_seconds: float = 0.0
    peak_mib: float = 0.0
    failures: list[str] = field(default_factory=list)


def file_of_number(name: str, whole: Sequence[bytes], seed: int, number: int) -> bytes:
    """The damaged file of a number."""
    return READERS[name].mutate(whole, np.random.default_rng([seed, number]))


def fuzz(name: str, seed: int, count: int, first: int = 0) -> Tally:
    """Give the files first..first+count-1 to a reader; those that fail are told with what was raised."""
    tally, number = Tally(), first
    while number < first + count and len(tally.failures) < MOST_FAILURES:
        number = _until_it_ends(name, seed, number, first + count, tally)
    return tally


def _until_it_ends(name: str, seed: int, begin: int, end: int, tally: Tally) -> int:
    """Count what one process says; the number of the file behind the last that it took up."""
    command = [sys.executable, "-m", "robustness.fuzzing", "--child", name, str(seed), str(begin), str(end)]
    with (
        TemporaryFile("w+", errors="replace") as printed,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=printed, text=True) as child,
    ):
        last_word, used, allowed = time.monotonic(), _processor_seconds(child.pid), START_SECONDS
        hung = False

        def watch() -> None:
            nonlocal hung
            while child.poll() is None:
                if _processor_seconds(child.pid) - used > allowed or time.monotonic() - last_word > BLOCKED_SECONDS:
                    hung = True
                    child.kill()
                time.sleep(0.2)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        number = begin
        under_way = False
        for line in child.stdout:
            kind, *words = line.split(" ", 3)
            last_word, used = time.monotonic(), _processor_seconds(child.pid)
            allowed = LIMIT_SECONDS if kind == "begin" else START_SECONDS  # what is between two files is no reader's
            if kind == "begin":
                number, under_way = int(words[0]), True
                continue
            under_way = False
            seconds, mib = float(words[0]), float(words[1])
            tally.slowest_seconds = max(tally.slowest_seconds, seconds)
            tally.peak_mib = max(tally.peak_mib, mib)
            if mib > LIMIT_MIB:
                kind, words[2] = "raised", f"takes {mib:.0f} MiB"
            tally.outcomes[kind] += 1
            if kind == "raised":
                tally.failures.append(f"{name} {seed} {number}: {words[2].strip()}")
            if len(tally.failures) >= MOST_FAILURES:
                child.kill()
                break
        child.wait()
        printed.seek(0)
        errors = printed.read()
    if under_way:
        tally.outcomes["hung" if hung else "raised"] += 1
        reason = "hung" if hung else f"ended by signal {-child.returncode}"
        tally.failures.append(f"{name} {seed} {number}: {reason}")
    elif child.returncode and not tally.failures:
        raise RuntimeError(f"{name}, exit status {child.returncode}: {errors[-2000:]}")
    return number + 1


def _child(name: str, seed: int, begin: int, end: int) -> None:
    words = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # C libraries print there
    reader = READERS[name]
    whole = reader.whole()
    with TemporaryDirectory() as folder:
        path = Path(folder, f"input{reader.suffix}")
        for number in range(begin, end):
            path.write_bytes(file_of_number(name, whole, seed, number))
            words.write(f"begin {number}\n")
            words.flush()
            start = time.perf_counter()
            with peak_added_mib() as peak:
                outcome, reason = outcome_of(reader, path)
            seconds = time.perf_counter() - start
            words.write(f"{outcome} {seconds:.4f} {peak.mib:.1f} {' '.join(reason.split())}\n")
            words.flush()


def outcome_of(reader: Reader, path: Path) -> tuple[str, str]:
    """ "read", "refused" or "raised", and what was wrong with that."""
    try:
        reader.read(path)
    except (InputError, WeightsError) as error:
        text = str(error)
        return ("refused", "") if text.endswith(".") and "\n" not in text else ("raised", f"no sentence: {text!r}")
    except Exception as error:  # noqa: BLE001 (whatever it is, it is to be counted)
        place = traceback.extract_tb(error.__traceback__)[-1]
        return "raised", f"{type(error).__name__} {error!s:.80} at {place.filename}:{place.lineno}"
    return "read", ""


def _processor_seconds(pid: int) -> float:
    """What a process has used; by the clock where that is not known, and 0 of one that is gone."""
    if sys.platform != "linux":
        return time.monotonic()
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, then what failed; exit status 1 where anything did."""
    if argv is None and sys.argv[1:2] == ["--child"]:
        name, *numbers = sys.argv[2:]
        _child(name, *map(int, numbers))
        return EXIT_DONE
    parser = argparse.ArgumentParser(prog="python -m robustness.fuzzing", description=__doc__)
    parser.add_argument("--readers", nargs="+", choices=READERS, default=list(READERS))
    parser.add_argument("--seed", type=in_range(Seed), default=0)
    for name, default in (("midi", 100_000), ("sound", 20_000), ("others", 5_000)):
        parser.add_argument(f"--{name}", type=in_range(CountOrNone), default=default, help="files (%(default)s)")
    flags = parser.parse_args(argv)
    write_result(markdown_table(HEADS, []))
    failures = []
    for name in flags.readers:
        start = time.monotonic()
        tally = fuzz(name, flags.seed, {"MIDI": flags.midi, "sound": flags.sound}.get(name, flags.others))
        counts = [str(tally.outcomes[outcome]) for outcome in OUTCOMES]
        figures = [f"{tally.slowest_seconds:.2f}", f"{tally.peak_mib:.0f}", f"{time.monotonic() - start:.0f}"]
        row = [name, str(tally.outcomes.total()), *counts, *figures]
        write_result(markdown_table(HEADS, [row]).splitlines()[-1])  # each as soon as it is known
        failures += tally.failures
    for failure in failures:
        write_result(failure)
    return EXIT_ITEMS_FAILED if failures else EXIT_DONE


if __name__ == "__main__":
    run(main)
