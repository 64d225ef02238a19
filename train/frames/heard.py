"""What a model of struck keys learns from: what is heard in rendered excerpts, and music without sound beside it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from audio.spectral.config import HEARING_KIND, KIND, SHIPPED_WEIGHTS, HearingConfig
from audio.spectral.hearing import Hearing, struck_keys
from audio.spectral.loading import load_frame_model
from audio.spectral.model import SpectralLM
from audio.spectral.scoring import load_model
from losscal.errors import InputError
from train.frames.data import FrameCache, FrameSet
from train.frames.excerpts import ShuffleConfig
from train.frames.misheard import misheard_excerpts

if TYPE_CHECKING:
    from jsonargparse import Namespace


def take_hearing(model: SpectralLM, path: str | None) -> None:
    """Let the model hear by the weights at a path, by the shipped ones where there is none.

    Raises WeightsError where they cannot be used, InputError where they are of another size.
    """
    if path is None:
        source = load_model(SHIPPED_WEIGHTS / f"{KIND}.safetensors").hearing
    else:
        source = load_frame_model(
            path, kind=HEARING_KIND, config_name=HEARING_KIND, config=HearingConfig, model=Hearing
        )
    if source.config != model.hearing.config:
        raise InputError(
            f"--hearing {path or 'shipped'}: is {source.config.channels} channels wide, give that to "
            "--model.hearing-channels."
        )
    model.hearing.load_state_dict(source.state_dict())


def music_without_sound(flags: "Namespace", shuffle: ShuffleConfig | None) -> Iterable[np.ndarray]:
    """The excerpts that --misheard asks for; raises InputError where there is no data."""
    if flags.misheard.hours == 0:
        return ()
    from symbolic.data.corpus import Corpus

    return misheard_excerpts(Corpus.open(flags.data), flags.misheard, shuffle)


def heard_sets(hearing: Hearing, frames: FrameCache, unheard: Iterable[np.ndarray]) -> dict[str, FrameSet]:
    """By split, the keys struck in each excerpt, uint8 [T, n_bands]; those of `unheard` are trained on, too."""
    sets = {}
    for split, rendered in frames.sets().items():
        excerpts = [struck_keys(hearing, levels) for levels in tqdm(rendered, desc=f"hearing {split}", disable=None)]
        sets[split] = FrameSet.of([*excerpts, *(unheard if split == "train" else ())])
    return sets
