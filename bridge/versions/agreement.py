"""Do notes and sound put the versions of a piece in one order? Rank correlations within groups, never across pieces."""

from collections.abc import Iterable, Mapping
from itertools import product

import numpy as np

from bridge.versions.comparison import Agreement, Ranking
from bridge.views.declarations import half_of
from losscal.statistics import bootstrap_interval, mean
from losscal.views import SOUND

FEWEST_ITEMS = 4
"""Of fewer versions even chance often makes one order."""


def agreement(groups: Iterable[Mapping[str, Ranking]]) -> Agreement | None:
    """The report's "agreement", of the rankings of each group by view.

    None where no group has FEWEST_ITEMS that two views rank.
    A group's figure is the mean of Spearman's correlation over all pairs of a view of notes and a view of sound; the
    agreement is the mean over the groups, its interval a bootstrap over them, None for a single group.
    """
    per_group = []
    for rankings in groups:
        of_pairs = [rho for rho, n_items in correlations(rankings).values() if n_items >= FEWEST_ITEMS]
        if of_pairs:
            per_group.append(float(np.mean(of_pairs)))
    if not per_group:
        return None
    rows = np.array(per_group)
    return Agreement(
        within_group_spearman=mean(rows),
        interval=bootstrap_interval(rows, mean) if len(rows) > 1 else None,
        n=len(rows),
    )


def correlations(rankings: Mapping[str, Ranking]) -> dict[tuple[str, str], tuple[float, int]]:
    """(Spearman's correlation, versions ranked by both) by pair of a view of notes and one of sound.

    Pairs of which a view ranks all alike, or not two versions, are left out: no order is there to agree with.
    """
    of_sound = {view: half_of(view) == SOUND for view in rankings}
    result = {}
    for pair in product(*([view for view in rankings if of_sound[view] == is_sound] for is_sound in (False, True))):
        rows = zip(*(rankings[view].items for view in pair), strict=True)
        ranks = np.array([[row.rank for row in both] for both in rows if all(row.rank for row in both)])
        if len(ranks) >= 2 and (np.ptp(ranks, axis=0) > 0).all():
            result[pair] = (_spearman(ranks), len(ranks))
    return result


def _spearman(ranks: np.ndarray) -> float:
    """Of ranks [n, 2], no column constant."""
    from scipy.stats import spearmanr

    return float(spearmanr(ranks[:, 0], ranks[:, 1]).statistic)
