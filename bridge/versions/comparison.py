"""A group's part of the report: frozen, read by attributes, and JSON only where it leaves the program."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.versions.told_apart import Played
from symbolic.notes.alignment import Edit

Edits = Mapping[str, tuple[Edit, ...]]
"""The edits of versions by their ids."""


@dataclass(frozen=True)
class VersionRow:
    """What a view says of one version, see `bridge.versions.verdicts`.

    rank: 1 is the likeliest, None where the version is not ranked; reason: why not. value: of the whole item.
    difference_nats: what it costs more than the reference over the `shared_seconds`, with its 95 % `interval`.
    compared_value: what the rank stands on, the value as played in the reference's tempo, loudness and key; None where
    that is as it was. played_nats: what each of these costs, in no other figure.
    """

    id: str
    rank: int | None
    value: float | None
    difference_nats: float | None
    interval: tuple[float, float] | None
    shared_seconds: float | None
    verdict: str
    reason: str | None
    compared_value: float | None = None
    played_nats: Mapping[str, float] = field(default_factory=dict)

    @property
    def ranked_value(self) -> float | None:
        """What its rank stands on."""
        return self.value if self.compared_value is None else self.compared_value


@dataclass(frozen=True)
class Ranking:
    """The versions of a group under one view, in the order of the group; `quantity`: the figure they are ranked by."""

    quantity: str
    unit: str
    items: tuple[VersionRow, ...]

    @property
    def first(self) -> VersionRow | None:
        """The row of rank 1, the reference's where others share it; None where the view ranks nothing."""
        best = [row for row in self.items if row.rank == 1]
        return next((row for row in best if row.difference_nats is None), best[0] if best else None)


@dataclass(frozen=True)
class SoundDistances:
    """How far a version's sound lies from its reference's; chroma: 0 to 1, mfcc: dB, 0 is the same."""

    chroma: float
    mfcc: float


@dataclass(frozen=True)
class VersionAnswer:
    """A row of the answer; answer: of `bridge.versions.answer.ANSWERS`. view: None where none can rank it."""

    id: str
    answer: str
    why: str
    view: str | None


@dataclass(frozen=True)
class GroupComparison:
    """One of the report's "groups"; edits and distances by the version's id, a distance None where a side is silent.

    answers: what a reader sees first. played: how each version with notes was played, by its id.
    assumed: a sentence on what was taken for granted where the user has not said it.
    """

    group: str
    source: str
    reference: str
    views: Mapping[str, Ranking]
    edits: Edits
    distances: Mapping[str, SoundDistances | None]
    verdict: str
    assumed: str | None = None
    played: Mapping[str, Played] = field(default_factory=dict)
    answers: tuple[VersionAnswer, ...] = ()

    def row_of(self, answer: VersionAnswer) -> VersionRow | None:
        """What the view that gave an answer says of the version; of the reference, what the first view says."""
        rankings = self.views if answer.view is None else {answer.view: self.views[answer.view]}
        is_told = answer.view is not None or answer.id == self.reference
        rows = (row for ranking in rankings.values() for row in ranking.items if row.id == answer.id and is_told)
        return next(rows, None)


@dataclass(frozen=True)
class Agreement:
    """The report's "agreement", see `bridge.versions.agreement`; interval: None for a single group; n: groups."""

    within_group_spearman: float
    interval: tuple[float, float] | None
    n: int
