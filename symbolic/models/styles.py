"""Styles asked for by name: one composer or era, or a weighted blend of several, as the models' style vector."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from losscal.settings import require
from symbolic.models.phrases.config import PhraseConfig

if TYPE_CHECKING:
    from torch import Tensor


def parse_blend(text: str) -> dict[str, float]:
    """ "Chopin:0.7, Debussy:0.3" to {name: share}; without numbers all count alike, and shares are made to sum to 1.

    Raises ValueError for a weight that is no number above 0, or a name that is missing or given twice.
    """
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, _, number = (word.strip() for word in part.partition(":"))
        require(name != "", f"{text!r} lacks a name; write NAME or NAME:WEIGHT,NAME:WEIGHT")
        require(name not in weights, f"{name!r} is given twice")
        weights[name] = _weight(number) if number else 1.0
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def style_vector(config: PhraseConfig, composers: Mapping[str, float], eras: Mapping[str, float]) -> "Tensor | None":
    """Shares by name to float32 [styles] in the order of `config.styles`; None where nothing is asked for.

    A name may be any words of a known one, in any order, case and accents aside. Raises ValueError where it fits none
    or more than one.
    """
    import torch

    if not composers and not eras:
        return None
    vector = torch.zeros(len(config.styles))
    for known, blend in ((config.composers, composers), (config.eras, eras)):
        for name, share in blend.items():
            vector[config.styles.index(find_style(name, known))] += share
    return vector


def find_style(name: str, known: Sequence[str]) -> str:
    """The one of the known names that holds all words of `name`; raises ValueError where there is not just one."""
    wanted = _words(name)
    found = [style for style in known if wanted <= _words(style)]
    exact = [style for style in found if wanted == _words(style)]
    if len(exact or found) != 1:
        how_many = "is more than one" if found else "is none"
        raise ValueError(f"{name!r} {how_many} of: {'; '.join(found or known) or 'this model knows no such style'}")
    return (exact or found)[0]


def _weight(number: str) -> float:
    try:
        weight = float(number)
    except ValueError:
        weight = 0.0
    require(0 < weight < float("inf"), f"weight {number!r}: allowed is a number above 0")
    return weight


def _words(name: str) -> set[str]:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return set(plain.lower().replace(",", " ").split())
