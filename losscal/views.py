"""What a view says of itself, once, beside its scorer: its name, its figures, what it ranks by, how it is opened.

A view is a model's answer about one half of an item, its notes or its sound; a view of notes is also asked about the
notes heard in a recording, as a view of its own name. Scoring, tables, page, percentiles and calibration go through
these declarations and know no view by its name; packages add views by the same declaration (docs/plugins.md). A module
that declares a view is free of heavy imports: they happen when it is opened.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

Half = Literal["notes", "heard", "sound"]
NOTES, HEARD, SOUND = "notes", "heard", "sound"
REPORT_KEYS: Mapping[Half, str] = {NOTES: "symbolic", HEARD: "heard", SOUND: "audio"}
"""What the halves of an item are called in report.json: its notes, those heard in its recording, its sound."""
HEARD_PREFIX = "heard_"
"""Before the name of a view of notes that is asked about heard ones."""
Words = Callable[[Mapping[str, Any]], str]
"""A view's figures by key, and its "unit", to what stands behind the view's name in a sentence."""


@dataclass(frozen=True)
class TableColumn:
    """How a figure stands in the table that the command line prints and in the page's summary.

    width: in characters. digits: behind the point; None: four significant ones.
    """

    header: str
    width: int
    digits: int | None = 2
    legend: str = ""


@dataclass(frozen=True)
class Figure:
    """One figure of a view.

    key: in the view's part of a report's item; under: the key of the mapping it stands in there, where it does.
    column: its name in report.csv and the workbook, behind the view's; the key where none is given. is_list: it is a
    list of figures, each of which gets a column.
    """

    key: str
    unit: str
    shown: TableColumn | None = None
    higher_is_better: bool = False
    under: str | None = None
    column: str | None = None
    is_list: bool = False

    @property
    def path(self) -> tuple[str, ...]:
        """The keys on the way from the view's part of an item to the figure."""
        return (self.key,) if self.under is None else (self.under, self.key)


@dataclass(frozen=True)
class Quantity:
    """A figure that versions of a piece are ranked by.

    key: of the figure. unit: in words, as in "8.1 bits a note". source: what its nats are summed from: parts of a note
    in the per-note table (of f"{view}_{part}_nats"), or a column of the curve. words: see Words. percentile: the key of
    the figure's place among held-out windows. of_sequenced: holds for music with all onsets on a grid, and no other.
    """

    key: str
    unit: str
    source: tuple[str, ...]
    words: Words
    percentile: str | None = None
    of_sequenced: bool = False


@dataclass(frozen=True)
class Reference:
    """A figure that is held against those of held-out windows (losscal.references).

    statistic: the figure's key. suffix: behind the view's name in that of the reference. percentile, typicality: the
    keys of what comes of it, None where a report does not tell it. beyond: what a percentile of 100 says. foreign: what
    the lowest percentiles say of a recording whose notes are those of real music, where they say anything.
    """

    statistic: str
    suffix: str = ""
    percentile: str | None = None
    typicality: str | None = None
    beyond: str = ""
    foreign: str = ""


@dataclass(frozen=True)
class ShippedWeights:
    """NAME.safetensors files in a folder of ours; the first is needed, the others may be absent."""

    folder: Path
    names: tuple[str, ...]

    def paths(self, folder: Path | None = None) -> list[Path]:
        """The files, in another folder where one is given."""
        return [(folder or self.folder) / f"{name}.safetensors" for name in self.names]


