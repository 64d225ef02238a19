"""Short clips of users' recordings around the least likely moments, small enough to stand inside the page."""

import base64
import io
from pathlib import Path

from audio.signal.waveform import Sound, cut, in_memory, open_audio, resample, to_mono
from bridge.items.entry import ItemEntry
from bridge.synthesis.messages import first_note_seconds
from bridge.views.declarations import half_of
from losscal.views import NOTES

MAX_CLIP_ITEMS = 40
"""Of a report; a moment's clip takes some 25 kB."""
CLIP_SECONDS, LEAD_IN_SECONDS = 5.0, 1.5
CLIP_RATE = 24_000
"""Hz; MP3 knows only some rates."""
COMPRESSION_LEVEL = 0.8
"""Of libsndfile, 0 to 1."""


def has_own_sound(entry: ItemEntry) -> bool:
    """Whether an item's sound was scored and is a file of the user's."""
    return entry.wav is not None and entry.audio is not None and not entry.rendered


def clips_of(entry: ItemEntry, sound_start: float) -> dict[str, str]:
    """Data addresses of MP3 clips by the number of the moment, from 0; {} without sound of the user's.

    A moment beyond the recording has none. sound_start: where the music begins in the file, in seconds.
    """
    if not entry.moments or not has_own_sound(entry) or not Path(entry.wav).is_file():
        return {}
    sound = open_audio(entry.wav)
    notes_start = _notes_start(entry, sound_start)
    clips = {}
    for number, moment in enumerate(entry.moments):
        start = moment.start_seconds + (notes_start if half_of(moment.view) == NOTES else 0.0)
        if 0.0 <= start < sound.seconds:
            clips[str(number)] = "data:audio/mpeg;base64," + base64.b64encode(_clip(sound, start)).decode("ascii")
    return clips


def _notes_start(entry: ItemEntry, sound_start: float) -> float:
    """Where the first note stands in the recording, in seconds: as the two match, else where the sound begins."""
    if entry.match is None or not Path(entry.midi).is_file():
        return sound_start
    return first_note_seconds(Path(entry.midi)) + entry.match.offset_seconds


def _clip(sound: Sound, start_seconds: float) -> bytes:
    """CLIP_SECONDS around `start_seconds` as an MP3 file, mono."""
    import soundfile

    begin = max(0.0, min(start_seconds - LEAD_IN_SECONDS, sound.seconds - CLIP_SECONDS))
    first = round(begin * sound.sample_rate)
    last = min(sound.n_samples, first + round(CLIP_SECONDS * sound.sample_rate))
    samples = in_memory(resample(to_mono(cut(sound, first, last)), CLIP_RATE)).samples[0]
    file = io.BytesIO()
    soundfile.write(file, samples, CLIP_RATE, format="MP3", compression_level=COMPRESSION_LEVEL)
    return file.getvalue()
