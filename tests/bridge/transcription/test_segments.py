"""Notes come out of segments as they are in the sound, wherever the seams lie and however it is read."""

import numpy as np
import pytest
from sounds import Hum, added_bytes_per_second

from audio.signal.waveform import Processed, Waveform
from bridge.transcription.segments import LEAD_SECONDS, OVERLAP_SECONDS, Event, hear_in_segments
from bridge.transcription.transcriber import HeardNote

RATE, HOP, SEGMENT = 1000, 10, 4000
STEP_SECONDS = SEGMENT / RATE - OVERLAP_SECONDS
KEYS = (60, 61, 62)


class Reader:
    """A model that reads the keys held down from the bits of each frame's first sample.

    error_frames: by so much its notes are too long at both ends. is_forgetful: it does not hear what sounds from the
    first frame on.
    """

    sample_rate, segment_samples, hop_samples, n_keys = RATE, SEGMENT, HOP, len(KEYS)

    def __init__(self, error_frames=0.0, is_forgetful=False):
        self.error_frames, self.is_forgetful = error_frames, is_forgetful
        self.n_segments = 0

    def decode(self, samples, first_frames):
        assert samples.shape == (SEGMENT,) and samples.dtype == np.float32
        self.n_segments += 1
        frames = np.rint(samples[::HOP] * 8).astype(int)
        events, ends = [], []
        for bit, (key, first) in enumerate(zip(KEYS, first_frames, strict=True)):
            is_held = np.pad(frames >> bit & 1, 1)
            is_held[: first + 1] = 0
            begins, stops = (np.flatnonzero(np.diff(is_held) == step) for step in (1, -1))
            if self.is_forgetful and len(begins) and begins[0] == 0:
                begins, stops = begins[1:], stops[1:]
            ends.append(max((int(stop) for stop in stops if stop < len(frames)), default=0))
            end = 0.0
            for begin, stop in zip(begins, stops, strict=True):
                start, end = max(begin - self.error_frames, end), stop + self.error_frames
                has_onset, has_end = bool(begin > 0), bool(stop < len(frames))
                events.append(Event(start * HOP / RATE, end * HOP / RATE, key, 80, False, has_onset, has_end))
        return events, ends


def sound_of(notes, seconds):
    """The sound in which Reader reads notes of (first frame, last frame, key)."""
    samples = np.zeros((1, round(seconds * RATE)), np.float32)
    for first, last, key in notes:
        samples[0, first * HOP : last * HOP] += 2 ** KEYS.index(key) / 8
    return Waveform(samples, RATE, "s.wav")


def heard(notes, seconds, **faults):
    return hear_in_segments(Reader(**faults), sound_of(notes, seconds), iter)


def frames_of(notes):
    return [
        (round(note.start_seconds * RATE / HOP), round(note.end_seconds * RATE / HOP), note.number) for note in notes
    ]


def music(seed, n_frames):
    """Random notes on each key, some of them longer than a segment, a frame or more apart."""
    rng = np.random.default_rng(seed)
    notes = []
    for key in KEYS:
        frame = int(rng.integers(0, 50))
        while True:
            last = frame + int(rng.choice([1, 5, 30, 200, 1000]) * rng.uniform(1, 2))
            if last > n_frames:
                break
            notes.append((frame, last, key))
            frame = last + int(rng.choice([1, 2, 40]))
    return sorted(notes, key=lambda note: (note[0], note[2]))


