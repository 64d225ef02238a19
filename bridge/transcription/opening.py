"""The transcribers there are: transkun, and those that other packages bring by an entry point.

The entry point, of the group `losscal.transcribers`, leads to what makes a Transcriber: a class, or a function, that
takes a Progress. What it hears is checked, and whatever its code raises is told in one sentence.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from bridge.transcription.transcriber import HeardNote, Progress, Transcriber
from bridge.transcription.transkun import Transkun
from losscal.errors import InputError
from losscal.plugins import installed, loaded, plugin_words, told_in_one_sentence

if TYPE_CHECKING:
    from audio.signal.waveform import Sound

GROUP = "losscal.transcribers"
TRANSCRIBERS: dict[str, Callable[[Progress], Transcriber]] = {Transkun.name: Transkun}
"""Our own; a name of these always means ours."""


def open_transcriber(name: str = Transkun.name, progress: Progress = iter) -> Transcriber:
    """The transcriber of a name.

    Raises InputError for an unknown name, where its package or its weights are missing, and whatever is wrong with one
    that another package brings.
    """
    if name in TRANSCRIBERS:
        return TRANSCRIBERS[name](progress)
    plugins = installed(GROUP)
    if name not in plugins:
        known = ", ".join([*TRANSCRIBERS, *sorted(set(plugins) - set(TRANSCRIBERS))])
        raise InputError(f"{name}: no such transcriber; choose from {known}.")
    make, words = loaded(plugins[name], "transcriber"), plugin_words(plugins[name])
    with told_in_one_sentence(words):
        return _Plugin(make(progress), name, words)


class _Plugin:
    """Another package's transcriber; raises InputError where it is none."""

    def __init__(self, transcriber: Any, name: str, words: str) -> None:
        if transcriber.name != name:
            raise InputError(f"its entry point is {name}, its transcriber {transcriber.name}; tell its author.")
        self.name, self.version, self.fingerprint = name, str(transcriber.version), str(transcriber.fingerprint)
        self.core_seconds_per_second = float(transcriber.core_seconds_per_second)
        self._transcriber, self._words = transcriber, words

    def transcribe(self, sound: "Sound") -> Sequence[HeardNote]:
        with told_in_one_sentence(self._words):
            notes = [
                HeardNote(float(of.start_seconds), float(of.end_seconds), int(of.number), int(of.velocity), of.is_pedal)
                for of in self._transcriber.transcribe(sound)
            ]
        return sorted(notes, key=lambda note: note.start_seconds)
