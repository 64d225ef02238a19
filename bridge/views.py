"""The views a report can hold: which there are, which have their weights, and how each is opened.

A view is one likelihood of one half of an item, its notes or its sound. What a later version adds is named here
already, so that asking for it is answered with a reason and not with an error.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from losscal.errors import InputError
from losscal.references import REFERENCES_FILE, References

SYMBOLIC_VIEWS = ("events", "vqvae")
AUDIO_VIEWS = ("spectral_lm", "musicgen", "audiobox")
VIEWS = SYMBOLIC_VIEWS + AUDIO_VIEWS


class SymbolicScorer(Protocol):
    """A likelihood of notes."""

    name: str
    context_policy: str
    weights_sha256: str

    def score(self, performances: Sequence[Any], *, excerpt: bool = False) -> list[Any]:
        """Performances to SymbolicScores of the same order."""
        ...


class AudioScorer(Protocol):
    """A likelihood of sound; `sample_rate` (Hz) is the one it works at, `unit` says of what the likelihood is."""

    name: str
    sample_rate: int
    unit: str
    weights_sha256: str

    def score(self, waveform: Any) -> dict[str, Any]:
        """A Waveform of any rate to the view's keys in the report."""
        ...


@dataclass(frozen=True)
class OpenViews:
    """The views of one run: scorers by view name, and why a view asked for is not among them."""

    symbolic: dict[str, SymbolicScorer]
    audio: dict[str, AudioScorer]
    unavailable: dict[str, str] = field(default_factory=dict)
    references: References = field(default_factory=References)

    @property
    def wants_audio(self) -> bool:
        """Whether any view, open or unavailable, is one of sound."""
        return bool(self.audio) or any(name in AUDIO_VIEWS for name in self.unavailable)

    @property
    def weights(self) -> dict[str, str]:
        """SHA-256 of each open view's weights."""
        return {name: scorer.weights_sha256 for name, scorer in (self.symbolic | self.audio).items()}

    @property
    def context_policy(self) -> str:
        """How much context each symbolic view was given, in words."""
        return "; ".join(scorer.context_policy for scorer in self.symbolic.values())

    def unavailable_among(self, names: Iterable[str]) -> dict[str, dict[str, str]]:
        """The report's {"unavailable": why} of those of `names` that cannot be answered."""
        return {name: {"unavailable": self.unavailable[name]} for name in names if name in self.unavailable}


def _load_symbolic(name: str, weights_dir: Path | None) -> SymbolicScorer:
    from symbolic.likelihood import SymbolicScorer

    return SymbolicScorer.load(name, weights_dir)


def _load_spectral_lm(weights_dir: Path | None) -> AudioScorer:
    from audio.spectral_lm import SpectralLMScorer

    return SpectralLMScorer.load(weights_dir)


LOADERS: dict[str, Callable[[Path | None], SymbolicScorer | AudioScorer]] = {
    "events": partial(_load_symbolic, "events"),
    "vqvae": partial(_load_symbolic, "vqvae"),
    "spectral_lm": _load_spectral_lm,
}
"""How the views of this version are opened; a view of VIEWS that is not here is answered with a reason."""


def weights_folder(view: str, weights_dir: Path | None = None) -> Path:
    """`weights_dir` where it is given, else the folder of shipped weights in the view's own package."""
    if weights_dir is not None:
        return weights_dir
    package = "symbolic" if view in SYMBOLIC_VIEWS else "audio"
    return Path(find_spec(package).origin).parent / "weights"


def view_names(flag: str | None) -> list[str] | None:
    """The names in a --views flag, "a, b"; None where it is not given."""
    return None if flag is None else [name.strip() for name in flag.split(",")]


def open_views(names: Sequence[str] | None = None, weights_dir: str | Path | None = None) -> OpenViews:
    """Load the scorers of `names`, by default of all views whose weights are present.

    Raises InputError for an unknown name and where by default no view at all can be opened; WeightsError where weights
    are present but refused.
    """
    unknown = [name for name in names or () if name not in VIEWS]
    if unknown:
        raise InputError(f"--views {','.join(unknown)}: no such view; choose from {','.join(VIEWS)}.")
    folder = None if weights_dir is None else Path(weights_dir)
    if folder is not None and not folder.is_dir():
        raise InputError(f"--weights {folder}: no such folder; give one that holds NAME.safetensors files.")
    opened: dict[str, SymbolicScorer | AudioScorer] = {}
    unavailable: dict[str, str] = {}
    for name in names or LOADERS:
        path = weights_folder(name, folder) / f"{name}.safetensors"
        if name not in LOADERS:
            unavailable[name] = f"{name} is not part of this version."
        elif not path.is_file():
            unavailable[name] = f"{path}: no such weights file; train it or give its folder with --weights."
        else:
            opened[name] = LOADERS[name](folder)
    if names is None and not opened:
        raise InputError(f"no view can be opened. {' '.join(unavailable.values())}")
    return OpenViews(
        symbolic={name: opened[name] for name in SYMBOLIC_VIEWS if name in opened},
        audio={name: opened[name] for name in AUDIO_VIEWS if name in opened},
        unavailable=unavailable if names else {},
        references=References.load({weights_folder(name, folder) / REFERENCES_FILE for name in opened}),
    )
