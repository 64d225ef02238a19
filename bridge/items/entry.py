"""An item's entry in the report: frozen, read by attributes, and JSON only where it leaves the program.

`losscal.records.to_json` turns an entry into the keys of docs/report.md, `record_of` turns them back, for the journal
and for whoever has loaded a report.json.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from losscal.records import fields_to_json, record_of, to_json

Figure = float | str | tuple[float, ...] | None
NOTES, SOUND = "symbolic", "audio"
"""What the halves of an item are called in the report."""


@dataclass(frozen=True)
class PairMatch:
    """How alike a recording and its MIDI file's rendering are; see `audio.metrics.similarity.Match`."""

    chroma_similarity: float
    offset_seconds: float


@dataclass(frozen=True)
class Sequenced:
    """The grid that sequenced notes lie on; see `symbolic.notes.quantisation.Grid`."""

    grid_seconds: float
    share_on_grid: float
    distinct_velocities: int


@dataclass(frozen=True)
class Moment:
    """A passage that surprises a view; see `bridge.items.moments`.

    nats: above the usual. share_of_reason: of these. reason: an attribute of notes, or "sound". notes: their lines in
    the per-note table.
    """

    view: str
    start_seconds: float
    end_seconds: float
    nats: float
    share_of_reason: float
    reason: str
    notes: tuple[int, ...]
    text: str


@dataclass(frozen=True)
class Unavailable:
    """A view that was asked for and is not open, and why."""

    unavailable: str


@dataclass(frozen=True)
class CodeTerms:
    """Of a model with codes: code_nll_nats + note_nll_nats is the bound, mixture_nll_nats the exact figure."""

    code_nll_nats: float
    note_nll_nats: float
    mixture_nll_nats: float | None


