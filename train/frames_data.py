"""Sound to train on: excerpts of a prepared corpus, rendered once and kept as frames in a cache named by its content.

The cache holds, for each split, all excerpts' levels in one array and where each begins; it is all that
`python -m train.spectral_lm` needs, so that training runs where there is no synthesiser. Another rendering recipe
(other SoundFonts, other gains) is another `ExcerptConfig` and so another folder.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from audio.frames import FrameConfig, quantised_frames
from audio.waveform import Waveform
from bridge.render import GAIN, TAIL_FLOOR, TAIL_SECONDS, default_soundfont, render
from losscal.errors import InputError
from losscal.files import atomic_path
from symbolic.corpus import Corpus
from symbolic.performance import TICK_SECONDS, Performance, write_midi

RECIPE_FILE = "recipe.json"


@dataclass(frozen=True)
class ExcerptConfig:
    """Which excerpts are rendered, and how.

    Args:
        train_hours: sound rendered from the training pieces, spread evenly over them.
        validation_excerpts: number of excerpts of the validation pieces.
        excerpt_seconds: an excerpt holds the notes struck in so long a span; their sound rings on behind it.
        render_sample_rate: rate of the synthesis in Hz, before the frames' own resampling.
        seed: of the places the excerpts are taken from.
    """

    train_hours: float = 7.0
    validation_excerpts: int = 64
    excerpt_seconds: float = 30.0
    render_sample_rate: int = 44_100
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("train_hours", "validation_excerpts", "excerpt_seconds", "render_sample_rate"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: {getattr(self, name)} must be above 0")

    def n_excerpts(self, split: str) -> int:
        """Excerpts of the "train" or the "validation" split."""
        return round(self.train_hours * 3600 / self.excerpt_seconds) if split == "train" else self.validation_excerpts


@dataclass(frozen=True)
class WindowConfig:
    """Which windows of the excerpts are seen.

    Args:
        batch_size: windows a step.
        window_frames: frames scored in a window, behind the model's left context.
        steps_per_epoch: steps between two validations.
        seed: of the windows and of the model's first weights.
    """

    batch_size: int = 4
    window_frames: int = 256
    steps_per_epoch: int = 500
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("batch_size", "window_frames", "steps_per_epoch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is below 1")


@dataclass(frozen=True)
class FrameSet:
    """Excerpts as frames: excerpt i is levels[starts[i]:starts[i + 1]], uint8 [T, n_bands]."""

    levels: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, index: int) -> np.ndarray:
        return self.levels[self.starts[index] : self.starts[index + 1]]

    @classmethod
    def load(cls, folder: Path, split: str) -> "FrameSet":
        """Memory-map one split of a cache."""
        return cls(np.load(folder / f"{split}_levels.npy", mmap_mode="r"), np.load(folder / f"{split}_starts.npy"))

    @classmethod
    def save(cls, folder: Path, split: str, excerpts: list[np.ndarray]) -> None:
        """Write one split of a cache."""
        starts = np.cumsum([0, *map(len, excerpts)])
        for name, array in (("levels", np.concatenate(excerpts)), ("starts", starts)):
            with atomic_path(folder / f"{split}_{name}.npy") as path:
                np.save(path, array)


def excerpts_of(corpus: Corpus, split: str, config: ExcerptConfig) -> Iterator[Performance]:
    """The split's excerpts, the same for the same config: the pieces in turn, each time at a new place."""
    pieces = corpus.of_split(split)
    if not pieces:
        raise InputError(f"{corpus.folder}: its {split} split is empty; prepare a larger corpus.")
    rng = np.random.default_rng(config.seed)
    order = rng.permutation(len(pieces))
    span_ticks = round(config.excerpt_seconds / TICK_SECONDS)
    for index in range(config.n_excerpts(split)):
        performance = corpus.performance(pieces[order[index % len(pieces)]])
        onset = performance.notes["onset_ticks"]
        first_tick = rng.integers(max(1, onset[-1] - span_ticks + 1))
        start = int(np.searchsorted(onset, first_tick))
        stop = int(np.searchsorted(onset, onset[start] + span_ticks))
        yield performance.excerpt(start, stop)


def frames_of_performance(performance: Performance, config: ExcerptConfig) -> np.ndarray:
    """Render with the default SoundFont and quantise: uint8 [T, n_bands], the release tail included."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "excerpt.mid"
        write_midi(performance, path)
        samples = render(path, sample_rate=config.render_sample_rate)
    return quantised_frames(Waveform(samples, config.render_sample_rate, "excerpt"))


@dataclass(frozen=True)
class FrameCache:
    """A complete folder of frames and the recipe they were made by."""

    folder: Path
    recipe: dict[str, Any]

    @property
    def data_hash(self) -> str:
        """Names the corpus whose pieces were rendered."""
        return self.recipe["data_hash"]

    def of_split(self, split: str) -> FrameSet:
        """The excerpts of "train" or "validation"."""
        return FrameSet.load(self.folder, split)

    @classmethod
    def open(cls, folder: str | Path) -> "FrameCache":
        """Raises InputError where `folder` holds no complete frames, or frames of another recipe than audio.frames'."""
        path = Path(folder) / RECIPE_FILE
        if not path.is_file():
            raise InputError(f"{folder}: holds no complete frames; leave --frames out to render them from --data.")
        recipe = json.loads(path.read_text(encoding="utf-8"))
        if recipe["frames_hash"] != FrameConfig().hash:
            raise InputError(f"{folder}: was made by another recipe of frames; leave --frames out to render anew.")
        return cls(Path(folder), recipe)

    @classmethod
    def prepare(cls, corpus: Corpus, config: ExcerptConfig, root: str | Path, n_workers: int) -> "FrameCache":
        """Open <root>/<hash of all that the frames depend on>; render its excerpts first where that is absent."""
        recipe = _recipe(corpus, config)
        folder = Path(root) / hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]
        if not (folder / RECIPE_FILE).is_file():
            with ProcessPoolExecutor(n_workers, mp_context=get_context("spawn")) as pool:
                for split in ("train", "validation"):
                    total = config.n_excerpts(split)
                    jobs = pool.map(
                        frames_of_performance, excerpts_of(corpus, split, config), [config] * total, chunksize=4
                    )
                    FrameSet.save(folder, split, list(tqdm(jobs, total=total, desc=f"rendering {split}")))
            with atomic_path(folder / RECIPE_FILE) as path:  # written last: it marks the folder as complete
                path.write_text(json.dumps(recipe, indent=2) + "\n", encoding="utf-8")
        return cls.open(folder)


def _recipe(corpus: Corpus, config: ExcerptConfig) -> dict[str, Any]:
    soundfont = default_soundfont()
    return {
        "data_hash": corpus.data_hash,
        "excerpts": asdict(config),
        "frames_hash": FrameConfig().hash,
        "render": {"gain": GAIN, "tail_seconds": TAIL_SECONDS, "tail_floor": TAIL_FLOOR},
        "soundfont": soundfont.name,
        "soundfont_sha256": hashlib.sha256(soundfont.read_bytes()).hexdigest(),
    }
