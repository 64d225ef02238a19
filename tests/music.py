"""Music for the tests: small random Performances on the grid, made here and nowhere else."""

from pathlib import Path

import numpy as np

from symbolic.data.corpus import Piece, write_corpus
from symbolic.notes.performance import NOTE_DTYPE, Performance


def random_performance(seed: int, notes: int = 60) -> Performance:
    """Chords, runs, long silences and repeated keys; no key is struck while it is down."""
    rng = np.random.default_rng(seed)
    shift = rng.choice([0, 0, 3, 12, 25, 90], size=notes)
    shift[rng.random(notes) < 0.03] = 1300  # longer than a rest symbol, twice
    shift[0] = 0
    array = np.zeros(notes, dtype=NOTE_DTYPE)
    array["onset_ticks"] = np.cumsum(shift)
    array["pitch"] = rng.integers(21, 109, notes)
    array["velocity_bin"] = rng.integers(0, 32, notes)
    array = array[np.unique(array["onset_ticks"].astype(int) * 128 + array["pitch"], return_index=True)[1]]
    array["duration_ticks"] = rng.integers(1, 602, len(array))
    for pitch in np.unique(array["pitch"]):
        of_key = np.flatnonzero(array["pitch"] == pitch)
        gap = np.diff(array["onset_ticks"][of_key])
        array["duration_ticks"][of_key[:-1]] = np.minimum(array["duration_ticks"][of_key[:-1]], gap)
    return Performance(array)


def write_random_corpus(folder: Path, *, train: int, validation: int, notes: int = 80) -> None:
    """A prepared corpus of so many pieces of each split, by Bach and Handel in turn."""
    music = [random_performance(seed, notes) for seed in range(train + validation)]
    pieces, start = [], 0
    for index, performance in enumerate(music):
        stop, split = start + len(performance), "train" if index < train else "validation"
        name, composer = f"{index}", ("Bach", "Handel")[index % 2]
        pieces.append(Piece(name, f"{name}.mid", composer, "baroque", name, split, start, stop, 1.0, (), {}))
        start = stop
    write_corpus(folder, pieces, music, [], "made in a test")
