"""What a person can have written, and the command lines that write it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from bridge.views.opening import SYMBOLIC_VIEWS
from bridge.web.jobs import Command
from bridge.web.workshop import Workshop
from losscal.errors import InputError

NEW, CONTINUED, JOINED = "a new piece", "what goes on from mine", "what leads from mine to another"
REDRAWN, VARIED, POLISHED = "some seconds of mine, anew", "mine, varied", "mine, polished"
KINDS = (NEW, CONTINUED, JOINED, REDRAWN, VARIED, POLISHED)
ENDINGS = {CONTINUED: "continued", REDRAWN: "redrawn", VARIED: "varied", POLISHED: "polished"}
"""Of the names of files."""
DRAWN = (NEW, CONTINUED, JOINED, REDRAWN)
PREVIEW_SECONDS = 5
"""Of music, after which the file of a piece that is drawn alone is written anew."""
ASKED: Mapping[str, tuple[str, ...]] = {
    "piece": (CONTINUED, JOINED, REDRAWN, VARIED, POLISHED),
    "second": (JOINED,),
    "seconds": (NEW, CONTINUED, JOINED),
    "redraw": (REDRAWN,),
    "keep_seconds": (CONTINUED,),
    "composer": DRAWN,
    "era": DRAWN,
    "guidance": DRAWN,
    "candidates": DRAWN,
    "form": (NEW,),
    "keep": (VARIED,),
    "strength": (VARIED,),
    "attributes": (POLISHED,),
    "temperature": (*DRAWN, VARIED),
    "model": (*DRAWN, POLISHED),
    "seed": KINDS,
}
"""What is asked for what kind; of other kinds it is left alone."""


@dataclass(frozen=True)
class Wish:
    """What is to be written, by the flags of the command lines. piece, second: uploads.

    redraw: which seconds of the piece to draw anew, as 12-15.5. keep_seconds: of the piece that is continued, 0 for all
    of it. attributes: what polishing may change.
    """

    kind: str
    piece: Path | None = None
    second: Path | None = None
    seconds: float = 20
    redraw: str = ""
    keep_seconds: float = 0
    composer: str = ""
    era: str = ""
    guidance: float = 1
    candidates: int = 4
    form: str = ""
    keep: str = "codes"
    strength: float = 1
    attributes: tuple[str, ...] = ("pitch",)
    temperature: float = 1
    model: str = SYMBOLIC_VIEWS[0]
    seed: int = 1

    @classmethod
    def of(cls, kind: str, given: Mapping[str, Any]) -> "Wish":
        """What is asked for that kind, of all that is given."""
        asked = {name: value for name, value in given.items() if kind in ASKED[name]}
        readers = {"piece": Path, "second": Path, "attributes": tuple}
        return cls(
            kind,
            **{
                name: readers.get(name, lambda value: value)(value)
                for name, value in asked.items()
                if value is not None
            },
        )

    @property
    def pieces(self) -> list[Path]:
        """The uploads that are worked on; raises InputError where one is not given."""
        needed = [getattr(self, name) for name in ("piece", "second") if self.kind in ASKED[name]]
        if None in needed:
            both = " two MIDI files" if len(needed) > 1 else " a MIDI file"
            raise InputError(f"No piece is given: drop{both} to write {self.kind}.")
        return needed

    @property
    def written(self) -> str:
        """The name of the file."""
        if self.kind == NEW:
            return "new.mid"
        stems = [piece.stem for piece in self.pieces]
        return f"{'_to_'.join(stems)}.mid" if self.kind == JOINED else f"{stems[0]}_{ENDINGS[self.kind]}.mid"

    def commands(self, workshop: Workshop) -> list[Command]:
        """The command lines, for a working folder that holds the pieces; raises InputError where one is not given."""
        written, compared = self.written, [self.written]
        if self.kind in (REDRAWN, VARIED, POLISHED):
            (piece,) = self.pieces
            compared += [piece.name, "--reference", piece.name]
        views = [view for view in workshop.views if view in SYMBOLIC_VIEWS]
        return [
            workshop.command(*self._writing(written)),
            Command("bridge.render", (written, str(Path(written).with_suffix(".wav"))), needed=False),
            workshop.command("bridge.score", *compared, "--views", ",".join(views), "--out", "report"),
        ]

    def _writing(self, written: str) -> list[object]:
        """The module that writes, and its flags; those that are as they are without are left out."""
        names = [piece.name for piece in self.pieces]
        if self.kind == VARIED:
            flags = self._flags("strength", "temperature")
            return ["symbolic.vary", *names, written, "--keep", self.keep, *flags, "--seed", self.seed]
        if self.kind == POLISHED:
            changing = [] if self.attributes == ("pitch",) else ["--attributes", ",".join(self.attributes)]
            return ["symbolic.polish", *names, written, "--model", self.model, *changing, "--seed", self.seed]
        if self.kind == REDRAWN and not self.redraw.strip():
            raise InputError("No span is given: say which seconds of the piece to write anew, as 12-15.5.")
        given = {CONTINUED: ["--prompt"], JOINED: ["--between"], REDRAWN: ["--prompt"]}.get(self.kind, [])
        flags = self._flags("redraw", "keep_seconds", "composer", "era", "guidance", "form", "temperature")
        fixed = ["--model", self.model, "--seed", self.seed, "--candidates", self.candidates]
        if self.kind != REDRAWN:
            fixed += ["--seconds", self.seconds]
        if self.kind in (NEW, CONTINUED) and self.candidates == 1:
            fixed += ["--preview", PREVIEW_SECONDS]
        return ["symbolic.generate", *fixed, *flags, *given, *names, "--out", written]

    def _flags(self, *names: str) -> list[object]:
        """Flags of fields that are not as they are by default."""
        usual = {of.name: of.default for of in fields(self)}
        values = {name: getattr(self, name) for name in names}
        values = {name: value.strip() if isinstance(value, str) else value for name, value in values.items()}
        return [
            part
            for name, value in values.items()
            if value != usual[name]
            for part in (f"--{name.replace('_', '-')}", value)
        ]
