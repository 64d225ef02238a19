"""The views a report can hold: which there are, which have their weights, and how each is opened.

A view is a model's answer about one half of an item, its notes or its sound. Three views are shipped with their
weights; two stand on public checkpoints; others come from installed packages.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from audio.checkpoints import checkpoint_folder
from bridge.views.declarations import VIEWS, half_of, installed_plugins, plugin_view
from bridge.views.notes import SymbolicScorer, open_plugin_of_notes
from bridge.views.sound import AudioView, open_plugin_of_sound
from losscal.errors import InputError, WeightsError
from losscal.plugins import packages_of, plugin_words
from losscal.references import REFERENCES_FILE, References
from losscal.views import HEARD, NOTES, SOUND, Half, View

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from bridge.transcription.listening import Listener

SHIPPED_VIEWS = tuple(name for name, view in VIEWS.items() if view.weights is not None)
SYMBOLIC_VIEWS = tuple(name for name, view in VIEWS.items() if view.half == NOTES)


@dataclass(frozen=True)
class OpenViews:
    """The views of one run.

    symbolic, audio: what is open, by view name. unavailable: why a view asked for is not. warnings: what every item of
    the report is to be read with. listener: hears the notes of recordings for the views of notes, None: nobody does.
    not_heard: why nobody does though it was asked for.
    """

    symbolic: Mapping[str, SymbolicScorer]
    audio: Mapping[str, AudioView]
    unavailable: Mapping[str, str] = field(default_factory=dict)
    references: References = field(default_factory=References)
    warnings: tuple[str, ...] = ()
    listener: "Listener | None" = None
    not_heard: str | None = None

    def with_listener(self, listener: "Listener") -> Self:
        """These views with who listens to recordings, or with the reason why nobody can."""
        try:
            return replace(self, listener=listener.opened())
        except InputError as error:
            return replace(self, not_heard=str(error))

    @property
    def wants_audio(self) -> bool:
        """Whether any view, open or unavailable, is one of sound."""
        return bool(self.audio) or any(half_of(name) == SOUND for name in self.unavailable)

    @property
    def weights(self) -> dict[str, str]:
        """SHA-256 of the weights of each open view that has some."""
        of_symbolic = {name: scorer.weights_sha256 for name, scorer in self.symbolic.items()}
        of_audio = {name: view.description.weights_sha256 for name, view in self.audio.items()}
        return {name: sha256 for name, sha256 in (of_symbolic | of_audio).items() if sha256 is not None}

    @property
    def units(self) -> dict[str, str]:
        """What the figures of each open view are of, in words."""
        return {name: view.unit for name, view in self.declared.items()}

    @property
    def context_policy(self) -> str:
        """How much context each symbolic view was given, in words."""
        return "; ".join(filter(None, (scorer.context_policy for scorer in self.symbolic.values())))

    @property
    def declared(self) -> dict[str, View]:
        """The declarations of the open views, those of notes first, then the same of heard notes where any are."""
        of_notes = {name: scorer.view for name, scorer in self.symbolic.items()}
        heard = [] if self.listener is None else [view.of_heard_notes() for view in of_notes.values()]
        of_sound = {name: opened.view for name, opened in self.audio.items()}
        return of_notes | {view.name: view for view in heard} | of_sound

    def scorers_of(self, half: Half) -> "list[tuple[View, SymbolicScorer]]":
        """The open views of notes, declared as those of notes or of heard notes, each with its scorer."""
        return [
            (scorer.view.of_heard_notes() if half == HEARD else scorer.view, scorer)
            for scorer in self.symbolic.values()
        ]

    def references_of(self, view: View) -> str:
        """What the references of an open view must have been made with: its weights and, of heard notes, who heard."""
        weights = self.weights.get(view.report_keys[1], "")
        return weights if view.half != HEARD else self.listener.heard_with(weights)

    def unavailable_in(self, half: Half) -> dict[str, dict[str, str]]:
        """The report's {"unavailable": why} of the views of a half."""
        return {name: {"unavailable": reason} for name, reason in self.unavailable.items() if half_of(name) == half}


def view_names(flag: str) -> list[str]:
    """The names in a --views flag, "a, b"."""
    return [name.strip() for name in flag.split(",")]


def checkpoints_of(flags: Sequence[str]) -> dict[str, str]:
    """The values of --checkpoint flags, "VIEW=CHECKPOINT", by view; raises InputError for one of another form."""
    checkpoints = {}
    for flag in flags:
        name, _, checkpoint = flag.partition("=")
        if not name or not checkpoint:
            raise InputError(f"--checkpoint {flag}: write VIEW=CHECKPOINT, the checkpoint a folder or a hub name.")
        checkpoints[name] = checkpoint
    return checkpoints


