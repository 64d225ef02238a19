"""Who could have written it: log p(piece | composer) under a model that was trained with composers as conditions."""

from collections.abc import Sequence

import numpy as np
import torch

from symbolic.models.phrases.model import PhraseGPT
from symbolic.notes.performance import Performance
from symbolic.scoring.likelihood import SymbolicScorer, score


def composer_nats(
    model: PhraseGPT, performances: Sequence[Performance], *, told: bool = False, excerpt: bool = False
) -> np.ndarray:
    """-log p(notes | composer), or its bound where notes are told codes: float64 [performances, composers].

    Composers in the order of `model.config.composers`; told, excerpt: as `likelihood.score` takes them. Costs a scoring
    pass for each composer. Less the logarithm of how frequent each composer is, the differences of a row are those of
    -log p(composer | notes) (Bayes).
    """
    composers = model.config.composers
    styles = torch.eye(len(model.config.styles))[: len(composers)]
    nats = [
        [of.nll_nats for of in score(model, performances, told=told, excerpt=excerpt, style=style)] for style in styles
    ]
    return np.array(nats, dtype=np.float64).reshape(len(composers), len(performances)).T


def nats_per_note_by_composer(
    scorer: SymbolicScorer, performances: Sequence[Performance], *, excerpt: bool = False
) -> list[dict[str, float]]:
    """`composer_nats` over the notes, by composer, of each performance."""
    nats = composer_nats(scorer.model, performances, told=scorer.told, excerpt=excerpt)
    composers = scorer.model.config.composers
    return [
        dict(zip(composers, (row / len(performance)).tolist(), strict=True))
        for performance, row in zip(performances, nats, strict=True)
    ]
