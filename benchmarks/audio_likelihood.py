"""`python -m benchmarks.audio_likelihood`: test nats per second of the audio model beside two that know less.

Windows of test pieces are rendered and scored by `audio.spectral.model` with the shipped weights. "bands" knows how
often each band takes each level; "persistence" knows how often each band goes from one level to the next: both are
add-one smoothed counts over renderings of training pieces. Intervals: 95 %, bootstrap over windows (each of its own
piece while there are more pieces than windows).
"""

import argparse
from collections.abc import Sequence
from typing import Annotated

import numpy as np

from audio.spectral.frames import FrameConfig, quantised_frames
from audio.spectral.model import frame_nats
from audio.spectral.scoring import SpectralLMScorer
from bridge.references import render_window
from losscal.cli import EXIT_DONE, add_data_flag, in_range, run, write_result
from losscal.settings import Count, Range
from losscal.statistics import markdown_table, mean, with_interval
from symbolic.data.corpus import Corpus
from symbolic.data.excerpts import Length, draw_in_turn, pieces_of_corpus


class BandCounts:
    """Each band on its own: its level given its level one frame before, or given nothing."""

    def __init__(self, music: Sequence[np.ndarray], *, knows_previous: bool) -> None:
        config = FrameConfig()
        previous_levels = config.n_levels if knows_previous else 1
        counts = np.ones((config.n_bands, previous_levels, config.n_levels))
        self.knows_previous, self.bands = knows_previous, np.arange(config.n_bands)
        for levels in music:
            np.add.at(counts, self._cells(levels), 1)
        self.nats = -np.log(counts / counts.sum(axis=-1, keepdims=True))

    def nll_nats(self, levels: np.ndarray) -> float:
        """-log p of frames uint8 [T, n_bands]."""
        return float(self.nats[self._cells(levels)].sum())

    def _cells(self, levels: np.ndarray) -> tuple[np.ndarray, ...]:
        previous = np.zeros_like(levels)
        if self.knows_previous:
            previous[1:] = levels[:-1]
        return np.broadcast_to(self.bands, levels.shape), previous, levels


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

    def frames(split: str, count: int) -> list[np.ndarray]:
        windows = draw_in_turn(pieces_of_corpus(corpus, split), length, count, np.random.default_rng(1))
        return [quantised_frames(render_window(w, flags.seconds, scorer.sample_rate)) for w in windows]

    train, test = frames("train", 2 * flags.windows), frames("test", flags.windows)
    bands, persistence = (BandCounts(train, knows_previous=knows) for knows in (False, True))
    nats = {
        "bands": [bands.nll_nats(levels) for levels in test],
        "persistence": [persistence.nll_nats(levels) for levels in test],
        "spectral_lm": [float(frame_nats(scorer.model, levels).sum()) for levels in test],
    }
    rows = [[name, with_interval(np.array(values) / flags.seconds, mean, ".1f")] for name, values in nats.items()]
    write_result(f"{flags.windows} renderings of {flags.seconds} s of test pieces\n")
    write_result(markdown_table(["model", "nats/s"], rows))
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