@dataclass(frozen=True)
class NotesFigures:
    """A likelihood of ours of an item's notes.

    codes: of a model with codes alone. by_composer: nats a note under each composer, where that was asked.
    """

    nll_nats: float
    end_nll_nats: float | None
    nll_nats_per_note: float
    bits_per_note: float
    pitch_bits_per_note: float
    nll_nats_per_second: float
    percentile: float | None
    by_attribute: Mapping[str, float]
    codes: CodeTerms | None = None
    by_composer: Mapping[str, float] | None = None

    def get(self, name: str) -> Figure:
        """A figure by its key in the report, None where there is none of that name."""
        return getattr(self, name, None)

    def to_json(self) -> dict[str, Any]:
        """The terms of codes stand among the other figures; what was not asked is absent."""
        json = fields_to_json(self)
        codes, by_composer = json.pop("codes"), json.pop("by_composer")
        return json | (codes or {}) | ({} if by_composer is None else {"by_composer": by_composer})

    @classmethod
    def from_json(cls, json: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`; raises InputError as `record_of` does."""
        of_codes = {name: value for name, value in json.items() if name in CodeTerms.__dataclass_fields__}
        rest = {name: value for name, value in json.items() if name not in of_codes}
        return record_of(cls, {**rest, "codes": of_codes or None})


@dataclass(frozen=True)
class Figures:
    """What any other view says of an item: its figures by name, in the order in which they are told.

    A figure is a number, None where it cannot be told, or several numbers. `curve`, where a view has one, is the path
    of its table below the report's folder, None where tables are not kept.
    """

    by_name: Mapping[str, Figure]

    def get(self, name: str) -> Figure:
        """A figure, None where there is none of that name."""
        return self.by_name.get(name)

    @property
    def curve(self) -> str | None:
        """The path of the curve's table; None where there is none."""
        return self.by_name.get("curve")

    def changed(self, **figures: Figure) -> Self:
        """With these figures too; those known already keep their places."""
        return replace(self, by_name={**self.by_name, **figures})

    def to_json(self) -> dict[str, Any]:
        """The figures by name."""
        return to_json(self.by_name)

    @classmethod
    def from_json(cls, json: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls({name: tuple(value) if isinstance(value, list) else value for name, value in json.items()})


ViewFigures = NotesFigures | Figures


@dataclass(frozen=True)
class _Half:
    """What the halves have in common: a view's part of the entry, by the view's name."""

    views: Mapping[str, ViewFigures | Unavailable]

    def figures(self, view: str) -> ViewFigures | None:
        """A view's figures; None where it was not asked, could not be opened or refused the item."""
        of_view = self.views.get(view)
        return None if isinstance(of_view, Unavailable) else of_view

    @property
    def scored(self) -> dict[str, ViewFigures]:
        """The views that gave figures."""
        return {view: of for view, of in self.views.items() if not isinstance(of, Unavailable)}

    @property
    def unavailable(self) -> dict[str, str]:
        """Why views that were asked for are not open."""
        return {view: of.unavailable for view, of in self.views.items() if isinstance(of, Unavailable)}

    def to_json(self) -> dict[str, Any]:
        """The views stand beside the half's own keys, behind them."""
        json = fields_to_json(self)
        views = json.pop("views")
        return json | views

    @classmethod
    def from_json(cls, json: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`: what is no key of the half is a view."""
        names = cls.__dataclass_fields__.keys() - {"views"}
        own = {name: value for name, value in json.items() if name in names}
        views = {name: _view_of(value) for name, value in json.items() if name not in names}
        return record_of(cls, {**own, "views": views})


def _view_of(json: Mapping[str, Any]) -> ViewFigures | Unavailable:
    """A view's part of an entry; only ours are told by attribute."""
    if "unavailable" in json:
        return record_of(Unavailable, json)
    return NotesFigures.from_json(json) if "by_attribute" in json else Figures.from_json(json)


@dataclass(frozen=True)
class NotesHalf(_Half):
    """An item's notes: how many, until when, what was repaired, whether a sequencer wrote them, and their views.

    per_note: the path of the per-note table below the report's folder; None where tables are not kept.
    """

    notes: int
    seconds: float
    repairs: Mapping[str, int]
    sequenced: Sequenced | None
    per_note: str | None


@dataclass(frozen=True)
class SoundHalf(_Half):
    """An item's sound: the seconds of all of it, None where no view of sound is open, and its views."""

    seconds: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Without seconds where there are none."""
        json = super().to_json()
        return {name: value for name, value in json.items() if name != "seconds" or value is not None}

    @property
    def curves(self) -> dict[str, str]:
        """The paths of the curves by view."""
        paths = {view: of.curve for view, of in self.scored.items() if isinstance(of, Figures)}
        return {view: path for view, path in paths.items() if path is not None}


@dataclass(frozen=True)
class ItemEntry:
    """One of the report's "items"; paths as the user gave them.

    rendered: the sound was made of the MIDI file. error: what failed, in sentences; None where all is well.
    """

    id: str
    group: str | None
    midi: str | None
    wav: str | None
    rendered: bool = False
    symbolic: NotesHalf | None = None
    audio: SoundHalf | None = None
    match: PairMatch | None = None
    moments: tuple[Moment, ...] = ()
    explanations: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    error: str | None = None

    def half(self, name: str) -> NotesHalf | SoundHalf | None:
        """The half called NOTES or SOUND."""
        return {NOTES: self.symbolic, SOUND: self.audio}[name]

    def figure(self, half: str, view: str, key: str) -> Figure:
        """A view's figure by its key in the report; None where any part on the way to it is absent."""
        of_half = self.half(half)
        figures = None if of_half is None else of_half.figures(view)
        return None if figures is None else figures.get(key)

    @property
    def tables(self) -> list[str]:
        """The paths of all its tables, below the report's folder."""
        curves = [] if self.audio is None else [*self.audio.curves.values()]
        per_note = None if self.symbolic is None else self.symbolic.per_note
        return curves if per_note is None else [*curves, per_note]

    def without_tables(self) -> Self:
        """The entry where its tables are not kept."""
        symbolic, audio = self.symbolic, self.audio
        if symbolic is not None:
            symbolic = replace(symbolic, per_note=None)
        if audio is not None:
            of_views = {
                view: of.changed(curve=None) if isinstance(of, Figures) and "curve" in of.by_name else of
                for view, of in audio.views.items()
            }
            audio = replace(audio, views=of_views)
        return replace(self, symbolic=symbolic, audio=audio)
