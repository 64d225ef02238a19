"""The views a report can hold: which there are, which have their weights, and how each is opened.

A view is a model's answer about one half of an item, its notes or its sound. Three views are shipped with their
weights; two stand on public checkpoints; others come from installed packages.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from audio.audiobox import DEFAULT_CHECKPOINT as AUDIOBOX_CHECKPOINT
from audio.checkpoints import checkpoint_folder
from audio.musicgen.config import DEFAULT_CHECKPOINT as MUSICGEN_CHECKPOINT
from bridge.views.sound import OWN, AudioView, installed_plugins, open_own, open_plugin, packages_of
from losscal.errors import InputError, WeightsError
from losscal.references import REFERENCES_FILE, References

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

SYMBOLIC_VIEWS = ("events", "vqvae")
SHIPPED_VIEWS = (*SYMBOLIC_VIEWS, "spectral_lm")
"""Their weights are NAME.safetensors in one folder; their references lie beside."""
PUBLIC_CHECKPOINTS = {"musicgen": MUSICGEN_CHECKPOINT, "audiobox": AUDIOBOX_CHECKPOINT}
"""Hub names of what the views on public checkpoints stand on, where no other is given."""
VIEWS = (*SYMBOLIC_VIEWS, *OWN)
SYMBOLIC_UNIT = "nats of the notes as cleaned"


class SymbolicScorer(Protocol):
    """A likelihood of notes."""

    name: str
    context_policy: str
    weights_sha256: str

    def score(self, performances: Sequence[Any], *, excerpt: bool = False) -> list[Any]:
        """Performances to SymbolicScores of the same order."""
        ...


@dataclass(frozen=True)
class OpenViews:
    """The views of one run.

    symbolic, audio: what is open, by view name. unavailable: why a view asked for is not. warnings: what every item of
    the report is to be read with.
    """

    symbolic: Mapping[str, SymbolicScorer]
    audio: Mapping[str, AudioView]
    unavailable: Mapping[str, str] = field(default_factory=dict)
    references: References = field(default_factory=References)
    warnings: tuple[str, ...] = ()

    @property
    def wants_audio(self) -> bool:
        """Whether any view, open or unavailable, is one of sound."""
        return bool(self.audio or self.unavailable.keys() - set(SYMBOLIC_VIEWS))

    @property
    def weights(self) -> dict[str, str]:
        """SHA-256 of the weights of each open view that has some."""
        of_symbolic = {name: scorer.weights_sha256 for name, scorer in self.symbolic.items()}
        of_audio = {name: view.description.weights_sha256 for name, view in self.audio.items()}
        return of_symbolic | {name: sha256 for name, sha256 in of_audio.items() if sha256 is not None}

    @property
    def units(self) -> dict[str, str]:
        """What the figures of each open view are of, in words."""
        return dict.fromkeys(self.symbolic, SYMBOLIC_UNIT) | {
            name: view.description.unit for name, view in self.audio.items()
        }

    @property
    def context_policy(self) -> str:
        """How much context each symbolic view was given, in words."""
        return "; ".join(scorer.context_policy for scorer in self.symbolic.values())

    def unavailable_in(self, half: str) -> dict[str, dict[str, str]]:
        """The report's {"unavailable": why} of the views of a half, "symbolic" or "audio"."""
        return {
            name: {"unavailable": reason}
            for name, reason in self.unavailable.items()
            if (name in SYMBOLIC_VIEWS) == (half == "symbolic")
        }


def weights_folder(view: str, weights_dir: Path | None = None) -> Path:
    """`weights_dir` where it is given, else the folder of shipped weights in the view's own package."""
    if weights_dir is not None:
        return weights_dir
    package = "symbolic" if view in SYMBOLIC_VIEWS else "audio"
    return Path(find_spec(package).origin).parent / "weights"


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
    others. Only a hub name, given or that of PUBLIC_CHECKPOINTS for a view asked for by name, makes use of the network.
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
        raise InputError(f"no view can be opened. {' '.join(_absent(name, folder) for name in SHIPPED_VIEWS)}")
    opened: dict[str, Any] = {}
    unavailable: dict[str, str] = {}
    for name, checkpoint in asked.items():
        try:
            opened[name] = _open(name, folder, checkpoint, plugins)
        except InputError as error:
            unavailable[name] = str(error)
    shipped = [weights_folder(name, folder) for name in opened if name in SHIPPED_VIEWS]
    return OpenViews(
        symbolic={name: opened[name] for name in SYMBOLIC_VIEWS if name in opened},
        audio={name: view for name, view in opened.items() if name not in SYMBOLIC_VIEWS},
        unavailable=unavailable,
        references=References.load({path / REFERENCES_FILE for path in shipped}),
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


def _present(folder: Path | None) -> dict[str, str | None]:
    """The views whose weights lie on this machine, with the folder of their checkpoint where they stand on one."""
    present: dict[str, str | None] = {}
    for name in SHIPPED_VIEWS:
        if _shipped_weights(name, folder).is_file():
            present[name] = None
    for name, checkpoint in PUBLIC_CHECKPOINTS.items():
        with suppress(InputError):
            present[name] = str(checkpoint_folder(checkpoint, fetch=False))
    return present


def _open(
    name: str, folder: Path | None, checkpoint: str | None, plugins: Mapping[str, Sequence["EntryPoint"]]
) -> SymbolicScorer | AudioView:
    """One view; raises InputError where it is not to be had, WeightsError as `open_views` does."""
    if name in PUBLIC_CHECKPOINTS:
        try:
            return open_own(name, checkpoint or PUBLIC_CHECKPOINTS[name])
        except WeightsError as error:  # not ours to answer for: the other views are made all the same
            raise InputError(str(error)) from error
    if name not in SHIPPED_VIEWS:
        return open_plugin(plugins[name], checkpoint)
    if not _shipped_weights(name, folder).is_file():
        raise InputError(_absent(name, folder))
    if name in SYMBOLIC_VIEWS:
        from symbolic.scoring.likelihood import SymbolicScorer

        return SymbolicScorer.load(name, folder)
    return open_own(name, folder)


def _shipped_weights(name: str, folder: Path | None) -> Path:
    return weights_folder(name, folder) / f"{name}.safetensors"


def _absent(name: str, folder: Path | None) -> str:
    path = _shipped_weights(name, folder)
    return f"{path}: no such weights file; train it or give its folder with --weights."
