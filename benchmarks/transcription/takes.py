"""Recordings with the notes that were played in them: PIECE.INSTRUMENT.flac beside PIECE.INSTRUMENT.mid in a folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audio.signal.waveform import cut, open_audio
from bridge.transcription.cache import NoteCache, hear
from bridge.transcription.transcriber import Heard, Transcriber
from losscal.errors import InputError
from losscal.midi import NOTE_ON, read_midi_file
from symbolic.notes.cleaning import clean_midi_file
from symbolic.notes.performance import TICK_SECONDS, Performance

TOLERANCE_SECONDS = 0.05
OFFSETS_SECONDS = np.arange(-6, 7) / 100
"""By so much the notes that were played are moved against the sound, the best one counts: some files drift."""


@dataclass(frozen=True)
class Take:
    """A piece on an instrument. played_from_seconds: where in the recording the first note that was played lies."""

    piece: str
    instrument: str
    played: Performance
    played_from_seconds: float
    heard: Heard

    def accuracy(self) -> tuple[float, float, float]:
        """Precision, recall and F1 of the onsets by key, at the offset with the best F1."""
        from mir_eval.transcription import precision_recall_f1_overlap
        from mir_eval.util import midi_to_hz

        notes = [note for note in self.heard.notes if not note.is_pedal]
        heard = np.array([note.start_seconds for note in notes])
        heard_hertz = midi_to_hz(np.array([note.number for note in notes]))
        played = self.played.notes["onset_ticks"] * TICK_SECONDS + self.played_from_seconds
        played_hertz = midi_to_hz(self.played.notes["pitch"].astype(float))
        found = (
            precision_recall_f1_overlap(
                *(_intervals(played + offset), played_hertz, _intervals(heard), heard_hertz),
                onset_tolerance=TOLERANCE_SECONDS,
                offset_ratio=None,
            )[:3]
            for offset in OFFSETS_SECONDS
        )
        return max(found, key=lambda figures: figures[2])


def takes_in(folder: Path, transcriber: Transcriber, cache: NoteCache | None, seconds: float) -> Iterator[Take]:
    """The takes in order of their names, each from its beginning to at most `seconds`.

    Raises InputError where there is none, and where a file cannot be used.
    """
    recordings = sorted(folder.glob("*.*.flac"))
    if not recordings:
        raise InputError(f"{folder}: holds no PIECE.INSTRUMENT.flac; give a folder of recordings with their notes.")
    for path in recordings:
        piece, _, instrument = path.stem.rpartition(".")
        midi = path.with_suffix(".mid")
        file = read_midi_file(midi)
        from_seconds = float(file.seconds[file.kind == NOTE_ON].min())
        played = clean_midi_file(file, str(midi)).performance
        last = int(np.searchsorted(played.notes["onset_ticks"] * TICK_SECONDS + from_seconds, seconds))
        sound = open_audio(path)
        whole = cut(sound, 0, min(sound.n_samples, round(seconds * sound.sample_rate)))
        yield Take(piece, instrument, played.excerpt(0, last), from_seconds, hear(whole, transcriber, cache))


def _intervals(onsets: np.ndarray) -> np.ndarray:
    """Notes of a second, [N, 2], moved to lie behind zero; their ends are not looked at."""
    return np.stack([onsets + 1.0, onsets + 2.0], axis=1)
