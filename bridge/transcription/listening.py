"""Who listens to the recordings of a run, and how long that will take."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from bridge.transcription.cache import hear, user_cache
from bridge.transcription.opening import open_transcriber
from bridge.transcription.transcriber import Heard, Progress, Transcriber
from bridge.transcription.transkun import Transkun
from losscal.errors import InputError

if TYPE_CHECKING:
    from audio.signal.waveform import Sound

LONG_SECONDS = 30
"""On one core; what takes less needs no word beforehand."""
RENDERING_RATE = 44_100
"""At which sounds are rendered to be heard."""


@dataclass(frozen=True)
class Listener:
    """A transcriber by its name; keeps: what it hears is taken from the user's cache and kept there.

    progress: see Progress; of this process alone.
    """

    name: str = Transkun.name
    keeps: bool = True
    progress: Progress = field(default=iter, compare=False)

    @cached_property
    def transcriber(self) -> Transcriber:
        """Raises InputError where there is none of this name, or its package is not installed."""
        return open_transcriber(self.name, self.progress)

    def opened(self) -> Self:
        """This listener, its transcriber open; raises InputError as `transcriber`."""
        self.transcriber  # noqa: B018 (a property)
        return self

    @property
    def description(self) -> str:
        """Name and version."""
        return f"{self.transcriber.name} {self.transcriber.version}"

    def heard_with(self, weights_sha256: str) -> str:
        """What the references of figures of heard notes say they were made with: a view's weights, and who heard."""
        return f"{weights_sha256} {self.description}"

    @property
    def fingerprint(self) -> str:
        """See `Transcriber`."""
        return self.transcriber.fingerprint

    def hear(self, sound: "Sound") -> Heard:
        """What is heard in a sound; raises InputError as the sound's blocks and the transcriber do."""
        return hear(sound, self.transcriber, user_cache() if self.keeps else None)

    def estimate(self, recordings: Iterable[Path]) -> str | None:
        """What it takes to hear recordings, in words; None where that is not long."""
        from audio.signal.waveform import open_audio

        lengths = []
        for path in set(recordings):
            with suppress(InputError):  # told where it is scored
                lengths.append(open_audio(path).seconds)
        core_seconds = sum(lengths) * self.transcriber.core_seconds_per_second
        if core_seconds < LONG_SECONDS:
            return None
        words = "1 recording" if len(lengths) == 1 else f"{len(lengths)} recordings"
        return (
            f"notes are heard in {words}, {_duration(sum(lengths))} of sound: about {_duration(core_seconds)} on one "
            "core, less where they were heard before; --no-transcription leaves that out"
        )


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
