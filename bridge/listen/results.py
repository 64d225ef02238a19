"""What listeners made of a test: opinions, strengths, how far they agree, and how far each view agrees with them.

A listener who does not tell the copy of the original from the random one is flagged and counts for nothing. Intervals
are of a bootstrap over listeners. Bradley and Terry's strengths (Biometrika 1952) are choix' of all pairs, an equal
counting half for each; agreement is Krippendorff's alpha over ordered values (the package for it is under the GPL).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bridge.items.entry import ItemEntry
from bridge.listen.answers import Answer
from bridge.listen.trials import Study
from bridge.report.columns import figure_column
from bridge.report.report import Report
from losscal.errors import InputError
from losscal.statistics import Estimate, bootstrap_estimates, interval_text
from losscal.text import in_one_line
from losscal.views import HEARD_PREFIX

PRIOR = 0.1
"""A little of it keeps the strength of who never lost, or never won, finite."""
RESAMPLES = 500
"""A fit each."""
FEWEST_CORRELATED = 3
ENOUGH_PREFERRED = 0.8
"""A share of the pairs of anchors: who answers at random reaches it in 1 of 50 tests of six."""


@dataclass(frozen=True)
class Standing:
    """What listeners think of a stimulus: the mean of ratings, or Bradley and Terry's log strength, of mean zero."""

    name: str
    estimate: Estimate
    answers: int


@dataclass(frozen=True)
class ViewAgreement:
    """Spearman's correlation of a view's order of stimuli with the listeners'. weights_sha256: None where unknown."""

    view: str
    estimate: Estimate
    stimuli: int
    weights_sha256: str | None = None


@dataclass(frozen=True)
class Results:
    """All of it, the best stimulus first. alpha: of those who count, None where too few answered.

    flagged: numbers of listeners whom the anchors tell not to believe.
    """

    study: Study
    standings: tuple[Standing, ...]
    alpha: float | None
    listeners: int
    flagged: tuple[int, ...]
    views: tuple[ViewAgreement, ...] = ()

    @property
    def is_rated(self) -> bool:
        """Whether opinions are ratings, not preferences of pairs."""
        return self.study.config.mode == "ratings"


def results_of(study: Study, answers: Sequence[Answer], report: Report | None = None) -> Results:
    """The results of all answers to a study; report: what views say of files of the stimuli's names.

    Raises InputError where nobody who can be believed has answered.
    """
    by_listener = _by_listener(study, answers)
    flagged = tuple(number for number, given in by_listener.items() if not _tells_anchors_apart(study, given))
    believed = [given for number, given in by_listener.items() if number not in flagged]
    if not believed:
        raise InputError(f"{len(by_listener)} listeners answered, and none who can be believed; ask more of them.")
    is_rated = study.config.mode == "ratings"
    opinions = np.stack([(_ratings if is_rated else _wins)(study, given) for given in believed])
    opinion = _mean_ratings if is_rated else strengths
    told = _answers_of(study, believed)
    estimates = bootstrap_estimates(opinions, opinion, resamples=RESAMPLES)
    standings = [
        Standing(study.stimuli[place].name, estimate, told[place])
        for place, estimate in zip(study.tested, estimates, strict=True)
    ]
    return Results(
        study,
        tuple(sorted(standings, key=lambda one: -one.estimate.value)),
        _alpha(study, believed),
        len(by_listener),
        flagged,
        () if report is None else tuple(_agreements(study, opinions, opinion, report)),
    )


Given = Sequence[tuple[tuple[int, ...], int]]
"""A listener's answers, training aside: the places of what was heard, and the value."""


def _by_listener(study: Study, answers: Sequence[Answer]) -> dict[int, Given]:
    given: dict[int, list[tuple[tuple[int, ...], int]]] = {}
    for answer in answers:
        trials = given.setdefault(answer.listener, [])
        trial = study.trials(answer.listener)[answer.trial]
        if not trial.is_training:
            trials.append((trial.stimuli, answer.value))
    return {listener: trials for listener, trials in given.items() if trials}


def _tells_anchors_apart(study: Study, given: Given) -> bool:
    """Whether nothing speaks against it: each copy of the original rated above each random one, or preferred to it."""
    if study.anchors is None:
        return True
    copy, random = study.anchors
    if study.config.mode == "ratings":
        ratings = {anchor: [value for heard, value in given if heard == (anchor,)] for anchor in study.anchors}
        return not (ratings[copy] and ratings[random]) or min(ratings[copy]) > max(ratings[random])
    preferred = [
        value == (1 if heard == (copy, random) else -1) for heard, value in given if {*heard} == {copy, random}
    ]
    return not preferred or np.mean(preferred) >= ENOUGH_PREFERRED


def _ratings(study: Study, given: Given) -> np.ndarray:
    """A listener's ratings, float64 [tested], NaN where there is none."""
    of_place = {heard[0]: float(value) for heard, value in given}
    return np.array([of_place.get(place, np.nan) for place in study.tested])


def _wins(study: Study, given: Given) -> np.ndarray:
    """How often a listener preferred one to another, float64 [tested, tested]; an equal is half of it for both."""
    row = {place: index for index, place in enumerate(study.tested)}
    wins = np.zeros((len(row), len(row)))
    for (a, b), value in given:
        if a in row and b in row:
            wins[row[a], row[b]] += (1 + value) / 2
            wins[row[b], row[a]] += (1 - value) / 2
    return wins


