"""`python -m bridge.doctor`: what is installed, which views are available, and why the others are not, on one screen.

A view counts as available when it has been opened, not when its files are there. Nothing is fetched.
"""

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from textwrap import wrap

from audio.checkpoints import checkpoint_folder
from bridge.synthesis.synthesiser import default_soundfont, fluidsynth_version
from bridge.transcription.listening import Listener
from bridge.views.declarations import VIEWS, installed_plugins
from bridge.views.opening import SHIPPED_VIEWS, open_views
from losscal.cli import EXIT_DONE, EXIT_ITEMS_FAILED, add_weights_flag, prog_of, run, write_result
from losscal.errors import InputError, WeightsError, in_words

WIDTH, NAME_WIDTH, STATE_WIDTH = 120, 21, 15
ABSENT, AVAILABLE = "not available", "available"
EXTRAS = {
    "transformers": "for musicgen: pip install '.[musicgen]' in LossCal's folder",
    "audiobox_aesthetics": "for audiobox: pip install --no-deps audiobox_aesthetics",
    "gradio": "for the pages of web and listen: pip install '.[web]' in LossCal's folder",
    "choix": "for listen: pip install '.[listen]' in LossCal's folder",
    "pandas": "for report.to_pandas(): pip install '.[pandas]' in LossCal's folder",
    "ray": "for score --engine ray: pip install '.[ray]' in LossCal's folder",
}
"""Packages that not everybody needs: what for, and how to get them."""


@dataclass(frozen=True)
class Finding:
    """One line. state: a version, or a word; told: what else there is to say."""

    name: str
    state: str
    told: str = ""

    def lines(self) -> list[str]:
        """At most WIDTH characters each, but for a path that is longer."""
        head = f"  {self.name:<{NAME_WIDTH}}{self.state:<{STATE_WIDTH}}"
        indent = " " * len(head)
        lines = wrap(head + self.told, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        return [line.rstrip() for line in lines]


def machine() -> Iterator[Finding]:
    """What all computing stands on."""
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Finding("Python", platform.python_version(), f"{sys.executable}; {platform.system()}, {cores} cores")
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no graphics card that it could use"
    yield Finding("torch", torch.__version__, f"{device}; {torch.get_num_threads()} threads")
    yield torchaudio()


def torchaudio() -> Finding:
    """Where it is installed beside a build of torch that it does not go with, it breaks other packages too."""
    found = of_package("torchaudio", "not needed: soxr resamples in its place")
    if found.state == ABSENT:
        return found
    try:
        import_module("torchaudio")
    except (ImportError, OSError, RuntimeError) as error:
        return Finding(found.name, "broken", f"pip uninstall torchaudio; {in_words(error)}")
    return found


def sound() -> Iterator[Finding]:
    """What plays, reads and hears."""
    import soundfile

    yield asked("FluidSynth", "plays MIDI files", fluidsynth_version)
    yield asked("SoundFont", "where no --soundfont is given", lambda: default_soundfont().stem)
    yield Finding("libsndfile", soundfile.__libsndfile_version__, "reads WAV, FLAC, OGG, MP3 and AIFF")
    yield asked("transkun", "hears the notes of recordings", lambda: Listener().transcriber.version)


def asked(name: str, use: str, state_of: Callable[[], str]) -> Finding:
    """The state that is told when asked for; raised as InputError, why there is none."""
    try:
        return Finding(name, state_of(), use)
    except InputError as error:
        return Finding(name, ABSENT, str(error))


def of_package(name: str, use: str) -> Finding:
    """A package's version; use: what it is for and how to get it, where it is absent."""
    try:
        return Finding(name, version(name))
    except PackageNotFoundError:
        return Finding(name, ABSENT, use)


def of_view(name: str, weights: Path | None) -> Finding:
    """Whether a view can be opened, else why not and what to do. Nothing is fetched."""
    reason = _why_not_open(name, weights)
    if reason is not None:
        return Finding(name, ABSENT, reason)
    return Finding(name, AVAILABLE, VIEWS[name].unit if name in VIEWS else "")


def _why_not_open(name: str, weights: Path | None) -> str | None:
    checkpoint = VIEWS[name].checkpoint if name in VIEWS else None
    try:
        checkpoints = {} if checkpoint is None else {name: str(checkpoint_folder(checkpoint, fetch=False))}
        return open_views([name], weights, checkpoints).unavailable.get(name)
    except WeightsError as error:
        return str(error)
    except InputError as error:
        fetch = "" if checkpoint is None else f" --views {name} fetches it once."
        return f"{error}{fetch}"


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog=prog_of("bridge.doctor"),
        description="What is installed, which views are available, and why others are not.",
        epilog="Exit status: 0 all views that are shipped can be used, 1 some cannot.",
    )
    add_weights_flag(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Print the findings; exit status 1 where a shipped view cannot be used."""
    flags = build_parser().parse_args(argv)
    plugins = sorted(set(installed_plugins()) - set(VIEWS))
    of_views = [of_view(name, flags.weights) for name in [*VIEWS, *plugins]]
    sections = {
        f"losscal {version('losscal')}": machine(),
        "sound": sound(),
        "packages that not everybody needs": (of_package(name, use) for name, use in EXTRAS.items()),
        "views": of_views,
    }
    for title, findings in sections.items():
        write_result("\n".join([title, *(line for finding in findings for line in finding.lines())]))
    is_well = all(finding.state == AVAILABLE for finding in of_views if finding.name in SHIPPED_VIEWS)
    return EXIT_DONE if is_well else EXIT_ITEMS_FAILED


if __name__ == "__main__":
    run(main)