@dataclass(frozen=True)
class View:
    """A view's declaration.

    Args:
        name: by which it is asked for.
        half: what it looks at.
        unit: what its figures are, in a few words.
        load: opens it: weights as the user named them, or None, to a scorer (audio.scorer or symbolic.scoring.scorer).
        figures: in the order of columns. Where none is declared, they are what the scorer gives.
        quantities: in order of preference; empty: it never ranks versions.
        references: what has percentiles.
        weights: the files it is shipped with. checkpoint: the hub name of the one it stands on. At most one of them.
        glossary: what its figures mean, for the page.
        note_parts: the parts of a note's nats in the per-note table, as readers are shown them; they sum to the note's.
        sorts_by: the figure by which a table puts unrelated items in order, the lowest first.
        calibrated: keys of figures that a calibration measures beside what the view ranks by, in that order.
        trained_on: the folder of weights to the names of the corruptions that part of it was trained on.
        tells_moments: whether an item's least likely moments are told by it.
        knows_composers: whether it can score notes as one composer's.
        heard: the same view declared anew where it goes by other figures of heard notes; of_heard_notes names it.
    """

    name: str
    half: Half
    unit: str
    load: Callable[[Any], Any]
    figures: tuple[Figure, ...] = ()
    quantities: tuple[Quantity, ...] = ()
    references: tuple[Reference, ...] = ()
    weights: ShippedWeights | None = None
    checkpoint: str | None = None
    glossary: str = ""
    note_parts: tuple[str, ...] = ()
    sorts_by: str | None = None
    calibrated: tuple[str, ...] = ()
    trained_on: Callable[[Path], Sequence[str]] | None = None
    tells_moments: bool = False
    knows_composers: bool = False
    heard: "View | None" = None

    def __post_init__(self) -> None:
        if self.half not in REPORT_KEYS:
            raise ValueError(f"{self.name}: half {self.half!r} is none of {', '.join(REPORT_KEYS)}")
        if not isinstance(self.unit, str) or not self.unit.strip():
            raise ValueError(f"{self.name}: unit {self.unit!r}: say in a few words what the figures are")
        known = {figure.key for figure in self.figures}
        named = {quantity.key for quantity in self.quantities} | {*self.calibrated} | {self.sorts_by} - {None}
        if unknown := sorted(named - known):
            raise ValueError(f"{self.name}: {', '.join(unknown)} is none of its figures; declare it among them")
        if self.weights is not None and self.checkpoint is not None:
            raise ValueError(f"{self.name}: has weights and a checkpoint; declare one of them")

    @property
    def report_keys(self) -> tuple[str, str]:
        """On the way from a report's item to its figures; of heard notes a view has the name it has of others."""
        return REPORT_KEYS[self.half], self.name.removeprefix(HEARD_PREFIX) if self.half == HEARD else self.name

    @property
    def is_of_notes(self) -> bool:
        """Of those in a file or of those heard."""
        return self.half in (NOTES, HEARD)

    def of_heard_notes(self) -> "View":
        """This view of notes, asked about those that are heard in a recording."""
        return replace(
            self.heard or self,
            name=HEARD_PREFIX + self.name,
            half=HEARD,
            unit=f"{self.unit}, heard in a recording",
            glossary=f"{self.name} of the notes that a transcriber heard in the recording.",
            heard=None,
        )

    def figure(self, key: str) -> Figure:
        """The figure of that key; raises KeyError where none is declared."""
        return next((figure for figure in self.figures if figure.key == key), None) or _no_figure(self.name, key)

    def quantity(self, figures: Iterable[Mapping[str, Any]], *, is_sequenced: bool = False) -> Quantity | None:
        """What versions with these figures are ranked by; None where nothing can be.

        is_sequenced: of any of them. A view of notes ranks by what it prefers, one of sound by what it gave.
        """
        fitting = [quantity for quantity in self.quantities if is_sequenced or not quantity.of_sequenced]
        if self.is_of_notes:
            return next(iter(fitting), None)
        given = {key for of_version in figures for key, value in of_version.items() if value is not None}
        return next((quantity for quantity in fitting if quantity.key in given), None)


def _no_figure(view: str, key: str) -> Figure:
    raise KeyError(f"{view} declares no figure {key!r}")


PERCENTILE = Figure(
    "percentile",
    "% of held-out windows that are less likely",
    TableColumn("pct", 4, 0, "pct: per cent of held-out real windows that are less likely; 100: likelier than all."),
)
BEYOND_PERCENTILE = "likelier than all held-out real music (percentile 100)"