def _mean_ratings(ratings: np.ndarray) -> np.ndarray:
    """Ratings [listeners, tested] to their means [tested]."""
    n_rated = (~np.isnan(ratings)).sum(axis=0)
    return np.divide(np.nansum(ratings, axis=0), n_rated, out=np.full(len(n_rated), np.nan), where=n_rated > 0)


def strengths(wins: np.ndarray) -> np.ndarray:
    """Wins [listeners, n, n] to Bradley and Terry's log strengths [n], of mean zero.

    Raises InputError where choix is not installed.
    """
    try:
        from choix import ilsr_pairwise_dense
    except ImportError as error:
        raise InputError("Results of pairs need choix: run pip install '.[listen]' in LossCal's folder.") from error
    return ilsr_pairwise_dense(wins.sum(axis=0), alpha=PRIOR)


def _answers_of(study: Study, believed: Sequence[Given]) -> Counter[int]:
    return Counter(place for given in believed for heard, _ in given for place in heard)


def _alpha(study: Study, believed: Sequence[Given]) -> float | None:
    """Krippendorff's alpha of ratings, or of preferences of pairs; None where there is nothing to compare."""
    values: list[dict[tuple[int, ...], float]] = [
        {tuple(sorted(heard)): float(value if heard == tuple(sorted(heard)) else -value) for heard, value in given}
        for given in believed
    ]
    anchors = {*(study.anchors or ())}
    units = sorted({unit for of_one in values for unit in of_one if not {*unit} & anchors})
    return ordinal_alpha(np.array([[of_one.get(unit, np.nan) for unit in units] for of_one in values]))


def ordinal_alpha(table: np.ndarray) -> float | None:
    """Krippendorff's alpha of ordered values [listeners, units], NaN where there is none.

    Content Analysis, 4th edition (2018), chapter 12. None where no two listeners answered to one unit, or all values
    are the same.
    """
    values, codes = np.unique(table[~np.isnan(table)], return_inverse=True)
    counts = np.zeros((table.shape[1], len(values)))  # [units, values], how often each was given
    np.add.at(counts, (np.nonzero(~np.isnan(table))[1], codes), 1)
    counts = counts[counts.sum(axis=1) >= 2]
    if not counts.any(axis=0).sum() >= 2:
        return None
    # Both orders of all pairs of values within a unit: [values, values].
    pairs = np.einsum("ui,uj,u->ij", counts, counts, 1 / (counts.sum(axis=1) - 1))
    pairs -= np.diag((counts / (counts.sum(axis=1, keepdims=True) - 1)).sum(axis=0))
    given = pairs.sum(axis=1)
    between = np.cumsum(given) - given / 2
    distances = (between[:, None] - between) ** 2
    expected = (given[:, None] * given * distances).sum() / (given.sum() - 1)
    return float(1 - (pairs * distances).sum() / expected)


def _agreements(
    study: Study, opinions: np.ndarray, opinion: Callable[[np.ndarray], np.ndarray], report: Report
) -> Iterator[ViewAgreement]:
    """Of each view that ranks, over the stimuli whose files it scored."""
    entries = {Path(entry.id).name: entry for entry in report.items}
    names = [study.stimuli[place].name for place in study.tested]
    for view in report.views().values():
        if view.sorts_by is None:
            continue
        keys = figure_column(view, view.figure(view.sorts_by)).keys
        costs = np.array([_number(entries.get(Path(name).name), keys) for name in names])
        known = ~np.isnan(costs)
        if known.sum() >= FEWEST_CORRELATED:
            (estimate,) = bootstrap_estimates(
                opinions,
                lambda drawn, of=known, by=costs: np.array([_spearman(opinion(drawn)[of], -by[of])]),
                resamples=RESAMPLES,
            )
            weights = report.weights.get(view.name.removeprefix(HEARD_PREFIX))
            yield ViewAgreement(view.name, estimate, int(known.sum()), weights)


def _number(entry: ItemEntry | None, keys: Sequence[str | int]) -> float:
    value = None if entry is None else entry.at(keys)
    return np.nan if value is None else float(value)


def _spearman(first: np.ndarray, second: np.ndarray) -> float:
    """The rank correlation of two orders, NaN where one has no order."""
    from scipy.stats import rankdata

    known = ~np.isnan(first) & ~np.isnan(second)
    a, b = rankdata(first[known]), rankdata(second[known])
    return float(np.corrcoef(a, b)[0, 1]) if a.size > 1 and np.ptp(a) and np.ptp(b) else np.nan


def text_of(results: Results) -> str:
    """All of it as a table of text."""
    unit = "mean opinion, 1 to 5" if results.is_rated else "Bradley-Terry log strength"
    width = max(len(one.name) for one in results.standings)
    lines = [f"{'':<{width}}  {unit}, 95 % interval over listeners"]
    lines += [
        f"{one.name:<{width}}  {interval_text(one.estimate, '.2f'):<24} {one.answers} answers"
        for one in results.standings
    ]
    flagged = (
        f"; flagged by the anchors and left out: {', '.join(map(str, results.flagged))}" if results.flagged else ""
    )
    lines.append(f"{results.listeners} listeners{flagged}")
    alpha = "not to be told of so few answers" if results.alpha is None else f"{results.alpha:.2f}"
    lines.append(f"agreement of listeners, Krippendorff's alpha (1: the same answers, 0: chance): {alpha}")
    lines += [
        f"{one.view}: rank correlation with listeners {interval_text(one.estimate, '.2f')} over {one.stimuli} stimuli"
        for one in results.views
    ]
    return "\n".join(map(in_one_line, lines))
