"""What the codes carry: how much of the codebook is used, what the codes alone give back, what wrong codes cost."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from symbolic.models.code_gpt import CodeGPT
from symbolic.models.vqvae import VQVAE
from symbolic.notes.performance import TICK_SECONDS, Performance
from symbolic.sampling.stream import EventStream
from symbolic.tokens.events import ATTRIBUTES, decode, encode


@dataclass(frozen=True)
class CodebookUsage:
    """What some music uses of a codebook: its entries, those any value leads to, those used, and their perplexity."""

    size: int
    attainable: int
    used: int
    perplexity: float


@torch.inference_mode()
def codes_of(vqvae: VQVAE, performance: Performance) -> Tensor:
    """The codes of the events that spell the notes, int64 [T, 4] by attribute; no end symbol is added."""
    return vqvae.encode(torch.from_numpy(encode(performance, end=False)))


@torch.inference_mode()
def codebook_usage(vqvae: VQVAE, codes: Tensor) -> dict[str, CodebookUsage]:
    """How the codes int64 [T, 4] use the codebook of each attribute."""
    usage = {}
    for name, column in zip(ATTRIBUTES, codes.T, strict=True):
        attainable = len(vqvae.attributes[name].codebook()[1].unique())
        size = vqvae.config.codebook_sizes[name]
        p = torch.bincount(column, minlength=size).double() / len(column)
        usage[name] = CodebookUsage(size, attainable, int((p > 0).sum()), float(torch.special.entr(p).sum().exp()))
    return usage


def reconstruct(model: CodeGPT, performance: Performance) -> Performance:
    """Decode the piece's codes free-running: each note the likeliest given the codes and the notes decoded before."""
    codes = codes_of(model.vqvae, performance)
    nothing = np.empty((0, len(ATTRIBUTES)), dtype=np.int64)
    stream = EventStream(model, lambda logits, _: logits.argmax(-1), nothing, codes=codes)
    for _ in range(len(codes)):
        stream.next_events()
    return decode(stream.events[0].numpy())


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
    events = torch.from_numpy(encode(performance, end=False))[None]
    codes = model.vqvae.encode(events)
    heard = codes if order is None else codes[:, list(order)]
    valid = torch.ones(events.shape[:2], dtype=torch.bool)

    def under_heard_code(attribute: str, hidden: Tensor, copy_logits: Tensor, value: Tensor) -> Tensor:
        return model.nats_given_code(attribute, hidden, copy_logits, value, heard[..., ATTRIBUTES.index(attribute)])

    nats = model.walk_nats(events, valid, torch.tensor([True]), None, under_heard_code)
    return float(nats[..., model.terms.index("value")].double().sum())


def own_and_shuffled_nats(model: CodeGPT, performance: Performance, rng: np.random.Generator) -> tuple[float, float]:
    """-log p(notes | codes, past) under an excerpt's own codes, and with them in random order."""
    order = rng.permutation(len(codes_of(model.vqvae, performance))).tolist()
    return note_nats_under_codes(model, performance), note_nats_under_codes(model, performance, order)


def _intervals_and_hertz(performance: Performance) -> tuple[np.ndarray, np.ndarray]:
    notes = performance.notes
    onset = notes["onset_ticks"] * TICK_SECONDS
    intervals = np.stack([onset, onset + notes["duration_ticks"] * TICK_SECONDS], axis=1)
    return intervals, 440.0 * 2.0 ** ((notes["pitch"].astype(float) - 69) / 12)
