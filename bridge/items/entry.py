"""An item's entry in the report: frozen, read by attributes, and JSON only where it leaves the program.

`losscal.records.to_json` turns an entry into the keys of docs/report.md, `record_of` turns them back, for the journal
and for whoever has loaded a report.json.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from losscal.errors import InputError
from losscal.records import fields_to_json, is_finite_number, record_of
from symbolic.notes.alignment import Edit
from symbolic.notes.looping import is_too_regular

Figures = Mapping[str, Any]
"""What a view says of an item, in the order in which it tells it: numbers by name, None where one cannot be told, also
lists and mappings of numbers. `curve`, where a view has one, is the path of its table below the report's folder."""


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
class _Half:
    """What the halves have in common: a view's part of the entry, by the view's name."""

    views: Mapping[str, Figures | Unavailable]

    @classmethod
    def own_keys(cls) -> set[str]:
        """The keys of the half that are no views."""
        return cls.__dataclass_fields__.keys() - {"views"}

    @property
    def scored(self) -> dict[str, Figures]:
        """The figures of the views that gave some."""
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
        own = {name: value for name, value in json.items() if name in cls.own_keys()}
        views = {name: _view_of(value) for name, value in json.items() if name not in own}
        return record_of(cls, {**own, "views": views})


def _view_of(json: Any) -> Figures | Unavailable:
    if isinstance(json, Mapping) and "unavailable" in json:
        return record_of(Unavailable, json)
    if not isinstance(json, Mapping) or not all(_is_figure(name, value) for name, value in json.items()):
        raise InputError(f"a view's figures are {json!r:.60}, no numbers by name; make the file again.")
    return json


def _is_figure(name: str, value: Any) -> bool:
    """Whether a JSON value is what Figures hold; texts are paths and labels, never under the name of a number."""
    if name == "curve":  # the path of a table
        return value is None or isinstance(value, str)
    if isinstance(value, Mapping):
        return all(_is_figure(of, part) for of, part in value.items())
    if isinstance(value, list | tuple):
        return all(_is_figure(name, part) for part in value)
    return value is None or is_finite_number(value)


@dataclass(frozen=True)
class NotesHalf(_Half):
    """An item's notes: how many, until when, what was repaired, whether a sequencer wrote them, and their views.

    looped_share: 0 to 1, see `symbolic.notes.looping`.
    per_note: the path of the per-note table below the report's folder; None where tables are not kept.
    """

    notes: int
    seconds: float
    repairs: Mapping[str, int]
    sequenced: Sequenced | None
    looped_share: float
    per_note: str | None


@dataclass(frozen=True)
class HeardHalf(NotesHalf):
    """The notes that a transcriber heard in an item's recording, and their views, as of a file's notes.

    first_note_seconds: where in the recording the first one begins. Times in the per-note table are the recording's.
    """

    transcriber: str
    transcriber_version: str
    first_note_seconds: float


@dataclass(frozen=True)
class SoundHalf(_Half):
    """An item's sound: the seconds of all of it, None where no view of sound is open, and its views."""

    seconds: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Without seconds where there are none."""
        json = super().to_json()
        return {name: value for name, value in json.items() if name != "seconds" or value is not None}


@dataclass(frozen=True)
class HeardAgainstRead:
    """The notes heard in a pair's recording against those of its MIDI file; text: all of it in words.

    matched: of one pitch and time. missing: in the file, not heard; extra: heard, not in the file. edits: what differs,
    by the recording's time, `note` in the table of heard notes and `reference_note` in that of read ones; none where
    the two are other music.
    """

    matched: int
    missing: int
    extra: int
    moved: int
    repitched: int
    text: str
    edits: tuple[Edit, ...]


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
    heard: HeardHalf | None = None
    audio: SoundHalf | None = None
    match: PairMatch | None = None
    heard_against_read: HeardAgainstRead | None = None
    moments: tuple[Moment, ...] = ()
    explanations: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    error: str | None = None

    def at(self, keys: Sequence[str | int]) -> Any:
        """What lies at a path of keys, and of places in lists, of the report; None where any part of it is absent."""
        value: Any = self
        for key in keys:
            if isinstance(value, _Half) and key not in value.own_keys():
                value = value.scored.get(key)
            elif isinstance(value, Mapping):
                value = value.get(key)
            elif isinstance(value, list | tuple):
                value = value[key] if key < len(value) else None
            else:
                value = getattr(value, key) if key in getattr(value, "__dataclass_fields__", ()) else None
        return value

    @property
    def halves(self) -> "dict[str, NotesHalf | HeardHalf | SoundHalf]":
        """What it has of "symbolic", "heard" and "audio", as the report calls them."""
        halves = {"symbolic": self.symbolic, "heard": self.heard, "audio": self.audio}
        return {name: half for name, half in halves.items() if half is not None}

    @property
    def is_sequenced(self) -> bool:
        """Whether its notes lie on a grid throughout."""
        return self.symbolic is not None and self.symbolic.sequenced is not None

    @property
    def is_looped(self) -> bool:
        """Whether its notes, played and not sequenced, repeat themselves exactly more than music does."""
        of = self.symbolic
        return of is not None and is_too_regular(of.looped_share, is_sequenced=self.is_sequenced)

    @property
    def is_scored(self) -> bool:
        """Whether any view gave figures."""
        return any(half.scored for half in self.halves.values())

    def half(self, name: str) -> NotesHalf | HeardHalf | SoundHalf | None:
        """One of `halves`, None where it has none."""
        return self.halves.get(name)

    def figures(self, half: str, view: str) -> Figures:
        """The figures of a view of a half; none where it gave none."""
        of_half = self.half(half)
        return {} if of_half is None else of_half.scored.get(view, {})

    @property
    def per_note(self) -> dict[str, str]:
        """The paths of its per-note tables, by the half whose notes they hold."""
        halves = {name: half for name, half in self.halves.items() if isinstance(half, NotesHalf)}
        return {name: half.per_note for name, half in halves.items() if half.per_note is not None}

    @property
    def curves(self) -> dict[str, str]:
        """The paths of its curves over time, by view."""
        figures = {} if self.audio is None else self.audio.scored
        return {view: of["curve"] for view, of in figures.items() if of.get("curve") is not None}

    @property
    def tables(self) -> list[str]:
        """The paths of all its tables, below the report's folder."""
        return [*self.curves.values(), *self.per_note.values()]

    def without_tables(self) -> Self:
        """The entry where its tables are not kept."""
        symbolic, heard, audio = self.symbolic, self.heard, self.audio
        if symbolic is not None:
            symbolic = replace(symbolic, per_note=None)
        if heard is not None:
            heard = replace(heard, per_note=None)
        if audio is not None:
            of_views = {
                view: {**of, "curve": None} if not isinstance(of, Unavailable) and "curve" in of else of
                for view, of in audio.views.items()
            }
            audio = replace(audio, views=of_views)
        return replace(self, symbolic=symbolic, heard=heard, audio=audio)
