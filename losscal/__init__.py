"""What every part of LossCal stands on: errors, whole files, MIDI, weights, percentiles, commands.

The notes live in `symbolic`, the sound in `audio`; neither knows the other, and both may use this package.
"""

from importlib import import_module
from typing import Any

from losscal.processes.interruption import listen_if_command

# Commands import for up to a second before they begin, and Ctrl-C then is to end them in one line, too.
listen_if_command(("symbolic", "audio", "bridge", "train", "benchmarks"))


def __getattr__(name: str) -> Any:
    """`losscal.Scorer` is that of `bridge.scorer`, imported when it is asked for."""
    if name == "Scorer":
        return import_module("bridge.scorer").Scorer
    raise AttributeError(f"module 'losscal' has no attribute {name!r}")
