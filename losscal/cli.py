"""What every command line of ours does alike: results on stdout, everything else on stderr, errors in one sentence.

Flags are made of the fields of a config (`add_flags`, `config_from`); a number that belongs to none has its range too
(`in_range`).
"""

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from losscal.errors import InputError, WeightsError
from losscal.processes.interruption import PROCESS
from losscal.settings import Number, Setting, Settings, settings_of
from losscal.text import in_one_line

DEFAULT_CORPUS = "data/giantmidi-piano"
EXIT_DONE = 0
EXIT_ITEMS_FAILED = 1
EXIT_WRONG_USAGE = 2
STDOUT, STDERR = 1, 2
"""Their numbers to the system."""
_CALLED: ContextVar[str | None] = ContextVar("called", default=None)

Config = TypeVar("Config", bound=Settings)


class FlagError(argparse.ArgumentTypeError):
    """A flag's value is refused: the message tells the value and what is allowed, `flag` the flag where it is known."""

    def __init__(self, message: str, flag: str) -> None:
        super().__init__(message)
        self.flag = flag


@dataclass(frozen=True)
class FlagType:
    """A flag's type for argparse and jsonargparse: what `setting` allows, in one sentence where it is not that."""

    setting: Number | Setting
    flag: str = ""

    def __call__(self, value: Any) -> Any:
        """The value that a command line spells, or the one that a file of flags holds."""
        if value is None:
            return None
        try:
            return self.setting.parse(",".join(map(str, value)) if isinstance(value, list | tuple) else str(value))
        except ValueError as error:
            raise FlagError(str(error), self.flag) from error


def in_range(annotation: Any) -> FlagType:
    """The type of a flag that takes a number, of an annotation like `losscal.settings.Count`."""
    return FlagType(Number.of(annotation))


def of_field(config_class: type[Settings], name: str) -> FlagType:
    """The type of a flag that takes what a config's field may be."""
    return FlagType(next(setting for setting in settings_of(config_class) if setting.name == name))


def file_to_write(*suffixes: str) -> Callable[[str], Path]:
    """The type of a flag that names a file to write, whose name ends in one of the suffixes, in any case."""

    def path_of(text: str) -> Path:
        path = Path(text)
        if path.suffix.lower() not in suffixes:
            raise argparse.ArgumentTypeError(f"{text}: end the name in {' or '.join(suffixes)}, which is written")
        if path.is_dir():
            raise argparse.ArgumentTypeError(f"{text}: a folder; name a file to write")
        return path

    return path_of


def add_overwrite_flag(parser: argparse._ActionsContainer) -> None:
    """--overwrite, of every command that writes files of a name given to it."""
    parser.add_argument("--overwrite", action="store_true", help="replace what is there already")


def check_new(paths: Iterable[str | Path], *, overwrite: bool) -> None:
    """Raises InputError where a file is there already that nobody asked to replace."""
    for path in map(Path, paths):
        if path.is_file() and not overwrite:
            raise InputError(f"{path}: is there already; add --overwrite to replace it, or choose another name.")


def add_data_flag(parser: argparse._ActionsContainer) -> None:
    """--data, the prepared corpus."""
    parser.add_argument(
        "--data",
        metavar="DIR",
        default=DEFAULT_CORPUS,
        help="corpus made by python -m symbolic.prepare (default: %(default)s)",
    )


def add_weights_flag(parser: argparse._ActionsContainer) -> None:
    """--weights, a folder of them."""
    parser.add_argument("--weights", type=Path, metavar="DIR", help="folder of weights other than the shipped ones")


def flag_of(name: str, prefix: str = "") -> str:
    """The flag of a config's field: "--steps", or "--optim.steps" below a prefix."""
    return f"--{prefix}{'.' if prefix else ''}{name.replace('_', '-')}"