@pytest.mark.parametrize("seed", range(20))
def test_every_note_is_heard_once_and_whole(seed):
    notes = music(seed, 3000)
    assert any(last - first > SEGMENT // HOP for first, last, _ in notes) or seed
    assert frames_of(heard(notes, 30.0)) == notes


@pytest.mark.parametrize("seed", range(5))
def test_notes_that_are_heard_a_little_too_long_are_neither_lost_nor_doubled(seed):
    notes = music(seed, 3000)
    found = heard(notes, 30.0, error_frames=0.6)
    for key in KEYS:
        times = [time for note in found if note.number == key for time in (note.start_seconds, note.end_seconds)]
        assert times == sorted(times)
        expected = [frame * HOP / RATE for *frames, of in notes if of == key for frame in frames]
        assert times == pytest.approx(expected, abs=0.65 * HOP / RATE)


def seam_frame():
    """Where the second segment begins."""
    return round((STEP_SECONDS - LEAD_SECONDS) * RATE / HOP)


@pytest.mark.parametrize("offset", range(-3, 4))
@pytest.mark.parametrize("place", ["begins at the second segment", "begins at the first one's end"])
def test_a_note_at_a_seam_is_one_note(offset, place):
    frame = seam_frame() + offset + (round(OVERLAP_SECONDS * RATE / HOP) if place.endswith("end") else 0)
    notes = [(frame - 100, frame, 60), (frame, frame + 100, 61), (frame - 20, frame + 20, 62)]
    assert sorted(frames_of(heard(notes, 10.0))) == sorted(notes)


def test_a_note_that_the_next_segment_does_not_hear_going_on_is_kept():
    held, again = seam_frame() - 50, seam_frame() + 50
    end = round((SEGMENT / RATE - LEAD_SECONDS) * RATE / HOP)
    found = frames_of(heard([(held, held + 500, 60), (again, again + 500, 61)], 6.0, is_forgetful=True))
    assert found == [(held, end, 60), (again, 600, 61)] or found == [(held, end, 60), (again, again + 500, 61)]


@pytest.mark.parametrize("seconds", [0.01, 1.0, 3.74, 3.75, 3.76, 6.24, 6.25, 6.26, 30.0])
def test_segments_are_no_more_than_cover_the_sound(seconds):
    notes = [(0, round(seconds * RATE / HOP), 60)]
    reader = Reader()
    assert frames_of(hear_in_segments(reader, sound_of(notes, seconds), iter)) == notes
    assert reader.n_segments == max(1, np.ceil((seconds + LEAD_SECONDS - OVERLAP_SECONDS) / STEP_SECONDS))


def test_how_the_sound_is_read_changes_nothing():
    sound = sound_of(music(0, 2000), 20.0)
    whole = hear_in_segments(Reader(), sound, iter)
    for cuts in ([1, 2, 3], [3999, 4000, 4001], list(range(7, 20_000, 777))):
        in_parts = Processed.of(sound, lambda cuts=cuts: iter(np.split(sound.samples, cuts, axis=1)))
        assert hear_in_segments(Reader(), in_parts, iter) == whole


def test_progress_is_told_of_every_segment():
    told = []

    def progress(pieces):
        assert len(pieces) > 3
        for piece in pieces:
            told.append(piece)
            yield piece

    reader = Reader()
    hear_in_segments(reader, sound_of([], 12.0), progress)
    assert len(told) == reader.n_segments


def test_a_pedal_and_a_key_of_its_number_are_two_things():
    class Pedalling(Reader):
        def decode(self, samples, first_frames):
            return [Event(1.0, 2.0, 64, 80, is_pedal, True, True) for is_pedal in (True, False)], [200] * 3

    expected = [HeardNote(1 - LEAD_SECONDS, 2 - LEAD_SECONDS, 64, 80, is_pedal) for is_pedal in (False, True)]
    assert hear_in_segments(Pedalling(), sound_of([], 2.0), iter) == expected


class Deaf(Reader):
    sample_rate, segment_samples, hop_samples = 44_100, 16 * 44_100, 1024

    def decode(self, samples, first_frames):
        return [], [0] * self.n_keys


def test_long_recordings_are_heard_in_flat_memory():
    assert added_bytes_per_second(lambda seconds: hear_in_segments(Deaf(), Hum(seconds), iter), 60, 180) < 500
