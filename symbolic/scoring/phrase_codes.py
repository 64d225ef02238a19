"""What phrase codes carry: what they restore alone, what wrong ones cost, and what a sum over many of them gains."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch

from symbolic.models.phrases.codec import LEFT_OUT, NOTHING, Codes, middle_ticks
from symbolic.models.phrases.model import PhraseGPT, Reading
from symbolic.notes.performance import MIN_PITCH, NOTE_DTYPE, TICK_SECONDS, places
from symbolic.tokens.events import REST, REST_TICKS

MIDDLE_VELOCITY_BIN, RESTORED_DURATION_TICKS = 16, 25
"""How notes are restored whose loudness and duration no code tells."""


class Passage:
    """An excerpt read once, so that its notes can be scored under one set of codes after another.

    row: events int64 [S, 4] without an end symbol, whole phrases only; rate: of its own codes, by default the highest.
    """

    @torch.inference_mode()
    def __init__(self, model: PhraseGPT, row: np.ndarray, *, mid_piece: bool = True, rate: int | None = None) -> None:
        self.model = model
        self.events = torch.from_numpy(row)[None]
        self.valid = torch.ones(self.events.shape[:2], dtype=torch.bool)
        self.phrases = model.phrases(self.events, self.valid)
        if not self.phrases.whole.all():
            raise ValueError(f"row: {len(row)} events are no whole phrases of {model.config.phrase_events}")
        mid = torch.tensor([mid_piece])
        self.rate = torch.full_like(self.phrases.whole, model.config.rates if rate is None else rate, dtype=torch.int64)
        self.codes = model.encode(self.phrases, self.rate)  # [1, G]
        past = model.opening_past(self.events)
        self.reading: Reading = model.read(self.events, past, mid)

    @torch.inference_mode()
    def note_nats(self, codes: Codes) -> np.ndarray:
        """-log p(notes | codes, past) by phrase, float64 [G]; codes [1, G]."""
        told = self.model.tell(self.reading, codes, self.rate, self.events)
        return self._by_phrase(self.model.note_nats(told, self.events, self.valid))

    @torch.inference_mode()
    def code_nats(self, codes: Codes) -> np.ndarray:
        """-log p(codes | past) by phrase, float64 [G]."""
        return self.model.code_nats(self.reading, codes, self.rate > 0).double().sum(-1)[0].numpy()

    @torch.inference_mode()
    def exact_nats(self) -> np.ndarray:
        """-log p(notes | past) by phrase, float64 [G], without any code."""
        return self._by_phrase(self.model.note_nats(self.reading, self.events, self.valid))

    def bound_nats(self, others: int) -> np.ndarray:
        """The bound by phrase, float64 [G], of a sum over its own code and the first `others` of `shorter_codes`."""
        joint = [-self.note_nats(self.codes) - self.code_nats(self.codes)]
        for codes, is_another in islice(shorter_codes(self.model, self.codes, self.rate), others):
            nats = self.note_nats(codes) + self.code_nats(codes)
            joint.append(np.where(is_another[0], -nats, -np.inf))
        return -np.logaddexp.reduce(joint, axis=0)

    def _by_phrase(self, nats: torch.Tensor) -> np.ndarray:
        return nats.double().sum(-1).unflatten(1, (-1, self.model.config.phrase_events)).sum((0, 2)).numpy()


def shorter_codes(model: PhraseGPT, codes: Codes, rate: torch.Tensor) -> Iterator[tuple[Codes, torch.Tensor]]:
    """Codes [B, G] of this rate that tell one note less, two and so on; bool [B, G]: where there were so many told."""
    n_told = (codes.slots != LEFT_OUT).sum(-1)
    place = torch.arange(model.config.phrase_events)
    for fewer in range(1, model.config.phrase_events + 1):
        slots = torch.where(place < (n_told - fewer)[..., None], codes.slots, LEFT_OUT)
        yield model.decode(codes.length, slots, rate), n_told >= fewer


def shuffling_cost(passage: Passage, rng: np.random.Generator) -> tuple[float, float]:
    """-log p(notes | codes, past) of a passage under its own codes, and under them in another order."""
    order = torch.from_numpy(rng.permutation(passage.codes.length.shape[1]))
    shuffled = passage.codes.map(lambda part: part[:, order])
    return tuple(float(passage.note_nats(codes).sum()) for codes in (passage.codes, shuffled))


def restored(codes: Codes) -> np.ndarray:
    """The notes that codes [1, G] tell, NOTE_DTYPE [N] in ticks from the last onset before the first phrase."""
    ticks = middle_ticks(codes.length[0])
    onset_ticks = codes.onset_ticks[0] + (ticks.cumsum(0) - ticks)[:, None]
    is_note = codes.pitch[0] < NOTHING
    notes = np.zeros(int(is_note.sum()), dtype=NOTE_DTYPE)
    notes["onset_ticks"], notes["pitch"] = onset_ticks[is_note], codes.pitch[0][is_note] + MIN_PITCH
    notes["velocity_bin"], notes["duration_ticks"] = MIDDLE_VELOCITY_BIN, RESTORED_DURATION_TICKS
    return notes[np.unique(places(notes), return_index=True)[1]]


def notes_of_events(row: np.ndarray) -> np.ndarray:
    """The notes of events [S, 4], NOTE_DTYPE [N] in ticks from the last onset before the first."""
    is_note = row[:, 0] < REST
    notes = np.zeros(int(is_note.sum()), dtype=NOTE_DTYPE)
    notes["onset_ticks"] = np.cumsum(np.minimum(row[:, 0], REST_TICKS))[is_note]
    notes["pitch"], notes["velocity_bin"] = row[is_note, 1] + MIN_PITCH, row[is_note, 2]
    notes["duration_ticks"] = row[is_note, 3] + 1
    return notes


def note_f1(reference: np.ndarray, estimate: np.ndarray, onset_tolerance_seconds: float = 0.05) -> float:
    """F1 of notes NOTE_DTYPE [N] matched in pitch and onset (mir_eval.transcription, offsets ignored)."""
    from mir_eval.transcription import precision_recall_f1_overlap

    _, _, f1, _ = precision_recall_f1_overlap(
        *_intervals_and_hertz(reference),
        *_intervals_and_hertz(estimate),
        onset_tolerance=onset_tolerance_seconds,
        offset_ratio=None,
    )
    return float(f1)


def pitch_class_f1(reference: np.ndarray, estimate: np.ndarray) -> float:
    """F1 of which pitch classes are struck in which second: how far harmony is the same, whatever the voicing."""
    sounding = [
        set(zip(notes["onset_ticks"] * TICK_SECONDS // 1, notes["pitch"] % 12, strict=True))
        for notes in (reference, estimate)
    ]
    return 2 * len(sounding[0] & sounding[1]) / (len(sounding[0]) + len(sounding[1]))


def _intervals_and_hertz(notes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    onset = notes["onset_ticks"] * TICK_SECONDS
    intervals = np.stack([onset, onset + notes["duration_ticks"] * TICK_SECONDS], axis=1)
    return intervals, 440.0 * 2.0 ** ((notes["pitch"].astype(float) - 69) / 12)