def add_flags(
    parser: argparse._ActionsContainer, defaults: Settings, prefix: str = "", *, skip: Collection[str] = ()
) -> None:
    """A flag for each field of the config, with its help, its range and, as default, its value in `defaults`."""
    for setting in settings_of(type(defaults)):
        if setting.name in skip:
            continue
        flag, default = flag_of(setting.name, prefix), getattr(defaults, setting.name)
        shown = ",".join(map(str, default)) if setting.is_tuple else default
        ending = "" if default is None else f" (default: {shown})"
        parser.add_argument(
            flag,
            type=FlagType(setting, flag),
            default=default,
            metavar="{" + ",".join(setting.choices) + "}" if setting.choices else setting.name.upper(),
            help=(setting.help.removesuffix(".") + ending).replace("%", "%%"),
        )


def config_from(flags: Any, config_class: type[Config], prefix: str = "", *, skip: Collection[str] = ()) -> Config:
    """The config that flags made by `add_flags` spell; raises InputError where its fields do not go together."""
    names = [setting.name for setting in settings_of(config_class) if setting.name not in skip]
    try:
        return config_class(**{name: getattr(flags, name) for name in names})
    except ValueError as error:
        name, _, problem = str(error).partition(" ")
        raise InputError(f"{flag_of(name, prefix)} {problem}.") from error


@contextmanager
def called_as(command: str) -> Iterator[None]:
    """Let commands be called by this name in the block, and not as modules."""
    token = _CALLED.set(command)
    try:
        yield
    finally:
        _CALLED.reset(token)


def prog_of(module: str) -> str:
    """What a module's command calls itself: as it was called, "python -m bridge.score" where nothing else is said."""
    return _CALLED.get() or f"python -m {module}"


def command_line(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> str:
    """What was typed, ready to be typed again."""
    return shlex.join([*parser.prog.split(), *(sys.argv[1:] if argv is None else argv)])


def write_result(text: str) -> None:
    """Write a result, and nothing else, to stdout; raises InputError where that is full.

    A reader that has seen enough, as `head` has, is no fault.
    """
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except OSError as error:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - else Python complains once more when it ends
        if not isinstance(error, BrokenPipeError):
            raise InputError(f"stdout: cannot be written ({error.strerror}); send it elsewhere.") from error


def log(text: str) -> None:
    """Write one line about what is going on to stderr, control characters of files' names escaped."""
    with suppress(OSError):  # where it is closed or full, there is nobody to tell
        sys.stderr.write(in_one_line(text) + "\n")


def _keep_stdout_for_results() -> None:
    """What C libraries print goes to stderr: libsndfile, for one, complains on stdout of a broken ALAC stream."""
    if sys.stdout is not sys.__stdout__ or sys.stdout.fileno() != STDOUT:  # another program's
        return
    encoding, errors = sys.stdout.encoding, sys.stdout.errors
    sys.stdout.flush()
    sys.stdout = open(os.dup(STDOUT), "w", encoding=encoding, errors=errors)  # noqa: SIM115 (for good)
    os.dup2(STDERR, STDOUT)


def run(main: Callable[[Sequence[str] | None], int | None]) -> NoReturn:
    """Exit with `main(None)`'s status, 0 for None.

    An InputError or WeightsError becomes one line on stderr and exit 2, a signal that asks to end (Ctrl-C, SIGTERM) one
    line and 128 and its number.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who started us
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        getattr(sys, name).reconfigure(errors="backslashreplace")  # file names may hold bytes that no encoding knows
    _keep_stdout_for_results()
    # Before torch is loaded: threads that spin while they wait keep each other from the cores that others use as well.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    PROCESS.listen()
    PROCESS.is_importing = False
    try:
        status = main(None) or EXIT_DONE
    except BaseException as error:
        if PROCESS.interrupted is not None:  # whatever else came of it: libraries turn it into errors of their own
            log(PROCESS.interrupted.sentence)
            status = PROCESS.interrupted.status
        elif isinstance(error, InputError | WeightsError):
            log(f"error: {error}")
            status = EXIT_WRONG_USAGE
        else:
            raise
    if PROCESS.interrupted is None:
        PROCESS.over()
    sys.exit(status)
