"""Recordings of any length heard by a model that takes segments of one length, with no note lost or doubled at a seam.

Segments overlap. Each key is decoded from where its last finished note ended, so that a finished note is heard once. A
note that is still held when a segment ends is heard again where it began in the overlap, and else carried on by what
the next segment hears sounding from its first frame.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from audio.signal.blocks import excerpts
from bridge.transcription.transcriber import HeardNote, Progress

if TYPE_CHECKING:
    from audio.signal.waveform import Sound

OVERLAP_SECONDS = 1.5
"""Of neighbouring segments; it is heard twice."""
LEAD_SECONDS = 0.25
"""Of silence before the recording, so that a note at its very beginning has an onset."""


@dataclass(frozen=True)
class Event:
    """A note or pedal of one segment.

    start_seconds, end_seconds: from the segment's first sample. has_onset, has_end: whether it begins and ends there,
    rather than before and behind.
    """

    start_seconds: float
    end_seconds: float
    number: int
    velocity: int
    is_pedal: bool
    has_onset: bool
    has_end: bool


class SegmentModel(Protocol):
    """Hears segments of `segment_samples` at `sample_rate` Hz, in frames of `hop_samples`; n_keys: keys and pedals."""

    sample_rate: int
    segment_samples: int
    hop_samples: int
    n_keys: int

    def decode(self, samples: np.ndarray, first_frames: Sequence[int]) -> tuple[Sequence[Event], Sequence[int]]:
        """Hear samples, float32 [segment_samples], each key from its first frame.

        Returns the events, those of a key in order, and the frame in which each key's last finished one ends, 0
        where none does.
        """
        ...


@dataclass(frozen=True)
class _Taken:
    """What stands for a note until the next segment was heard, its times in the recording.

    is_certain: the next segment does not hear its beginning again.
    """

    event: Event
    is_certain: bool


def hear_in_segments(model: SegmentModel, sound: "Sound", progress: Progress) -> list[HeardNote]:
    """What the model hears, in order of the starts; raises InputError as the sound's blocks do."""
    from audio.signal.waveform import resample, to_mono

    rate, hop = model.sample_rate, model.hop_samples
    step_frames = -(-(model.segment_samples - round(OVERLAP_SECONDS * rate)) // hop)
    n_step = step_frames * hop
    lead_frames = round(LEAD_SECONDS * rate / hop)
    mono = resample(to_mono(sound), rate)
    n_overlap = model.segment_samples - n_step
    firsts = range(-lead_frames * hop, max(mono.n_samples - n_overlap, 1 - lead_frames * hop), n_step)
    first_frames = [lead_frames] * model.n_keys
    taken: dict[tuple[bool, int], list[_Taken]] = {}
    for first, samples in zip(progress(firsts), _segments(mono, firsts, model.segment_samples), strict=True):
        events, end_frames = model.decode(samples, first_frames)
        first_frames = [max(frame - step_frames, 0) for frame in end_frames]
        seam_seconds = (first + n_step) / rate if first != firsts[-1] else np.inf
        for event in events:
            start = max(0.0, event.start_seconds + first / rate)
            end = max(start, event.end_seconds + first / rate)
            moved = replace(event, start_seconds=start, end_seconds=end)
            of_key = taken.setdefault((event.is_pedal, event.number), [])
            _take(of_key, _Taken(moved, event.has_end or start < seam_seconds))
    whole = [each.event for of_key in taken.values() for each in of_key if each.is_certain]
    notes = [
        HeardNote(event.start_seconds, event.end_seconds, event.number, event.velocity, event.is_pedal)
        for event in whole
        if event.end_seconds > event.start_seconds
    ]
    return sorted(notes, key=lambda note: (note.start_seconds, note.is_pedal, note.number))


def _segments(mono: "Sound", firsts: range, n_segment: int) -> Iterator[np.ndarray]:
    """The samples of each segment, float32 [n_segment], zeros where there is no sound."""
    spans = [(max(0, first), min(first + n_segment, mono.n_samples)) for first in firsts]
    for first, piece in zip(firsts, excerpts(mono.blocks(), spans), strict=True):
        samples = np.zeros(n_segment, np.float32)
        at = max(0, -first)
        samples[at : at + piece.shape[-1]] = piece[0]
        yield samples


def _take(earlier: list[_Taken], new: _Taken) -> None:
    """Add what a segment hears of a key, or let it carry on or replace what was taken last."""
    last = earlier[-1] if earlier else None
    if last is None or last.event.end_seconds <= new.event.start_seconds:
        if new.event.has_onset:
            earlier.append(new)
    elif not new.event.has_onset:
        end = max(last.event.end_seconds, new.event.end_seconds)
        carried_on = replace(last.event, end_seconds=end, has_end=new.event.has_end)
        earlier[-1] = _Taken(carried_on, last.is_certain or new.is_certain)
    elif not last.is_certain:
        earlier.pop()
        _take(earlier, new)
    elif last.event.has_end:  # they overlap by less than a frame
        start = last.event.end_seconds
        earlier.append(
            replace(new, event=replace(new.event, start_seconds=start, end_seconds=max(start, new.event.end_seconds)))
        )
    else:
        earlier[-1] = replace(last, event=replace(last.event, end_seconds=new.event.start_seconds))
        earlier.append(new)
