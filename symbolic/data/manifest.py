"""data_manifest.yaml: where each corpus comes from, and for each of its pieces the facts that may never change."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from losscal.files import atomic_path
from symbolic.data.works import WorkName

FILE_NAME = "data_manifest.yaml"


@dataclass(frozen=True)
class ListedPiece:
    """A piece as the manifest names it; sha256 is of the file's bytes, group the key that fixed its split."""

    sha256: str
    name: str
    composer: str
    era: str
    group: str
    split: str
    flags: list[str]


@dataclass(frozen=True)
class Manifest:
    """The file's content: facts of each corpus, composers by era, pieces by corpus."""

    corpora: dict[str, dict[str, Any]]
    eras: dict[str, list[str]]
    pieces: dict[str, list[ListedPiece]]

    @classmethod
    def load(cls, path: Path) -> "Manifest":
        """Read a manifest file."""
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one, where built, is ten times as fast
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
        pieces = {
            corpus: [ListedPiece(**piece) for piece in listed or []] for corpus, listed in content["pieces"].items()
        }
        return cls(content["corpora"], content["eras"], pieces)

    @cached_property
    def piece_of_sha256(self) -> dict[str, ListedPiece]:
        """All pieces of all corpora by their file's hash."""
        return {piece.sha256: piece for listed in self.pieces.values() for piece in listed}

    @cached_property
    def era_of_composer(self) -> dict[str, str]:
        """The era of each composer named."""
        return {composer: era for era, composers in self.eras.items() for composer in composers}

    @cached_property
    def group_of_work(self) -> dict[str, str]:
        """The work group of each work that a listed piece is of: {WorkName.group_key: group}.

        The two differ where near-duplicates united several works.
        """
        return {WorkName.of_file(piece.name).group_key: piece.group for piece in self.piece_of_sha256.values()}


def manifest_path() -> Path:
    """The manifest: inside the package where it is installed, else at the top of the checkout."""
    package = Path(__file__).resolve().parents[1]
    packaged = package / FILE_NAME
    return packaged if packaged.is_file() else package.parent / FILE_NAME


def write_pieces(path: Path, corpus: str, pieces: Iterable[ListedPiece]) -> None:
    """Replace the pieces of `corpus` in the manifest at `path`, one line each; all that stands above them is kept."""
    listed = {**Manifest.load(path).pieces, corpus: list(pieces)}
    head = path.read_text(encoding="utf-8").split("\npieces:\n")[0]
    lines = [head, "pieces:"]
    for name in sorted(listed):
        lines.append(f"  {name}:")
        ordered = sorted(listed[name], key=lambda piece: (piece.name, piece.sha256))
        lines += [f"  - {json.dumps(asdict(piece), ensure_ascii=False)}" for piece in ordered]
    with atomic_path(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
