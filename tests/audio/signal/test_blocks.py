"""Excerpts of sound in blocks are those of the whole, and no more is held than they need."""

import weakref
from itertools import pairwise

import numpy as np
import pytest

from audio.signal.blocks import excerpts

SAMPLES = np.arange(200, dtype=np.float32).reshape(2, 100)


def in_blocks(sizes):
    edges = np.minimum(np.cumsum([0, *sizes]), 100)
    return [SAMPLES[:, start:stop] for start, stop in pairwise(edges)]


@pytest.mark.parametrize("sizes", [[100], [1] * 100, [7] * 15, [0, 3, 0, 90, 7]])
@pytest.mark.parametrize(
    "spans", [[(0, 100)], [(0, 10), (10, 20), (90, 130)], [(0, 60), (5, 61), (60, 90)], [(40, 45), (99, 200)]]
)
def test_excerpts_are_those_of_the_whole(sizes, spans):
    found = list(excerpts(in_blocks(sizes), spans))
    assert len(found) == len(spans)
    for (first, last), excerpt in zip(spans, found, strict=True):
        np.testing.assert_array_equal(excerpt, SAMPLES[:, first:last])


def test_blocks_are_read_no_sooner_than_they_are_needed():
    n_read = 0

    def blocks():
        nonlocal n_read
        for block in in_blocks([10] * 10):
            n_read += 1
            yield block

    needed = [n_read for _ in excerpts(blocks(), [(0, 5), (5, 10), (9, 12), (40, 50)])]
    assert needed == [1, 1, 2, 5]


def test_blocks_before_a_span_are_let_go():
    most = 0

    def blocks():
        nonlocal most
        alive = weakref.WeakSet()
        for block in in_blocks([10] * 10):
            held = Held(block)
            alive.add(held)
            most = max(most, len(alive))
            yield held.view()

    class Held(np.ndarray):
        """An array that may stand in a set."""

        __hash__ = object.__hash__

        def __new__(cls, block):
            return block.copy().view(cls)

    assert [excerpt.shape for excerpt in excerpts(blocks(), [(2, 5), (85, 90)])] == [(2, 3), (2, 5)]
    assert most <= 3
