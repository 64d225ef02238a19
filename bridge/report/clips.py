"""Short clips of users' recordings, small enough to stand inside the page: around the least likely moments, and where
most is otherwise than in what they are held against.
"""

import base64
import io
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from audio.signal.waveform import Sound, cut, in_memory, open_audio, resample, to_mono
from bridge.items.entry import ItemEntry
from bridge.report.report import Report
from bridge.synthesis.messages import first_note_seconds
from bridge.views.declarations import half_of
from losscal.views import NOTES

MAX_CLIP_ITEMS = 40
"""Of a report; a moment's clip takes some 25 kB."""
CLIP_SECONDS, LEAD_IN_SECONDS = 5.0, 1.5
CLIP_RATE = 24_000
"""Hz; MP3 knows only some rates."""
PASSAGE_SECONDS, MOST_PASSAGES = 5.0, 6
"""Of a recording, so many parts of that length in which it is compared, each with what leads to it and follows."""
FOLLOWING_SECONDS = 2.0
COMPRESSION_LEVEL = 0.8
"""Of libsndfile, 0 to 1."""


def has_own_sound(entry: ItemEntry) -> bool:
    """Whether an item's sound was scored, or its notes heard, and is a file of the user's."""
    is_scored = entry.audio is not None or entry.heard is not None
    return entry.wav is not None and is_scored and not entry.rendered


def clips_of(entry: ItemEntry, sound_start: float) -> dict[str, str]:
    """Data addresses of MP3 clips by the number of the moment, from 0; {} without sound of the user's.

    A moment beyond the recording has none. sound_start: where the music begins in the file, in seconds.
    """
    if not entry.moments or not _is_there(entry):
        return {}
    sound = open_audio(entry.wav)
    notes_start = _notes_start(entry, sound_start)
    clips = {}
    for number, moment in enumerate(entry.moments):
        start = moment.start_seconds + (notes_start if half_of(moment.view) == NOTES else 0.0)
        if 0.0 <= start < sound.seconds:
            begin = max(0.0, min(start - LEAD_IN_SECONDS, sound.seconds - CLIP_SECONDS))
            clips[str(number)] = _clip(sound, begin, begin + CLIP_SECONDS)
    return clips


def compared_seconds(report: Report) -> dict[str, list[float]]:
    """When recordings differ from what they are held against, by item, in seconds of the recording."""
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    for entry in report.items:
        if entry.heard_against_read is not None:
            seconds[entry.id] += [edit.seconds for edit in entry.heard_against_read.edits]
    recordings = {entry.id for entry in report.items if entry.symbolic is None}  # edits of others are by their file
    for group in report.groups:
        for version, edits in group.edits.items():
            if version in recordings:
                seconds[version] += [edit.seconds for edit in edits]
            if group.reference in recordings:
                seconds[group.reference] += [
                    edit.reference_seconds for edit in edits if edit.reference_seconds is not None
                ]
    return seconds


def passages_of(entry: ItemEntry, seconds: Sequence[float]) -> list[Mapping[str, Any]]:
    """Clips of the passages of a recording in which most of `seconds` lie: where each starts and ends, its address."""
    if not seconds or not _is_there(entry):
        return []
    sound = open_audio(entry.wav)
    counts = Counter(int(second // PASSAGE_SECONDS) for second in seconds if 0.0 <= second < sound.seconds)
    passages = []
    for number in sorted(number for number, _ in counts.most_common(MOST_PASSAGES)):
        begin = max(0.0, number * PASSAGE_SECONDS - LEAD_IN_SECONDS)
        end = min(sound.seconds, (number + 1) * PASSAGE_SECONDS + FOLLOWING_SECONDS)
        passages.append({"start": begin, "end": end, "address": _clip(sound, begin, end)})
    return passages


def _is_there(entry: ItemEntry) -> bool:
    return has_own_sound(entry) and Path(entry.wav).is_file()


def _notes_start(entry: ItemEntry, sound_start: float) -> float:
    """Where the first note stands in the recording, in seconds: as the two match, else where the sound begins."""
    if entry.match is None or not Path(entry.midi).is_file():
        return sound_start
    return first_note_seconds(Path(entry.midi)) + entry.match.offset_seconds


def _clip(sound: Sound, start_seconds: float, end_seconds: float) -> str:
    """A part of a sound as the data address of an MP3 file, mono."""
    import soundfile

    first, end = (round(seconds * sound.sample_rate) for seconds in (start_seconds, end_seconds))
    last = min(sound.n_samples, end)
    samples = in_memory(resample(to_mono(cut(sound, first, last)), CLIP_RATE)).samples[0]
    file = io.BytesIO()
    soundfile.write(file, samples, CLIP_RATE, format="MP3", compression_level=COMPRESSION_LEVEL)
    return "data:audio/mpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")
