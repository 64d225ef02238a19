"""Music drawn from the peer, `benchmarks.llama`, by transformers' own `generate`, its context sliding by half."""

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.llama.peer import CONTEXT_TOKENS
from benchmarks.peers.midilike import BOS, NOTE_OFF, NOTE_ON, PAD, TIME_SHIFT, VELOCITY
from symbolic.models.configs import SamplingConfig
from symbolic.notes.performance import (
    MAX_DURATION_TICKS,
    MIN_PITCH,
    NOTE_DTYPE,
    TICK_SECONDS,
    Performance,
    end_at_restrikes,
)

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

MOST_TOKENS_PER_SECOND = 100


def llama_pieces(
    model: "LlamaForCausalLM", count: int, *, seconds: float, seed: int, sampling: SamplingConfig
) -> list[Performance]:
    """`count` pieces whose onsets fill `seconds`, all drawn beside each other.

    The special words are not drawn; a piece that lets too little time pass ends after MOST_TOKENS_PER_SECOND tokens for
    each second. Raises ValueError where a piece comes out without a whole note.
    """
    import torch

    torch.manual_seed(seed)  # transformers draws from the global generator
    last_tick = round(seconds / TICK_SECONDS)
    tokens = torch.full((count, 1), BOS)
    while (elapsed_ticks(tokens.numpy()) <= last_tick).any() and tokens.shape[1] < MOST_TOKENS_PER_SECOND * seconds:
        context = tokens[:, -CONTEXT_TOKENS // 2 :]
        longer = model.generate(
            context,
            attention_mask=torch.ones_like(context),
            max_new_tokens=CONTEXT_TOKENS - context.shape[1],
            do_sample=True,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=0,
            suppress_tokens=list(range(NOTE_ON)),
            pad_token_id=PAD,
            use_cache=True,
        )
        tokens = torch.cat([tokens, longer[:, context.shape[1] :]], dim=1)
    return [to_performance(row, last_tick) for row in tokens[:, 1:].numpy()]


def elapsed_ticks(tokens: np.ndarray) -> np.ndarray:
    """How much time token numbers int64 [..., S] let pass, int64 [...]."""
    return np.where(tokens >= TIME_SHIFT, tokens - TIME_SHIFT + 1, 0).sum(axis=-1)


def to_performance(tokens: np.ndarray, last_tick: int) -> Performance:
    """What token numbers int64 [S] play up to `last_tick`, whatever their order.

    A note is a note-on with a velocity behind it; it ends at its note-off, at the next note-on of its key or after the
    longest duration. Raises ValueError where there is none.
    """
    tick = 0
    struck: dict[tuple[int, int], int] = {}  # (onset, pitch) to the velocity bin
    released: dict[tuple[int, int], int] = {}
    down: dict[int, int] = {}  # pitch to its onset
    for token, following in zip(tokens.tolist(), [*tokens[1:].tolist(), PAD], strict=True):
        if token >= TIME_SHIFT:
            tick += token - TIME_SHIFT + 1
        elif NOTE_OFF <= token < VELOCITY:
            pitch = token - NOTE_OFF + MIN_PITCH
            if pitch in down:
                onset = down.pop(pitch)
                released[onset, pitch] = tick
        elif token < NOTE_OFF and VELOCITY <= following < TIME_SHIFT and tick <= last_tick:
            pitch = token - NOTE_ON + MIN_PITCH
            struck[tick, pitch], down[pitch] = following - VELOCITY, tick
    if not struck:
        raise ValueError("tokens: hold no note-on with a velocity")
    notes = np.zeros(len(struck), dtype=NOTE_DTYPE)
    for index, ((onset, pitch), velocity_bin) in enumerate(sorted(struck.items())):
        duration = released.get((onset, pitch), onset + MAX_DURATION_TICKS) - onset
        notes[index] = (onset, min(max(duration, 1), MAX_DURATION_TICKS), pitch, velocity_bin)
    notes["onset_ticks"] -= notes["onset_ticks"][0]
    return Performance(end_at_restrikes(notes))
