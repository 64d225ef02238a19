"""A piece played anew, phrase by phrase, with one side of it kept: its phrase codes, its harmony or its melody.

So many of its phrases of eight events are drawn anew, the others stay as they are. What is kept is promised to the draw
(`symbolic.sampling.promises`) and measured in what came of it.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
import torch

from losscal.processes.progress import Progress, unwatched
from symbolic.models.configs import Kept, SamplingConfig
from symbolic.models.phrases.codec import NEAR_TICKS, NOTHING, TOGETHER_TICKS, notes_of
from symbolic.models.phrases.model import PhraseGPT
from symbolic.notes.performance import MAX_PITCH, Performance, end_at_restrikes, places
from symbolic.sampling.decoding.fast_layers import for_sampling
from symbolic.sampling.decoding.incremental import Plan
from symbolic.sampling.forms import planned
from symbolic.sampling.promises import FixedNotes, GivenEvents, Harmony, Promise
from symbolic.sampling.sampler import Sampler
from symbolic.sampling.stream import EventStream, on_one_thread
from symbolic.scoring.phrase_codes import pitch_class_f1
from symbolic.tokens.events import ATTRIBUTES, REST, decode, encode

TOP_LINE_TICKS = 100
"""A held note hides lower ones that are struck so soon after it."""


@dataclass(frozen=True)
class Variation:
    """A piece played anew.

    phrases_anew of phrases: drawn anew, of how many. kept: share of what was promised that is there, 1 where there was
    nothing to keep. notes_new: share of its notes that the piece did not have at their onset and pitch.
    """

    performance: Performance
    phrases_anew: int
    phrases: int
    kept: float
    notes_new: float


@on_one_thread()
def vary(
    model: PhraseGPT,
    given: Performance,
    keep: Kept,
    strength: float,
    *,
    seed: int,
    sampling: SamplingConfig | None = None,
    progress: Progress = unwatched,
) -> Variation:
    """Play a piece anew, `strength` the share of its phrases that are drawn and not left as they are.

    Each note is drawn from the model's distribution after what was played before it, narrowed to what is promised.
    """
    rng = np.random.default_rng(seed)
    events, size = encode(given, end=False), model.config.phrase_events
    codable = len(events) // size if keep == "codes" else ceil(len(events) / size)  # a phrase cut off has no code
    anew = np.zeros(ceil(len(events) / size), dtype=bool)
    anew[rng.permutation(codable)[: round(strength * codable)]] = True
    plan: Plan = {}
    if keep == "codes":
        plan = {
            number: phrase for number, phrase in enumerate(planned(model, events, model.config.rates)) if anew[number]
        }
        promises: list[Promise] = [GivenEvents({n: row for n, row in enumerate(events) if not anew[n // size]})]
    else:
        stays, fixed = _fixed(given.notes, anew[np.flatnonzero(events[:, 0] < REST) // size], keep)
        promises = [Harmony(given.notes, stays), fixed] if keep == "harmony" else [fixed]
    sampling = sampling or SamplingConfig()
    sampler = Sampler(sampling, [rng])
    opening = np.empty((0, len(ATTRIBUTES)), dtype=np.int64)
    stream = EventStream(for_sampling(model), sampler, opening, plan=plan, promises=promises, sampling=sampling)
    for place in progress(range(len(events) if keep == "codes" else len(fixed.events)), desc="drawing"):
        while (len(stream.drawn) if keep == "codes" else fixed.next) <= place:
            stream.next_events()
    result = Performance(end_at_restrikes(decode(stream.events[0].numpy()).notes))
    kept = {"codes": lambda: _codes_kept(model, plan, result), "melody": lambda: _melody_kept(given, result)}
    share = kept[keep]() if keep in kept else pitch_class_f1(given.notes, result.notes)
    return Variation(result, int(anew.sum()), len(anew), share, _share_new(given, result))


def top_line(performance: Performance) -> np.ndarray:
    """Which notes are heard on top, bool [N]: no higher one is struck with them, or was shortly before and is held."""
    notes = performance.notes
    onset, pitch = (notes[name].astype(np.int64) for name in ("onset_ticks", "pitch"))
    offset = onset + notes["duration_ticks"]
    first, last = (
        np.searchsorted(onset, onset - TOP_LINE_TICKS),
        np.searchsorted(onset, onset + TOGETHER_TICKS, "right"),
    )
    return np.array(
        [
            not ((pitch[near] > pitch[note]) & (offset[near] > onset[note])).any()
            for note, near in enumerate(map(slice, first.tolist(), last.tolist()))
        ]
    )


def _fixed(notes: np.ndarray, is_anew: np.ndarray, keep: Kept) -> tuple[np.ndarray, FixedNotes]:
    """Which notes stay, bool [N]: those not drawn anew, and the top line or else the last chord; and their promise."""
    onset, pitch = notes["onset_ticks"], notes["pitch"].astype(np.int64)
    below = np.full(len(notes), MAX_PITCH + 1)
    if keep == "melody":
        stays = top_line(Performance(notes))
        line = np.flatnonzero(stays)
        after = np.searchsorted(line, np.arange(len(notes)))  # the next of the line, the note itself among them
        hidden_until = onset[line[np.minimum(after, len(line) - 1)]] + TOP_LINE_TICKS
        last = np.searchsorted(onset[line], hidden_until, side="right")
        below = np.array([pitch[line[max(0, of - 1) : to]].min() for of, to in zip(after, last, strict=True)])
    else:
        stays = onset == onset[-1]
    stays |= ~is_anew
    index = np.flatnonzero(stays)
    is_open = is_anew[index] | is_anew[np.maximum(index - 1, 0)]
    return stays, FixedNotes(notes[index], is_open, below[index])


def _codes_kept(model: PhraseGPT, plan: Plan, result: Performance) -> float:
    """The share of the notes that the plan's codes tell that are there."""
    events = torch.from_numpy(encode(result, end=False))
    size, found, told = model.config.phrase_events, 0, 0
    for number, (codes, _, _) in plan.items():
        phrase = events[None, number * size : (number + 1) * size]
        notes = notes_of(phrase, torch.ones(phrase.shape[:2], dtype=torch.bool))
        is_told = codes.pitch[0, 0] < NOTHING
        is_there = (notes.pitch == codes.pitch[0, 0, :, None]) & (
            (notes.onset_ticks - codes.onset_ticks[0, 0, :, None]).abs() <= NEAR_TICKS
        )
        found, told = found + int((is_there.any(-1) & is_told).sum()), told + int(is_told.sum())
    return found / told if told else 1.0


def _melody_kept(given: Performance, result: Performance) -> float:
    """The share of the top line's notes that are in the result's."""
    line, other = (places(music.notes)[top_line(music)] for music in (given, result))
    return float(np.isin(line, other).mean())


def _share_new(given: Performance, result: Performance) -> float:
    """The share of the result's notes that were not struck within NEAR_TICKS before."""
    near = places(given.notes) + 128 * np.arange(-NEAR_TICKS, NEAR_TICKS + 1)[:, None]
    return float(1 - np.isin(places(result.notes), near).mean())
