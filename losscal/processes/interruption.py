"""How commands end when they are asked to (Ctrl-C, SIGTERM, a closed terminal): at once, with one line and its status.

The first signal raises Interrupted in the main thread, so that temporary files and workers go as after any error.
Terminals and `timeout` may send it twice: what follows within a second is the same wish; what comes later ends the
process on the spot. A signal that whoever started us has silenced, as nohup does, stays so.
"""

import _thread
import atexit
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from threading import main_thread
from types import FrameType

ENDING_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)  # Windows has no SIGHUP
SAME_WISH_SECONDS = 1.0
PYTHON_ENDS_SECONDS = 10.0
SENT_AGAIN_SECONDS = 0.05


class Interrupted(BaseException):
    """A signal asks the command to end. No Exception, so that nothing which goes on after errors goes on after it."""

    def __init__(self, number: int) -> None:
        super().__init__("interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}")
        self.number = number

    @property
    def status(self) -> int:
        """The exit status that shells know for it."""
        return 128 + self.number

    @property
    def sentence(self) -> str:
        """What is told of it, with the notes that were added on the way."""
        return "; ".join([str(self), *getattr(self, "__notes__", ())])


class Interruption:
    """What becomes of the signals of a process.

    is_importing: its modules are being imported, there is nothing to undo yet: a signal ends it without an exception.
    Later imports, of torch with its seconds, come to their end first: C++ that begins there calls Python, and aborts
    where that raises.
    interrupted: what was raised, or will be. instead: asks what can end by itself, soon, for that, and nothing is
    raised.
    """

    def __init__(self) -> None:
        self.is_importing = True
        self.interrupted: Interrupted | None = None
        self.instead: Callable[[int], None] | None = None
        self._deaf_until: float | None = None

    def listen(self) -> None:
        """Take the signals over."""
        for number in ENDING_SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._received)
        atexit.unregister(_silence)
        atexit.register(_silence)

    def over(self) -> None:
        """All is done: what is sent while Python ends, which may take seconds, comes too late to change anything."""
        self._deaf_until = time.monotonic() + PYTHON_ENDS_SECONDS

    def _received(self, number: int, frame: FrameType | None) -> None:
        if self._deaf_until is not None:
            if time.monotonic() > self._deaf_until:
                signal.signal(number, signal.SIG_DFL)
                signal.raise_signal(number)
            return
        if not self.is_importing and is_in_import(frame):
            send_again(number)
            return
        self._deaf_until, self.interrupted = time.monotonic() + SAME_WISH_SECONDS, Interrupted(number)
        if self.is_importing:
            with suppress(OSError):
                os.write(2, f"{self.interrupted}\n".encode())
            os._exit(self.interrupted.status)
        if self.instead is None:
            raise self.interrupted
        self.instead(number)


def is_in_import(frame: FrameType | None) -> bool:
    """Whether a module is being imported where a signal came."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib."):
            return True
        frame = frame.f_back
    return False


def send_again(number: int) -> None:
    """Have a signal come once more, soon: by a bare thread, as the main one may hold the locks of `threading`."""

    def send() -> None:
        time.sleep(SENT_AGAIN_SECONDS)
        if hasattr(signal, "pthread_kill"):
            signal.pthread_kill(main_thread().ident, number)  # ends a wait, too
        else:  # Windows
            _thread.interrupt_main(number)

    _thread.start_new_thread(send, ())


def _silence() -> None:
    """For the last of Python's end, which takes handlers away: the exit status is decided."""
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


PROCESS = Interruption()
"""Of this process; it listens in commands only."""


def listen_if_command(packages: tuple[str, ...]) -> None:
    """Take the signals over where Python runs a module of these packages with -m, and not in others' programs."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is not None and spec.name.partition(".")[0] in packages:
        PROCESS.listen()
