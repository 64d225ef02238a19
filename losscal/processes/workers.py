"""Processes to share work among, of which none is left behind, however the program that began them ends."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from threading import Thread
from types import FrameType, TracebackType
from typing import Any, TypeVar

from losscal.errors import InputError
from losscal.processes.interruption import ENDING_SIGNALS, Interrupted, is_in_import, send_again

Result = TypeVar("Result")
GRACE_SECONDS = 1.0
"""To undo what is half done, after which a worker is killed."""


class WorkerPool(ProcessPoolExecutor):
    """Spawned processes for a `with` block: they end with it; at once, without the queued work, if anything is raised.

    Signals from a terminal are the parent's to act on; a worker whose parent is killed ends itself. What is under way
    in a worker that has to end is undone, as by an exception. Leaving the block raises InputError where it is left
    because a worker was killed.

    prepare: called in each worker before its first work.
    """

    def __init__(self, workers: int, prepare: Callable[[], None] | None = None) -> None:
        super().__init__(workers, get_context("spawn"), initializer=_begin, initargs=(prepare,))

    def submit(self, function: Callable[..., Result], /, *args: Any, **kwargs: Any) -> "Future[Result]":
        """As an executor's, which starts workers here."""
        with _signals_held():
            return super().submit(_work, function, *args, **kwargs)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            self._end_workers()
        self.shutdown(cancel_futures=True)
        if isinstance(error, BrokenProcessPool):
            raise InputError(
                "A process that worked was killed, perhaps for want of memory; end other programs, or use fewer "
                "--workers."
            ) from error

    def _end_workers(self) -> None:
        processes = list((self._processes or {}).values())  # terminate_workers() of Python 3.14 knows no other way
        for process in processes:
            process.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        for process in processes:
            process.join(max(0.0, deadline - time.monotonic()))
            process.kill()


def compute_on_one_thread() -> None:
    """For workers that compute with torch: together they keep the cores busy."""
    import torch

    torch.set_num_threads(1)


@contextmanager
def _signals_held() -> Iterator[None]:
    """Let signals wait, here and, until it is ready for them, in a process begun here: none is begun by half."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(prepare: Callable[[], None] | None) -> None:
    Thread(target=_end_with_parent, daemon=True).start()
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)
    if prepare is not None:
        prepare()


def _end_with_parent() -> None:
    parent_process().join()  # which may be killed without a word
    os._exit(1)


def _work(function: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Result:
    signal.signal(signal.SIGTERM, _raise_once)
    try:
        return function(*args, **kwargs)
    except Interrupted as interrupted:
        os._exit(interrupted.status)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _raise_once(number: int, frame: FrameType | None) -> None:
    if is_in_import(frame):
        send_again(number)
        return
    signal.signal(number, signal.SIG_IGN)
    raise Interrupted(number)
