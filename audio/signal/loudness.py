"""Integrated loudness by ITU-R BS.1770-4 of sound that arrives in blocks.

pyloudnorm measures arrays that are held as a whole. Its filters run here block by block, their state carried on, and
its meter does the gating, fed with the mean squares of steps of 100 ms: four of them are a gating block of 400 ms, and
gating blocks begin a step apart.
"""

from collections.abc import Iterable, Iterator

import numpy as np

STEPS_PER_SECOND = 10
GATING_SECONDS = 0.4
"""Nothing shorter than a gating block has a loudness."""
MAX_CHANNELS = 5
"""Channels that the standard weights: left, right, centre, left and right surround."""


def integrated_loudness(blocks: Iterable[np.ndarray], sample_rate: int, n_channels: int) -> float:
    """Blocks [n_channels, n] of GATING_SECONDS or more in all to LUFS; -inf where all is below the gate of -70 LUFS."""
    from pyloudnorm import Meter

    steps = _step_mean_squares(_k_weighted(blocks, sample_rate, n_channels), sample_rate)
    # For this meter a step is a sample: it has no filters, and its gating block takes four samples.
    meter = Meter(rate=1, filter_class="custom", block_size=round(GATING_SECONDS * STEPS_PER_SECOND))
    return float(meter.integrated_loudness(np.sqrt(steps)))


def _k_weighted(blocks: Iterable[np.ndarray], sample_rate: int, n_channels: int) -> Iterator[np.ndarray]:
    """The blocks as the ear weights them, float64 [n_channels, n]: a shelf and a high-pass, those of `Meter`."""
    from pyloudnorm import IIRfilter
    from scipy.signal import lfilter

    shelf = IIRfilter(4.0, 1 / np.sqrt(2), 1500.0, sample_rate, "high_shelf")
    high_pass = IIRfilter(0.0, 0.5, 38.0, sample_rate, "high_pass")
    coefficients = [(stage.b, stage.a) for stage in (shelf, high_pass)]
    states = [np.zeros((n_channels, 2)) for _ in coefficients]
    for block in blocks:
        weighted = block.astype(np.float64)
        for index, (b, a) in enumerate(coefficients):
            weighted, states[index] = lfilter(b, a, weighted, zi=states[index])
        yield weighted


def _step_mean_squares(blocks: Iterable[np.ndarray], sample_rate: int) -> np.ndarray:
    """Blocks [channels, n] to the mean square of each step, float64 [steps, channels].

    What is left over at the end is a step too where it is more than half of one, with silence behind it.
    """
    sums: list[np.ndarray] = []  # [channels] each
    n_samples = 0
    for block in blocks:
        # Step k begins at sample floor(k * sample_rate / STEPS_PER_SECOND).
        step = (np.arange(n_samples + 1, n_samples + block.shape[1] + 1) * STEPS_PER_SECOND - 1) // sample_rate
        starts = np.flatnonzero(np.diff(step, prepend=-1))
        for index, of_step in zip(step[starts], np.add.reduceat(block**2, starts, axis=1).T, strict=True):
            if index == len(sums):
                sums.append(of_step)
            else:
                sums[index] = sums[index] + of_step
        n_samples += block.shape[1]
    n_steps = round(n_samples * STEPS_PER_SECOND / sample_rate)
    return np.array(sums[:n_steps]) * (STEPS_PER_SECOND / sample_rate)
