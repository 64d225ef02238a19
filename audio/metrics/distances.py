"""Distances between two samples: what the set metrics are, apart from sound.

Each says how far two *sets* lie apart under some embedding; none is a likelihood of one piece.
"""

from dataclasses import dataclass

import numpy as np

KAD_SCALE = 100.0
BLOCK_ROWS = 2048
"""Rows of a kernel matrix computed at once; bounds the memory (32 MB)."""
MEDIAN_ROWS = 2000
"""The kernel's width is taken from at most so many rows, evenly spaced."""


@dataclass(frozen=True)
class Moments:
    """What a Gaussian needs to know of a sample of N rows.

    mean: float64 [D]. scatter: float64 [D, D], the sum over the rows of the outer products of their deviations.
    """

    count: int
    mean: np.ndarray
    scatter: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> "Moments":
        """Rows [N, D], N >= 1."""
        rows = rows.astype(np.float64)
        deviations = rows - rows.mean(axis=0)
        return cls(len(rows), rows.mean(axis=0), deviations.T @ deviations)

    def merged(self, other: "Moments") -> "Moments":
        """The moments of both samples together (Chan, Golub and LeVeque 1979)."""
        count = self.count + other.count
        step = other.mean - self.mean
        scatter = self.scatter + other.scatter + np.outer(step, step) * (self.count * other.count / count)
        return Moments(count, self.mean + step * (other.count / count), scatter)

    @property
    def covariance(self) -> np.ndarray:
        """float64 [D, D], divided by N - 1."""
        return self.scatter / (self.count - 1)


def frechet_distance(a: Moments, b: Moments) -> float:
    """|mean difference|^2 + tr(A + B - 2 (A B)^(1/2)), the squared Fréchet distance of two Gaussians.

    Dowson and Landau 1982; FAD where the rows are embeddings of sound (Kilgour et al. 2019). tr (A B)^(1/2) is the sum
    of the roots of the eigenvalues of A^(1/2) B A^(1/2), which is symmetric, so that no complex part can arise.
    """
    values, vectors = np.linalg.eigh(a.covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    inner = np.linalg.eigvalsh(root @ b.covariance @ root)
    overlap = np.sqrt(np.maximum(inner, 0.0)).sum()
    step = a.mean - b.mean
    return max(0.0, float(step @ step + np.trace(a.covariance) + np.trace(b.covariance) - 2.0 * overlap))


def kernel_distance(reference: np.ndarray, evaluated: np.ndarray, width: float) -> float:
    """100 times the unbiased squared MMD of rows [M, D] and [N, D], M and N >= 2 (Chung et al. 2025, eq. 4).

    The kernel is exp(-|x - y|^2 / (2 width^2)); KAD takes the `median_distance` of the reference as its width. It is
    about 0 for samples of one distribution and may then be negative.
    """
    m, n = len(reference), len(evaluated)
    within_reference = (_kernel_sum(reference, reference, width) - m) / (m * (m - 1))  # less the diagonal of ones
    within_evaluated = (_kernel_sum(evaluated, evaluated, width) - n) / (n * (n - 1))
    between = _kernel_sum(reference, evaluated, width) / (m * n)
    return KAD_SCALE * (within_reference + within_evaluated - 2.0 * between)


def median_distance(rows: np.ndarray) -> float:
    """The median Euclidean distance of two of the rows [N, D], N >= 2."""
    from scipy.spatial.distance import pdist

    chosen = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MEDIAN_ROWS)).round().astype(int))
    return float(np.median(pdist(rows[chosen].astype(np.float64))))


def _kernel_sum(a: np.ndarray, b: np.ndarray, width: float) -> float:
    """The Gaussian kernel of each row of a [M, D] with each of b [N, D], summed."""
    from scipy.spatial.distance import cdist

    b = b.astype(np.float64)
    blocks = (a[start : start + BLOCK_ROWS].astype(np.float64) for start in range(0, len(a), BLOCK_ROWS))
    return sum(float(np.exp(cdist(block, b, "sqeuclidean") / (-2.0 * width**2)).sum()) for block in blocks)


def kl_nats(log_p: np.ndarray, log_q: np.ndarray) -> float:
    """KL(p || q) of two distributions [C] given by their logarithms."""
    return float(np.sum(np.exp(log_p) * (log_p - log_q)))


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> float:
    """The Jensen-Shannon distance, 0..1, of two histograms [C] of any sum (Endres and Schindelin 2003, base 2)."""
    from scipy.special import rel_entr

    p, q = p / p.sum(), q / q.sum()
    middle = (p + q) / 2.0
    divergence_nats = (rel_entr(p, middle).sum() + rel_entr(q, middle).sum()) / 2.0
    return float(np.sqrt(max(0.0, divergence_nats / np.log(2.0))))


def wasserstein(p: np.ndarray, q: np.ndarray, step: float) -> float:
    """How far the mass of one histogram must be moved on average to make the other; their bins lie `step` apart."""
    cumulative = np.cumsum(p / p.sum() - q / q.sum())
    return float(np.abs(cumulative).sum() * step)
