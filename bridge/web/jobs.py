"""What the page has done: command lines, run in a process of their own that can be watched and ended at once.

A command's `main` runs there with arguments as a terminal would give them, so its results are those of the command
line. The process ends with its work, and gives back all memory.
"""

import io
import os
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event, Lock
from typing import Any

from losscal.cli import EXIT_DONE, EXIT_WRONG_USAGE
from losscal.errors import InputError, WeightsError
from losscal.processes.progress import watching
from losscal.processes.workers import WorkerPool

POLL_SECONDS = 0.1
"""How long a stop may wait to be seen, and how often progress is told."""


class Stopped(Exception):  # noqa: N818 (no error)
    """The work was ended before it was done, because somebody asked for that."""


@dataclass(frozen=True)
class Command:
    """A command line: a module and its arguments. needed: where it is refused, those behind it are left out."""

    module: str
    arguments: tuple[str, ...]
    needed: bool = True

    def __str__(self) -> str:
        return shlex.join(["python", "-m", self.module, *self.arguments])


@dataclass(frozen=True)
class Ran:
    """What came of a command. told: the lines of its stderr."""

    status: int
    output: str
    told: tuple[str, ...]


@dataclass(frozen=True)
class Loop:
    """How far a loop is; total: None where it is not known. seconds: since it was begun."""

    desc: str
    done: int
    total: int | None
    seconds: float

    @property
    def seconds_left(self) -> float | None:
        """At the rate so far; None where there is none."""
        return self.seconds / self.done * (self.total - self.done) if self.total and self.done else None


Report = Callable[[tuple[Loop, ...]], object]
"""Is told the loops under way, the outermost first."""


class Process:
    """A process that is ready to work, once: what takes seconds to load is loaded while nobody waits."""

    def __init__(self) -> None:
        self._receiver, sender = Pipe(duplex=False)
        self._pool = WorkerPool(1, partial(_tell_through, sender))
        self._pool.submit(_load)  # starts it, and takes the way to us along
        sender.close()

    def run(self, commands: Sequence[Command], folder: Path, cache: Path, report: Report, stop: Event) -> list[Ran]:
        """As `Processes.run`."""
        with self._receiver, self._pool as pool:
            future = pool.submit(_run_all, commands, folder, cache)
            while not future.done():
                if stop.is_set():
                    raise Stopped
                try:
                    if self._receiver.poll(POLL_SECONDS):
                        report(self._receiver.recv())
                except (EOFError, OSError):  # killed: the future says so
                    stop.wait(POLL_SECONDS)
            return future.result()

    def end(self) -> None:
        """End it without work."""
        with suppress(Stopped), self._receiver, self._pool:
            raise Stopped


class Processes:
    """Runs jobs, each in a process of its own; one more stands ready for the next."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._ready: Process | None = Process()

    def run(self, commands: Sequence[Command], folder: Path, cache: Path, report: Report, stop: Event) -> list[Ran]:
        """Run commands one after the other in `folder`, up to the first needed one that is refused.

        cache: a folder that stands for the user's, so that what is heard in recordings goes with the session.
        Raises Stopped, within POLL_SECONDS and the workers' grace, once `stop` is set, and InputError where the process
        is killed.
        """
        with self._lock:
            process, self._ready = self._ready or Process(), None
        try:
            return process.run(commands, folder, cache, report, stop)
        finally:
            with self._lock:
                self._ready = self._ready or Process()

    def close(self) -> None:
        """End the one that stands ready."""
        with self._lock:
            ready, self._ready = self._ready, None
        if ready is not None:
            ready.end()


_SENDER: list[Connection] = []
"""The way to who watches, in the process that works."""


def _tell_through(sender: Connection) -> None:
    _SENDER.append(sender)


def _load() -> None:
    import torch  # noqa: F401


def _run_all(commands: Sequence[Command], folder: Path, cache: Path) -> list[Ran]:
    os.chdir(folder)
    hub = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "huggingface")
    os.environ.setdefault("HF_HOME", str(hub))  # checkpoints are the machine's, whoever asks
    os.environ["XDG_CACHE_HOME"] = str(cache)
    ran: list[Ran] = []
    with watching(_Watcher(_SENDER[0].send)):
        for command in commands:
            ran.append(_ran(command))
            if ran[-1].status == EXIT_WRONG_USAGE and command.needed:
                break
    return ran


def _ran(command: Command) -> Ran:
    output, errors = io.StringIO(), io.StringIO()
    with redirect_stdout(output), redirect_stderr(errors):
        try:
            status = import_module(command.module).main(list(command.arguments)) or EXIT_DONE
        except (InputError, WeightsError) as error:
            errors.write(f"{error}\n")
            status = EXIT_WRONG_USAGE
        except SystemExit as end:  # argparse's
            status = EXIT_WRONG_USAGE if end.code else EXIT_DONE
    return Ran(status, output.getvalue(), tuple(errors.getvalue().splitlines()))


class _Watcher:
    """The progress that tells a report of all loops under way, at most once in POLL_SECONDS."""

    def __init__(self, report: Report) -> None:
        self.report, self.loops, self.told = report, [], 0.0

    def __call__(self, steps: Iterable[Any], *, desc: str = "", total: int | None = None, **_: Any) -> Iterator[Any]:
        place, begun = len(self.loops), time.monotonic()
        total = len(steps) if total is None and hasattr(steps, "__len__") else total
        self.loops.append(Loop(desc, 0, total, 0.0))
        try:
            for done, step in enumerate(steps):
                del self.loops[place + 1 :]  # of loops that were not gone through to their end
                self.loops[place] = Loop(desc, done, total, time.monotonic() - begun)
                self._tell()
                yield step
        finally:
            del self.loops[place:]

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self.told >= POLL_SECONDS:
            self.told = now
            self.report(tuple(self.loops))
