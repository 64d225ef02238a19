"""`python -m bridge.web`: the page for a browser, on this machine alone unless another address is given.

Ctrl-C ends it. Uploads and results lie in a private folder that goes then, those of a person when the person leaves.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import TYPE_CHECKING, Annotated

from bridge.web.uploads import Limits
from losscal.cli import EXIT_DONE, add_flags, add_weights_flag, config_from, in_range, log, prog_of
from losscal.errors import InputError
from losscal.settings import Range

if TYPE_CHECKING:
    import gradio as gr

Port = Annotated[int, Range(1, 65_535)]
Jobs = Annotated[int, Range(1, 64)]
HERE = "127.0.0.1"


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog=prog_of("bridge.web"), description="Score, write and compare in a browser.")
    add_server_flags(parser)
    parser.add_argument(
        "--jobs", type=in_range(Jobs), default=1, help="that run beside each other, others wait (default: %(default)s)"
    )
    add_flags(parser, Limits())
    add_weights_flag(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until a signal ends it. Raises InputError where Gradio is not installed or the port is taken."""
    options = build_parser().parse_args(argv)
    limits = config_from(options, Limits)
    with private_folder() as folder:
        from bridge.web.jobs import Processes
        from bridge.web.page import build_page
        from bridge.web.sessions import Sessions
        from bridge.web.workshop import Workshop

        sessions, processes = Sessions(folder), Processes()
        try:
            page = build_page(Workshop(sessions, processes, limits, options.weights, options.jobs))
            with launched(page, options, upload_mb=limits.upload_mb):
                sessions.protect_uploads()
                Event().wait()
        finally:
            sessions.close()
            processes.close()
    return EXIT_DONE


def add_server_flags(parser: argparse.ArgumentParser) -> None:
    """Where a page listens."""
    parser.add_argument(
        "--host", default=HERE, help="address to listen on; 0.0.0.0 lets others in (default: %(default)s)"
    )
    parser.add_argument("--port", type=in_range(Port), help="(default: the first free one from 7860 on)")
    parser.add_argument(
        "--share", action="store_true", help="also through a public link of Gradio's, over their servers"
    )
    parser.add_argument("--open", action="store_true", help="open the page in this machine's browser")


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder for all files of a page, which goes with the block, and Gradio told to use it and to tell nobody.

    Raises InputError where Gradio is not installed.
    """
    with TemporaryDirectory(prefix="losscal-web-") as folder:
        os.environ |= {  # before Gradio is imported
            "GRADIO_TEMP_DIR": folder,
            "GRADIO_ANALYTICS_ENABLED": "False",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }
        if find_spec("gradio") is None:
            raise InputError("The page needs Gradio: run pip install '.[web]' in LossCal's folder.")
        yield Path(folder)


@contextmanager
def launched(page: "gr.Blocks", options: argparse.Namespace, *, upload_mb: int) -> Iterator[None]:
    """Serve a page in the block; raises InputError where the port is taken."""
    from bridge.web.looks import STYLE, THEME

    try:
        _, address, public = page.launch(
            server_name=options.host,
            server_port=options.port,
            share=options.share,
            inbrowser=options.open,
            max_file_size=f"{upload_mb}mb",
            theme=THEME,
            css=STYLE,
            ssr_mode=False,
            run_history=False,
            enable_monitoring=False,
            footer_links=[],
            show_error=True,
            quiet=True,
            prevent_thread_lock=True,
            _frontend=False,  # no look whether we answer within 3 s, after which Gradio wants to share: a busy machine
        )
    except OSError as error:
        place = "no port" if options.port is None else f"--port {options.port}"
        raise InputError(f"{place}: cannot be listened on ({error}); choose another.") from error
    try:
        log(f"open {public or address} in a browser; Ctrl-C ends it")
        yield
    finally:
        page.close(verbose=False)
