"""Sound to train on: excerpts of a prepared corpus, rendered once and kept as frames in a cache named by its content.

The cache holds, for each split, all excerpts' levels in one array, where each begins and which keys were struck, so
that training runs where there is no synthesiser. Another recipe of sound (other SoundFonts, other rooms, shuffled
notes) is another folder.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from tqdm import tqdm

from audio.spectral.frames import FrameConfig
from bridge.synthesis.rendering import GAIN, TAIL_FLOOR, TAIL_SECONDS
from bridge.synthesis.synthesiser import default_soundfont
from losscal.errors import InputError, told_as_damage
from losscal.files import atomic_path, sha256_of
from losscal.processes.workers import WorkerPool
from losscal.settings import Count, Range, Settings, TrainingSeed
from symbolic.data.corpus import Corpus
from train.frames.excerpts import SPLITS, RenderedExcerpt, SoundRecipe, excerpts_of, frames_of_excerpt

RECIPE_FILE = "recipe.json"
RENDER_ANEW = "remove the folder and leave --frames out to render anew"


@dataclass(frozen=True)
class FrameWindowConfig(Settings):
    """Which windows of the excerpts are seen.

    Args:
        batch_size: windows a step.
        window_frames: frames scored in a window, behind the model's left context.
        steps_per_epoch: steps between two validations.
        seed: of the windows and of the model's first weights.
    """

    batch_size: Count = 4
    window_frames: Count = 256
    steps_per_epoch: Annotated[int, Range(1, 1_000_000_000)] = 500
    seed: TrainingSeed = 1


@dataclass(frozen=True)
class FrameSet:
    """Excerpts as rows of bytes: excerpt i is levels[starts[i]:starts[i + 1]], uint8 [T, ..., n_bands]."""

    levels: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, index: int) -> np.ndarray:
        return self.levels[self.starts[index] : self.starts[index + 1]]

    @classmethod
    def of(cls, excerpts: Sequence[np.ndarray]) -> "FrameSet":
        """Of excerpts in memory."""
        return cls(np.concatenate(excerpts), np.cumsum([0, *map(len, excerpts)]))


@dataclass(frozen=True)
class RenderedSet(FrameSet):
    """Excerpts as frames, and which keys were struck: strikes int32 [N, 2], the frame (of all levels) and the key."""

    strikes: np.ndarray

    @classmethod
    def load(cls, folder: Path, split: str) -> "RenderedSet":
        """Memory-map one split of a cache; raises InputError where it is damaged."""
        with told_as_damage(folder, RENDER_ANEW):
            levels = np.load(folder / f"{split}_levels.npy", mmap_mode="r")
            return cls(levels, *(np.load(folder / f"{split}_{name}.npy") for name in ("starts", "strikes")))

    @classmethod
    def save(cls, folder: Path, split: str, excerpts: Sequence[RenderedExcerpt]) -> None:
        """Write one split of a cache."""
        frames = FrameSet.of([excerpt.levels for excerpt in excerpts])
        strikes = [
            excerpt.strikes[excerpt.strikes[:, 0] < len(excerpt.levels)] + (start, 0)
            for excerpt, start in zip(excerpts, frames.starts, strict=False)
        ]
        arrays = {"levels": frames.levels, "starts": frames.starts, "strikes": np.concatenate(strikes).astype(np.int32)}
        for name, array in arrays.items():
            with atomic_path(folder / f"{split}_{name}.npy") as path:
                np.save(path, array)

    def with_strikes(self) -> FrameSet:
        """Rows of levels and of what is struck, 0 or 1: excerpts uint8 [T, 2, n_bands]."""
        struck = np.zeros_like(self.levels)
        struck[tuple(self.strikes.T)] = 1
        return FrameSet(np.stack([self.levels, struck], axis=1), self.starts)


@dataclass(frozen=True)
class FrameCache:
    """A complete folder of frames and the recipe they were made by."""

    folder: Path
    recipe: dict[str, Any]

    @property
    def data_hash(self) -> str:
        """Names the corpus whose pieces were rendered."""
        return self.recipe["data_hash"]

    def of_split(self, split: str) -> RenderedSet:
        """The excerpts of one of train.frames.excerpts.SPLITS."""
        return RenderedSet.load(self.folder, split)

    def sets(self) -> dict[str, RenderedSet]:
        """The excerpts of all splits."""
        return {split: self.of_split(split) for split in SPLITS}

    @classmethod
    def open(cls, folder: str | Path) -> "FrameCache":
        """Raises InputError where `folder` holds no complete frames, or frames of another recipe than ours."""
        path = Path(folder) / RECIPE_FILE
        if not path.is_file():
            raise InputError(f"{folder}: holds no complete frames; leave --frames out to render them from --data.")
        with told_as_damage(path, RENDER_ANEW):
            recipe = json.loads(path.read_text(encoding="utf-8"))
            is_ours = recipe["frames_hash"] == FrameConfig().hash
        if not is_ours:
            raise InputError(f"{folder}: was made by another recipe of frames; leave --frames out to render anew.")
        return cls(Path(folder), recipe)

    @classmethod
    def prepare(cls, corpus: Corpus, sound: SoundRecipe, root: str | Path, n_workers: int) -> "FrameCache":
        """Open <root>/<hash of all that the frames depend on>; render its excerpts first where that is absent."""
        recipe = recipe_of(corpus, sound)
        folder = Path(root) / hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]
        if not (folder / RECIPE_FILE).is_file():
            with WorkerPool(n_workers) as pool:
                for split in SPLITS:
                    excerpts, total = excerpts_of(corpus, split, sound.excerpts), sound.excerpts.n_excerpts(split)
                    jobs = pool.map(partial(frames_of_excerpt, recipe=sound), excerpts, chunksize=4)
                    bar = tqdm(jobs, total=total, desc=f"rendering {split}", unit="excerpt", disable=None)
                    RenderedSet.save(folder, split, list(bar))
            with atomic_path(folder / RECIPE_FILE) as path:  # written last: it marks the folder as complete
                path.write_text(json.dumps(recipe, indent=2) + "\n", encoding="utf-8")
        return cls.open(folder)


def recipe_of(corpus: Corpus, sound: SoundRecipe) -> dict[str, Any]:
    """All that the frames depend on, as JSON values; the SoundFonts by their content."""
    return {
        "data_hash": corpus.data_hash,
        "excerpts": asdict(sound.excerpts),
        "acoustics": asdict(sound.acoustics),
        "shuffle": None if sound.shuffle is None else asdict(sound.shuffle),
        "frames_hash": FrameConfig().hash,
        "render": {"gain": GAIN, "tail_seconds": TAIL_SECONDS, "tail_floor": TAIL_FLOOR},
        "soundfonts": [[path.name, sha256_of(path)] for path in (default_soundfont(), *sound.soundfonts)],
    }
