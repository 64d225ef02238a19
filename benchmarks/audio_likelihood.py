"""`python -m benchmarks.audio_likelihood`: test nats per second of the audio model beside two that know less.

Windows of test pieces are rendered; what the shipped weights hear in them is scored by `audio.spectral.model`. "keys"
knows how often each key is struck; "last step" knows how often it is where it was, and where it was not, struck in the
step before: both are add-one smoothed counts over renderings of training pieces. Intervals: 95 %, bootstrap over
windows (each of its own piece while there are more pieces than windows).
"""

import argparse
from collections.abc import Sequence
from typing import Annotated

import numpy as np

from audio.spectral.frames import quantised_frames
from audio.spectral.model import step_nats
from audio.spectral.scoring import SpectralLMScorer
from bridge.references import render_window
from losscal.cli import EXIT_DONE, add_data_flag, in_range, run, write_result
from losscal.settings import Count, Range
from losscal.statistics import markdown_table, mean, with_interval
from symbolic.data.corpus import Corpus
from symbolic.data.excerpts import Length, draw_in_turn, pieces_of_corpus


class KeyCounts:
    """Each key on its own: whether it is struck given whether it was one step before, or given nothing."""

    def __init__(self, music: Sequence[np.ndarray], *, knows_previous: bool) -> None:
        n_keys = music[0].shape[1]
        counts = np.ones((n_keys, 2 if knows_previous else 1, 2))
        self.knows_previous, self.keys = knows_previous, np.arange(n_keys)
        for struck in music:
            np.add.at(counts, self._cells(struck), 1)
        self.nats = -np.log(counts / counts.sum(axis=-1, keepdims=True))

    def nll_nats(self, struck: np.ndarray) -> float:
        """-log p of steps uint8 [T, n_keys], 0 or 1."""
        return float(self.nats[self._cells(struck)].sum())

    def _cells(self, struck: np.ndarray) -> tuple[np.ndarray, ...]:
        previous = np.zeros_like(struck)
        if self.knows_previous:
            previous[1:] = struck[:-1]
        return np.broadcast_to(self.keys, struck.shape), previous, struck


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audio_likelihood", description=__doc__)
    add_data_flag(parser)
    parser.add_argument("--windows", type=in_range(Count), default=60, help="test windows (default 60)")
    parser.add_argument(
        "--seconds", type=in_range(Annotated[int, Range(1, 3600)]), default=30, help="length of a window (default 30)"
    )
    flags = parser.parse_args(argv)
    corpus, scorer, length = Corpus.open(flags.data), SpectralLMScorer.load(), Length(flags.seconds, "seconds")

    def struck(split: str, count: int) -> list[np.ndarray]:
        windows = draw_in_turn(pieces_of_corpus(corpus, split), length, count, np.random.default_rng(1))
        sounds = (render_window(w, flags.seconds, scorer.sample_rate) for w in windows)
        return [scorer.model.hear(quantised_frames(sound)) for sound in sounds]

    train, test = struck("train", 2 * flags.windows), struck("test", flags.windows)
    keys, last_step = (KeyCounts(train, knows_previous=knows) for knows in (False, True))
    nats = {
        "keys": [keys.nll_nats(steps) for steps in test],
        "last step": [last_step.nll_nats(steps) for steps in test],
        "spectral_lm": [float(step_nats(scorer.model, steps).sum()) for steps in test],
    }
    rows = [[name, with_interval(np.array(values) / flags.seconds, mean, ".1f")] for name, values in nats.items()]
    write_result(f"{flags.windows} renderings of {flags.seconds} s of test pieces\n")
    write_result(markdown_table(["model", "nats/s"], rows))
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
