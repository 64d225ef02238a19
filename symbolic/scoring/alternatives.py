"""What other values of a note's attributes would have cost in the place of those it has, by what came before."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from symbolic.models.phrases.model import PhraseGPT
from symbolic.notes.performance import Performance
from symbolic.scoring.phrases import Chunk, read_chunks
from symbolic.tokens.events import ATTRIBUTES, REST, encode


def nats_by_step(
    model: PhraseGPT, performance: Performance, steps: Mapping[str, np.ndarray], *, excerpt: bool
) -> dict[str, np.ndarray]:
    """-log p of values so many steps int64 [K] from the one given, by attribute: float64 [N, K].

    In the reading of `events`; infinite beyond an attribute's ends. What comes later has no say, of the same note
    neither. excerpt: as in `likelihood.score`.
    """

    def of_chunk(chunk: Chunk) -> tuple[Tensor, ...]:
        nats: dict[str, Tensor] = {}

        def given(attribute: str, hidden: Tensor, copy_logits: Tensor) -> Tensor:
            value = chunk.events[..., ATTRIBUTES.index(attribute)]
            if attribute in steps:
                nats[attribute] = _nats_of(
                    model.chain.logits(attribute, hidden, copy_logits),
                    value[..., None] + torch.from_numpy(steps[attribute]).to(value.device),
                )
            return value

        model.choose_events(chunk.reading, given)
        return tuple(nats[attribute] for attribute in steps)

    row = encode(performance, end=False)
    made = read_chunks(model, [row], of_chunk, mid_piece=excerpt)
    is_note = row[:, 0] < REST
    return {attribute: nats[0, is_note].astype(np.float64) for attribute, nats in zip(steps, made, strict=True)}


def _nats_of(logits: Tensor, values: Tensor) -> Tensor:
    """-log softmax(logits [B, S, V]) of values int64 [B, S, K], infinite for those that there are not."""
    known = values.clamp(0, logits.shape[-1] - 1)
    return -logits.log_softmax(-1).gather(-1, known).masked_fill(values != known, -torch.inf)
