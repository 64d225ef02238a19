"""What phrase codes carry: what they restore alone, what wrong ones cost, and what a sum over many of them gains."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from symbolic.models.phrases.model import PhraseGPT, Reading
from symbolic.notes.performance import MIN_PITCH, NOTE_DTYPE, TICK_SECONDS, Performance, places
from symbolic.tokens.events import ATTRIBUTES, END, REST, REST_TICKS


class Passage:
    """An excerpt read once, so that its notes can be scored under one set of codes after another.

    row: events int64 [S, 4] without an end symbol, whole phrases only.
    """

    @torch.inference_mode()
    def __init__(self, model: PhraseGPT, row: np.ndarray, *, mid_piece: bool = True) -> None:
        self.model = model
        self.events = torch.from_numpy(row)[None]
        self.valid = torch.ones(self.events.shape[:2], dtype=torch.bool)
        self.phrases = model.phrases(self.events, self.valid)
        if not self.phrases.whole.all():
            raise ValueError(f"row: {len(row)} events are no whole phrases of {model.config.phrase_events}")
        mid = torch.tensor([mid_piece])
        self.values, self.codes = model.encode(self.phrases)  # [1, G, stages, levels], [1, G, stages]
        past = model.opening_past(self.events)
        self.reading: Reading = model.read(self.events, past, mid, None, model.memory(self.values, mid, past))

    @torch.inference_mode()
    def note_nats(self, codes: Tensor, stages_told: int | None = None) -> np.ndarray:
        """-log p(notes | codes, past) by phrase, float64 [G]; codes int64 [1, G, stages]."""
        model, stages = self.model, self.model.config.stages if stages_told is None else stages_told
        values = model.quantiser.values_of(codes)
        told = model.tell(self.reading, values, torch.full(codes.shape[:2], stages))
        nats = model.note_nats(told, self.events, self.valid)
        return nats.double().sum(-1).unflatten(1, (-1, model.config.phrase_events)).sum((0, 2)).numpy()

    @torch.inference_mode()
    def code_nats(self, codes: Tensor) -> np.ndarray:
        """-log p(codes | past) by phrase, float64 [G]."""
        values = self.model.quantiser.values_of(codes)
        nats = self.model.code_nats(self.reading.states, values, codes, self.phrases.whole)
        return nats.double().sum(-1)[0].numpy()

    @torch.inference_mode()
    def exact_nats(self) -> np.ndarray:
        """-log p(notes | past) by phrase, float64 [G], without any code."""
        nats = self.model.note_nats(self.reading, self.events, self.valid).double().sum(-1)
        return nats.unflatten(1, (-1, self.model.config.phrase_events)).sum((0, 2)).numpy()

    def bound_nats(self, neighbours: int) -> np.ndarray:
        """The bound by phrase, float64 [G], of a sum over its own code and the first `neighbours` next to it."""
        nearby = (
            codes for codes, _ in zip(neighbouring_codes(self.model, self.codes), range(neighbours), strict=False)
        )
        joint = [-self.note_nats(codes) - self.code_nats(codes) for codes in (self.codes, *nearby)]
        return -np.logaddexp.reduce(joint, axis=0)


def neighbouring_codes(model: PhraseGPT, codes: Tensor) -> Iterator[Tensor]:
    """Codes int64 [..., stages] that differ from these by one level of one coordinate, those of the last stage first.

    All are distinct; where a coordinate is at its end, the level at the other end stands for the one beyond.
    """
    levels = model.config.levels
    for stage in reversed(range(model.config.stages)):
        basis = 1
        for level in levels:
            for step in (1, level - 1) if level > 2 else (1,):
                digit = codes[..., stage] // basis % level
                other = codes.clone()
                other[..., stage] += ((digit + step) % level - digit) * basis
                yield other
            basis *= level


def shuffling_cost(model: PhraseGPT, row: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """-log p(notes | codes, past) of an excerpt under its own codes, and under them in another order."""
    passage = Passage(model, row)
    order = torch.from_numpy(rng.permutation(passage.codes.shape[1]))
    return tuple(float(passage.note_nats(codes).sum()) for codes in (passage.codes, passage.codes[:, order]))


@torch.inference_mode()
def restored(model: PhraseGPT, codes: Tensor, *, stages_told: int | None = None) -> np.ndarray:
    """Decode codes alone: each event the likeliest under its phrase's code, with no past and no sampling.

    codes int64 [B, G, stages] to events int64 [B, G * P, 4].
    """
    rows, phrases, stages = codes.shape
    length = phrases * model.config.phrase_events
    nothing = torch.zeros((rows, length - 1, len(ATTRIBUTES)), dtype=torch.long)
    embedded = model.embedding(nothing)
    pointer = model.chain.pointer
    unread = Reading(
        embedded.new_zeros((rows, length, model.config.width)), pointer.recent(pointer.past(nothing, embedded), length)
    )
    told = torch.full((rows, phrases), stages if stages_told is None else stages_told)
    reading = model.tell(unread, model.quantiser.values_of(codes), told, blind=torch.ones_like(told, dtype=torch.bool))

    def likeliest(attribute: str, hidden: Tensor, copy_logits: Tensor) -> Tensor:
        logits = model.chain.logits(attribute, hidden, copy_logits)
        if attribute == "time":
            logits[..., END] = -torch.inf  # how long the music is, is known
        return logits.argmax(-1)

    return model.chain.walk(reading.states, reading.recent, likeliest).numpy()


def as_performance(row: np.ndarray) -> Performance:
    """Decoded events [S, 4], whose notes may stand in no order of any music, as the music they name."""
    is_note = row[:, 0] < REST
    notes = np.zeros(int(is_note.sum()), dtype=NOTE_DTYPE)
    notes["onset_ticks"] = np.cumsum(np.minimum(row[:, 0], REST_TICKS))[is_note]
    notes["pitch"], notes["velocity_bin"] = row[is_note, 1] + MIN_PITCH, row[is_note, 2]
    notes["duration_ticks"] = row[is_note, 3] + 1
    notes = notes[np.unique(places(notes), return_index=True)[1]]
    notes["onset_ticks"] -= notes["onset_ticks"][0]
    return Performance(notes)


def pitch_class_f1(reference: Performance, estimate: Performance) -> float:
    """F1 of which pitch classes are struck in which second: how far harmony is the same, whatever the voicing."""
    sounding = [
        set(zip(notes["onset_ticks"] * TICK_SECONDS // 1, notes["pitch"] % 12, strict=True))
        for notes in (reference.notes, estimate.notes)
    ]
    return 2 * len(sounding[0] & sounding[1]) / (len(sounding[0]) + len(sounding[1]))
