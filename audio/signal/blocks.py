"""Samples that arrive in blocks [..., n], so that a long recording is never held as a whole."""

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np

BLOCK_SAMPLES = 1 << 16
"""Samples of each channel that are read at once."""


def blocks_of(samples: np.ndarray) -> Iterator[np.ndarray]:
    """An array [..., N] as views of BLOCK_SAMPLES samples, the last one shorter."""
    for start in range(0, samples.shape[-1], BLOCK_SAMPLES):
        yield samples[..., start : start + BLOCK_SAMPLES]


def excerpts(blocks: Iterable[np.ndarray], spans: Iterable[tuple[int, int]]) -> Iterator[np.ndarray]:
    """The samples first..last-1 of each span (first, last), shorter where the blocks end before.

    The spans may overlap; their firsts must rise and lie before the end. Only the blocks under a span are held.
    """
    arriving = iter(blocks)
    held: deque[np.ndarray] = deque()
    begin = end = 0  # of what is held
    for first, last in spans:
        while end < last and (block := next(arriving, None)) is not None:
            end += block.shape[-1]
            if end <= first:  # a span may begin hours later
                held.clear()
                begin = end
            else:
                held.append(block)
        while begin + held[0].shape[-1] <= first:
            begin += held.popleft().shape[-1]
        joined = held[0] if len(held) == 1 else np.concatenate(held, axis=-1)
        yield joined[..., first - begin : last - begin]
