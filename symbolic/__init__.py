"""Everything about the notes: reading MIDI, events, the VQ-VAE, the transformer, likelihood and generation.

A MIDI file becomes a `performance.Performance` through `cleaning`; models see it as `events`; `likelihood` is the one
place where a symbolic score is computed.
"""

import sys
from pathlib import Path

if sys.argv[:1] == ["-m"] and Path(__file__).parents[1] != Path(sys.path[0]) == Path.cwd():
    del sys.path[0]  # a command, where `python -m` puts the working folder first: its files do not stand for ours
