"""Figures against ones worked out by hand, and intervals that are what a bootstrap over pieces gives."""

from math import isnan

import numpy as np
import pytest

from losscal import statistics
from losscal.statistics import (
    area_under_curve,
    bootstrap_interval,
    interval_text,
    mean,
    rank_correlation,
    ratio,
    share,
    wins,
)


def test_the_cheaper_wins_a_tie_counts_half_and_what_is_refused_has_lost():
    original = np.array([[1.0, 2.0, 3.0], [0.0, np.inf, np.inf]])
    other = np.array([[2.0, 2.0, np.inf], [-1.0, 5.0, np.inf]])
    assert wins(original, other).tolist() == [[1.0, 0.5, 1.0], [0.0, 0.0, 0.5]]


def test_the_area_pools_all_originals_and_all_others():
    originals, others = np.array([[1.0], [4.0]]), np.array([[2.0], [4.0]])
    assert area_under_curve(originals, others).value == (1 + 1 + 0 + 0.5) / 4
    assert area_under_curve(np.array([[1.0, 4.0]]), np.array([[2.0, 4.0]])) == (0.625, 0.625, 0.625)  # one piece


def test_a_ratio_is_of_sums_and_of_nothing_is_nothing():
    estimate = ratio(np.array([1.0, 6.0]), np.array([1.0, 3.0]))
    assert estimate.value == 7 / 4
    assert (estimate.low, estimate.high) == (1.0, 2.0)  # one piece drawn twice, a quarter of the time each
    assert all(isnan(figure) for figure in ratio(np.zeros(3), np.zeros(3)))


@pytest.mark.parametrize(("n_pieces", "bound"), [(4, 0.3976), (60, 0.9404)])
def test_a_share_of_all_or_none_has_an_exact_bound_over_pieces(n_pieces, bound):
    weights = np.arange(1.0, n_pieces + 1)
    assert share(np.ones(n_pieces), weights) == pytest.approx((1.0, bound, 1.0), abs=1e-4)
    assert share(np.zeros(n_pieces), weights) == pytest.approx((0.0, 0.0, 1 - bound), abs=1e-4)
    mixed = np.arange(n_pieces) % 2.0
    assert share(mixed, weights) == ratio(mixed * weights, weights)


def test_resamples_without_a_measurement_are_left_out():
    assert ratio(np.array([2.0, 0.0]), np.array([1.0, 0.0])) == (2.0, 2.0, 2.0)


def test_both_ways_of_resampling_agree():
    rows = np.random.default_rng(1).random((40, 3))
    of_counts = ratio(rows.mean(axis=1), np.ones(40))
    assert (of_counts.low, of_counts.high) == pytest.approx(bootstrap_interval(rows, mean), abs=0.01)
    originals, others = rows[:, :1], rows[:, 1:2] + 0.2

    def area(pairs):
        return float(wins(pairs[:, None, 0], pairs[None, :, 1]).mean())

    estimate = area_under_curve(originals, others)
    one_by_one = bootstrap_interval(np.concatenate([originals, others], axis=1), area)
    assert (estimate.low, estimate.high) == pytest.approx(one_by_one, abs=0.02)
    assert estimate.high - estimate.low > 0.1


def test_rank_correlation_is_within_each_excerpt():
    costs = np.array([[1.0, 2.0, 3.0, 4.0], [40.0, 30.0, 20.0, 10.0], [5.0, 5.0, 5.0, 5.0], [0.0, 0.0, 1.0, np.inf]])
    assert rank_correlation(costs) == pytest.approx([1.0, -1.0, 0.0, 0.9486833])


def test_an_estimate_reads_as_figure_and_interval():
    assert interval_text(statistics.Estimate(0.5, 0.25, 0.75), ".2f") == "0.50 [0.25, 0.75]"
