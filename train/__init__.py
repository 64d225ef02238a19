"""Lightning entry points: `train.vqvae`, `train.gpt`, `train.spectral_lm`, `train.diffusion` make the weights."""

import sys
from pathlib import Path

if sys.argv[:1] == ["-m"] and Path(__file__).parents[1] != Path(sys.path[0]) == Path.cwd():
    del sys.path[0]  # a command, where `python -m` puts the working folder first: its files do not stand for ours
