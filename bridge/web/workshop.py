"""What all tabs share: sessions, limits, and how a job is run, watched and told of on the page."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path
from threading import Event
from typing import Any

import gradio as gr

from bridge.views.declarations import VIEWS
from bridge.views.opening import SHIPPED_VIEWS
from bridge.web.jobs import Command, Loop, Processes, Ran, Stopped
from bridge.web.sessions import Session, Sessions
from bridge.web.uploads import Limits
from losscal.cli import EXIT_WRONG_USAGE
from losscal.errors import InputError

ONE_AT_A_TIME = "work"
"""The name under which the jobs of all tabs share the queue's places."""


@dataclass(frozen=True)
class Workshop:
    """The server's. weights: a folder of other weights than those shipped. jobs: how many run beside each other."""

    sessions: Sessions
    processes: Processes
    limits: Limits
    weights: Path | None = None
    jobs: int = 1

    @property
    def views(self) -> list[str]:
        """Those that can be chosen."""
        return [name for name in SHIPPED_VIEWS if VIEWS[name].weights.paths(self.weights)[0].is_file()]

    def session(self, request: gr.Request) -> Session:
        """The session of who asks."""
        return self.sessions.of(request.session_hash)

    def keep_uploads(self, uploads: list[str] | str | None, request: gr.Request) -> None:
        """Remember whose uploads they are, of a file or of several."""
        paths = [uploads] if isinstance(uploads, str) else uploads or []
        self.sessions.keep_uploads(request.session_hash, map(Path, paths))

    def command(self, module: str, *arguments: object) -> Command:
        """A command line with the server's weights, where those of a view are read."""
        weights = [] if self.weights is None else ["--weights", self.weights]
        return Command(module, tuple(map(str, [*arguments, *weights])))

    async def run(
        self, commands: Sequence[Command], session: Session, folder: Path, progress: gr.Progress
    ) -> list[Ran]:
        """Run commands in `folder`; raises InputError where a needed one is refused, with what it said.

        A run that is cancelled, or whose session ends, is over when this returns.
        """
        progress(None, desc="starting")
        with session.job() as stop:
            work = asyncio.create_task(
                asyncio.to_thread(
                    self.processes.run, commands, folder, session.folder / "cache", partial(_show, progress), stop
                )
            )
            try:
                ran = await asyncio.shield(work)
            except asyncio.CancelledError:
                await _ended(work, stop)
                raise
            except Stopped as stopped:
                raise InputError("The session has ended; load the page again.") from stopped
        for command, one in zip(commands, ran, strict=False):
            if command.needed and one.status == EXIT_WRONG_USAGE:
                raise InputError(_last_words(one))
        return ran


def interrupts(
    stop: gr.Button, running: gr.events.Dependency, told: Callable[..., Any], outputs: Sequence[gr.components.Component]
) -> None:
    """Let a button end what is running, and show what is told then once it has ended.

    A click on what starts it would be passed over before that.
    """
    stop.click(None, cancels=[running], api_visibility="private", queue=False)
    running.failure(told, None, outputs, api_visibility="private", show_progress="hidden", queue=False)


async def _ended(work: "asyncio.Task[list[Ran]]", stop: Event) -> None:
    stop.set()
    await asyncio.wait([work])
    work.exception()  # it was asked for


def _last_words(ran: Ran) -> str:
    line = ran.told[-1] if ran.told else "The command was refused without a word."
    return line.partition(": error: ")[2] or line.removeprefix("error: ")


def _show(progress: gr.Progress, loops: tuple[Loop, ...]) -> None:
    """Tell Gradio's bar of the outermost loop that has a length, in words of it and of those around it."""
    share, words = None, []
    for loop in loops:
        words.append(_words(loop))
        if loop.total is not None and loop.total > 1:
            share = loop.done / loop.total
            if loop.seconds_left is not None:
                words.append(f"about {_duration(loop.seconds_left)} left")
            break
    progress(share, desc=" · ".join(filter(None, words)))  # None: no bar, only words


def _words(loop: Loop) -> str:
    if loop.total is None or loop.total == 1:
        return loop.desc
    return f"{loop.desc} {min(loop.done + 1, loop.total)} of {loop.total}"


def _duration(seconds: float) -> str:
    return f"{max(1, round(seconds))} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def problem_html(error: InputError) -> str:
    """A refusal as the page shows it."""
    return f"<p class='problem' role='alert'>{escape(str(error))}</p>"
