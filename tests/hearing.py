"""A transcriber for the tests: it knows what is played in a file by the file's name."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from bridge.transcription import opening
from bridge.transcription.listening import Listener
from bridge.transcription.transcriber import HeardNote
from symbolic.notes.performance import TICK_SECONDS, VELOCITY_OF_BIN, Performance


class Ears:
    """Hears `notes` by the stem of a sound's file, nothing in others; counts how often it was asked."""

    name, version, fingerprint, core_seconds_per_second = "ears", "1.0", "no weights", 10.0

    def __init__(self, notes: Mapping[str, Sequence[HeardNote]]) -> None:
        self.notes, self.asked = notes, 0

    def transcribe(self, sound):
        self.asked += 1
        return self.notes.get(Path(sound.source).stem, [])


def listener_of(monkeypatch: pytest.MonkeyPatch, notes: Mapping[str, Sequence[HeardNote]]) -> Listener:
    """A listener that hears these."""
    ears = Ears(notes)
    monkeypatch.setitem(opening.TRANSCRIBERS, Ears.name, lambda progress: ears)
    return Listener(Ears.name, keeps=False)


def as_heard(performance: Performance, start_seconds: float = 0.0) -> list[HeardNote]:
    """The notes of a performance as they are heard where it begins at `start_seconds`."""
    heard = []
    for note in performance.notes:
        start = start_seconds + float(note["onset_ticks"]) * TICK_SECONDS
        end = start + float(note["duration_ticks"]) * TICK_SECONDS
        heard.append(HeardNote(start, end, int(note["pitch"]), int(VELOCITY_OF_BIN[note["velocity_bin"]])))
    return heard
