"""What every command line of ours does alike: results on stdout, everything else on stderr, errors in one sentence."""

import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from losscal.errors import InputError, WeightsError

EXIT_DONE = 0
EXIT_ITEMS_FAILED = 1
EXIT_WRONG_USAGE = 2
EXIT_INTERRUPTED = 130  # what shells report after Ctrl-C


def write_result(text: str) -> None:
    """Write a result, and nothing else, to stdout."""
    sys.stdout.write(text + "\n")


def log(text: str) -> None:
    """Write one line about what is going on to stderr."""
    sys.stderr.write(text + "\n")


def run(main: Callable[[Sequence[str] | None], int]) -> NoReturn:
    """Exit with `main(None)`'s status; an InputError or WeightsError becomes one line on stderr and exit 2."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # file names may hold bytes that no encoding knows
    try:
        status = main(None)
    except (InputError, WeightsError) as error:
        log(f"error: {error}")
        status = EXIT_WRONG_USAGE
    except KeyboardInterrupt:
        status = EXIT_INTERRUPTED
    sys.exit(status)