def open_views(
    names: Sequence[str] | None = None,
    weights_dir: str | Path | None = None,
    checkpoints: Mapping[str, str] | None = None,
) -> OpenViews:
    """Open the views `names`, by default all of VIEWS whose weights lie on this machine, and those of `checkpoints`.

    weights_dir: a folder of NAME.safetensors for the shipped views. checkpoints: {view: folder or hub name} for the
    others. Only a hub name, given or a declared one of a view asked for by name, makes use of the network.
    Raises InputError for an unknown name and where by default no view at all can be opened; WeightsError where shipped
    views' weights are present but refused. Whatever else is in the way of a view is told in `unavailable`.
    """
    folder = None if weights_dir is None else Path(weights_dir)
    if folder is not None and not folder.is_dir():
        raise InputError(f"--weights {folder}: no such folder; give one that holds NAME.safetensors files.")
    asked: dict[str, str | None] = {**dict.fromkeys(names or ()), **(checkpoints or {})}
    plugins = installed_plugins() if asked else {}
    _check_names(asked, plugins)
    if names is None:
        asked = _present(folder) | asked
    if not asked:
        raise InputError(f"no view can be opened. {' '.join(_absent(VIEWS[name], folder) for name in SHIPPED_VIEWS)}")
    opened: dict[str, Any] = {}
    unavailable: dict[str, str] = {}
    for name, checkpoint in asked.items():
        try:
            opened[name] = _open(name, folder, checkpoint, plugins)
        except InputError as error:
            unavailable[name] = str(error)
    folders = {(folder or VIEWS[name].weights.folder) for name in SHIPPED_VIEWS if name in opened}
    of_notes = [name for name, view in opened.items() if view.view.half == NOTES]
    return OpenViews(
        symbolic={name: opened[name] for name in sorted(of_notes, key=_place)},
        audio={name: view for name, view in opened.items() if name not in of_notes},
        unavailable=unavailable,
        references=References.load({path / REFERENCES_FILE for path in folders}),
        warnings=tuple(
            f"{name}: LossCal's own was asked, not the scorer of the same name that {packages_of(plugins[name])} brings"
            for name in asked
            if name in VIEWS and name in plugins
        ),
    )


def _check_names(asked: Mapping[str, str | None], plugins: Collection[str]) -> None:
    """Raise InputError for a view that there is not, and for a checkpoint given to a shipped view."""
    known = [*VIEWS, *sorted(set(plugins) - set(VIEWS))]
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise InputError(f"--views {','.join(unknown)}: no such view; choose from {','.join(known)}.")
    for name in SHIPPED_VIEWS:
        if asked.get(name) is not None:
            raise InputError(f"--checkpoint {name}={asked[name]}: the weights of {name} are given with --weights DIR.")


def _place(name: str) -> int:
    """Ours in the order of the report, plug-ins behind them."""
    return [*VIEWS].index(name) if name in VIEWS else len(VIEWS)


def _present(folder: Path | None) -> dict[str, str | None]:
    """The views whose weights lie on this machine, with the folder of their checkpoint where they stand on one."""
    present: dict[str, str | None] = {}
    for name, view in VIEWS.items():
        if view.weights is not None and view.weights.paths(folder)[0].is_file():
            present[name] = None
        if view.checkpoint is not None:
            with suppress(InputError):
                present[name] = str(checkpoint_folder(view.checkpoint, fetch=False))
    return present


def _open(
    name: str, folder: Path | None, checkpoint: str | None, plugins: Mapping[str, Sequence["EntryPoint"]]
) -> SymbolicScorer | AudioView:
    """One view; raises InputError where it is not to be had, WeightsError as `open_views` does."""
    if name not in VIEWS:
        view = plugin_view(plugins[name])
        open_plugin = open_plugin_of_notes if view.half == NOTES else open_plugin_of_sound
        return open_plugin(view, plugin_words(plugins[name]), checkpoint)
    view = VIEWS[name]
    if view.weights is not None and not view.weights.paths(folder)[0].is_file():
        raise InputError(_absent(view, folder))
    try:
        scorer = view.load(checkpoint if view.weights is None else folder)
    except WeightsError as error:
        if view.checkpoint is None:
            raise
        raise InputError(str(error)) from error  # not ours to answer for: the other views are made all the same
    return scorer if view.half == NOTES else AudioView(view, scorer.describe(), scorer.score)


def _absent(view: View, folder: Path | None) -> str:
    return f"{view.weights.paths(folder)[0]}: no such weights file; train it or give its folder with --weights."
