"""What a run keeps of the sound of versions until they are compared, so that none is played or decoded a second time.

Descriptors are a tenth of the samples that they are made of, yet those of many items would fill the memory: they lie in
files that go with the run. Where there are none, because a journal had the item or because another machine scored it,
they are made anew.
"""

from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bridge.items.entry import ItemEntry
from bridge.items.music import Music
from losscal.files import atomic_path

if TYPE_CHECKING:
    from audio.metrics.descriptors import Descriptors


@dataclass(frozen=True)
class Scratch:
    """A folder for the descriptors of items; nothing in it is older than the run. soundfont: as `Music` takes it."""

    folder: Path
    soundfont: Path | None = None

    def keep(self, entry: ItemEntry, descriptors: "Descriptors") -> None:
        """Keep the descriptors of an item's sound, unless the folder is another machine's; raises as `atomic_path`."""
        if self.folder.is_dir():
            with atomic_path(self._path(entry)) as path:
                np.savez(path, **{of.name: getattr(descriptors, of.name) for of in fields(descriptors)})

    def descriptors(self, entry: ItemEntry) -> "Descriptors":
        """Those kept, or else made anew; raises InputError where the sound cannot be had or is too quiet."""
        from audio.metrics.descriptors import Descriptors

        if self._path(entry).is_file():
            with np.load(self._path(entry)) as arrays:
                return Descriptors(**arrays)
        midi, wav = (None if path is None else Path(path) for path in (entry.midi, entry.wav))
        return Music(midi, wav, self.soundfont).descriptors

    def _path(self, entry: ItemEntry) -> Path:
        name = repr((entry.id, entry.midi, entry.wav)).encode("utf-8", "surrogateescape")
        return self.folder / f"{sha256(name).hexdigest()}.npz"
