"""Distances agree with mathematics on distributions that are known."""

from functools import reduce

import numpy as np
import pytest
import scipy.linalg
import scipy.stats

from audio.metrics import distances
from audio.metrics.distances import (
    Moments,
    frechet_distance,
    jensen_shannon,
    kernel_distance,
    kl_nats,
    median_distance,
    wasserstein,
)


def test_the_frechet_distance_of_two_gaussians_has_its_closed_form():
    a = Moments(11, np.array([1.0, 2.0, 3.0]), 10 * np.diag([4.0, 9.0, 1.0]))
    b = Moments(21, np.array([0.0, 4.0, 3.0]), 20 * np.diag([1.0, 16.0, 1.0]))
    assert frechet_distance(a, b) == pytest.approx(1 + 4 + (2 - 1) ** 2 + (3 - 4) ** 2)
    rng = np.random.default_rng(1)
    factors = rng.standard_normal((2, 6, 9))
    c, d = (Moments(2, rng.standard_normal(6), factor @ factor.T) for factor in factors)
    root = scipy.linalg.sqrtm(c.covariance @ d.covariance).real
    step = c.mean - d.mean
    wanted = step @ step + np.trace(c.covariance + d.covariance - 2 * root)
    assert frechet_distance(c, d) == pytest.approx(wanted, rel=1e-9)
    assert frechet_distance(d, c) == pytest.approx(wanted, rel=1e-9)


def test_the_frechet_distance_is_zero_for_one_sample_and_never_below():
    rows = np.random.default_rng(0).standard_normal((40, 64)) * 1e-3 + 5.0  # fewer rows than dimensions: singular
    moments = Moments.of(rows)
    assert 0.0 <= frechet_distance(moments, moments) < 1e-9
    moved = Moments(moments.count, moments.mean + 2.0, moments.scatter)
    assert frechet_distance(moments, moved) == pytest.approx(64 * 4.0)


def test_moments_of_parts_are_those_of_the_whole():
    rows = 1e4 + np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32)
    merged = reduce(Moments.merged, map(Moments.of, np.split(rows, [1, 7, 30])))
    assert merged.count == 50
    np.testing.assert_allclose(merged.mean, rows.astype(np.float64).mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(merged.covariance, np.cov(rows.astype(np.float64).T), rtol=1e-9)


def test_the_kernel_distance_is_that_of_its_definition(monkeypatch):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((7, 3)), rng.standard_normal((5, 3)) + 0.5

    def mean_kernel(a, b, pairs):
        return np.mean([np.exp(-np.sum((a[i] - b[j]) ** 2) / (2 * 1.3**2)) for i, j in pairs])

    within = [
        mean_kernel(rows, rows, [(i, j) for i in range(len(rows)) for j in range(len(rows)) if i != j])
        for rows in (x, y)
    ]
    between = mean_kernel(x, y, [(i, j) for i in range(7) for j in range(5)])
    wanted = 100 * (sum(within) - 2 * between)
    monkeypatch.setattr(distances, "BLOCK_ROWS", 2)
    assert kernel_distance(x, y, 1.3) == pytest.approx(wanted)
    assert kernel_distance(y, x, 1.3) == pytest.approx(wanted)
    assert median_distance(np.array([[0.0], [1.0], [5.0]])) == 4.0


def test_the_kernel_distance_has_no_bias():
    # Gaussians N(0, 1) and N(m, 1) under a Gaussian kernel of width w: E k = w / sqrt(w^2 + 2) exp(-m^2 / (2 w^2 + 4)).
    rng = np.random.default_rng(0)
    shift, width = 1.0, 1.5
    draws = [
        kernel_distance(rng.standard_normal((3, 1)), shift + rng.standard_normal((4, 1)), width) for _ in range(4000)
    ]
    wanted = 200 * width / np.sqrt(width**2 + 2) * (1 - np.exp(-(shift**2) / (2 * width**2 + 4)))
    error = np.std(draws) / np.sqrt(len(draws))
    assert abs(np.mean(draws) - wanted) < 4 * error
    assert 4 * error < 0.3 * wanted  # a biased estimate would be off by more: its diagonal adds 100 (1/3 + 1/4)
    same = [kernel_distance(rng.standard_normal((3, 1)), rng.standard_normal((4, 1)), width) for _ in range(4000)]
    assert abs(np.mean(same)) < 4 * np.std(same) / np.sqrt(len(same)) and min(same) < 0


def test_histograms_are_compared_as_the_books_say():
    p, q = np.array([1.0, 3.0, 0.0, 4.0]), np.array([2.0, 2.0, 2.0, 0.0])
    assert jensen_shannon(p, 10 * p) == 0.0
    assert jensen_shannon(np.array([1, 0]), np.array([0, 5])) == pytest.approx(1.0)
    middle = (p / 8 + q / 6) / 2
    divergence = (scipy.stats.entropy(p / 8, middle, base=2) + scipy.stats.entropy(q / 6, middle, base=2)) / 2
    assert jensen_shannon(p, q) == jensen_shannon(q, p) == pytest.approx(np.sqrt(divergence))
    wanted = scipy.stats.wasserstein_distance(range(4), range(4), p, q)
    assert wasserstein(p, q, step=0.5) == wasserstein(q, p, step=0.5) == pytest.approx(0.5 * wanted)
    assert kl_nats(np.log([0.5, 0.5]), np.log([0.25, 0.75])) == pytest.approx(0.5 * np.log(2) + 0.5 * np.log(2 / 3))


def test_frechet_distances_of_few_rows_are_too_high_by_the_figure_in_the_docs():
    rng = np.random.default_rng(0)
    sample = [Moments.of(rng.standard_normal((640, 64))) for _ in range(2)]
    assert frechet_distance(*sample) / 64 == pytest.approx(0.05, abs=0.01)  # 10 rows a dimension: 5 % of the variance
