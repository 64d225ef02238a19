"""What the codes carry: how much of the codebook is used, what the codes alone give back, what wrong codes cost."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from symbolic.code_gpt import CodeGPT
from symbolic.events import ATTRIBUTES, decode, encode
from symbolic.performance import TICK_SECONDS, Performance
from symbolic.sampling import EventStream
from symbolic.vqvae import to_patches


@torch.inference_mode()
def codes_of(model: CodeGPT, performance: Performance) -> Tensor:
    """The codes of the patches that the notes fill, int64 [T, K]; no end symbol is added."""
    return model.vqvae.encode(_whole_patches(model, performance)[None])[1][0]


def codebook_usage(model: CodeGPT, codes: Tensor) -> dict[str, float]:
    """Over codes int64 [T, K]: the smallest share of entries used and the smallest perplexity among the K codebooks."""
    size = model.vqvae_config.codebook_size
    shares, perplexities = [], []
    for column in codes.T:
        p = torch.bincount(column, minlength=size).double() / len(column)
        shares.append(float((p > 0).double().mean()))
        perplexities.append(float(torch.special.entr(p).sum().exp()))
    return {"usage": min(shares), "perplexity": min(perplexities)}


def reconstruct(model: CodeGPT, performance: Performance) -> Performance:
    """Decode the piece's codes free-running: each note the likeliest given the codes and the notes decoded before."""
    codes = codes_of(model, performance)
    stream = EventStream(model, lambda logits: logits.argmax(-1), np.empty((0, len(ATTRIBUTES)), dtype=np.int64), codes)
    for _ in range(len(codes)):
        stream.next_patch()
    return decode(stream.patches.flatten(0, 1).numpy())


def note_f1(reference: Performance, estimate: Performance, onset_tolerance_seconds: float = 0.05) -> float:
    """F1 of notes matched in pitch and onset (mir_eval.transcription, offsets ignored)."""
    from mir_eval.transcription import precision_recall_f1_overlap

    reference_notes, estimated_notes = _intervals_and_hertz(reference), _intervals_and_hertz(estimate)
    _, _, f1, _ = precision_recall_f1_overlap(
        *reference_notes, *estimated_notes, onset_tolerance=onset_tolerance_seconds, offset_ratio=None
    )
    return float(f1)


@torch.inference_mode()
def note_nats_under_codes(model: CodeGPT, performance: Performance, order: Sequence[int] | None = None) -> float:
    """-log p(notes | codes, past) of an excerpt of at most one window; `order` permutes its codes first.

    Under right codes this is the bound's second term; permuted ones tell how much the decoder listens to them.
    """
    patches = _whole_patches(model, performance)[None]
    values, _ = model.vqvae.encode(patches)
    states = model.states_of(patches, values, torch.tensor([True]))
    heard = values if order is None else values[:, list(order)]
    valid = torch.ones(patches.shape[1] * model.notes_per_patch, dtype=torch.bool)[None]
    return float(model.note_nats(states, heard, patches, valid).double().sum())


def _whole_patches(model: CodeGPT, performance: Performance) -> Tensor:
    """The notes that fill whole patches, int64 [T, P, 4]."""
    events = torch.from_numpy(encode(performance, end=False))
    filled = len(events) // model.notes_per_patch * model.notes_per_patch
    return to_patches(events[None, :filled], model.notes_per_patch)[0]


def _intervals_and_hertz(performance: Performance) -> tuple[np.ndarray, np.ndarray]:
    notes = performance.notes
    onset = notes["onset_ticks"] * TICK_SECONDS
    intervals = np.stack([onset, onset + notes["duration_ticks"] * TICK_SECONDS], axis=1)
    return intervals, 440.0 * 2.0 ** ((notes["pitch"].astype(float) - 69) / 12)
