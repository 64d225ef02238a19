"""The notes and the sound of one item: each read, played and described once, for whatever needs it.

A recording that is short is decoded into memory, a longer one anew in every pass, and a long rendering lies on disk, so
that hours of sound take no more memory than minutes.
"""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audio.metrics.descriptors import Descriptors
    from audio.metrics.similarity import Match
    from audio.signal.waveform import Sound
    from bridge.synthesis.rendering import Rendering
    from bridge.transcription.listening import Listener
    from bridge.transcription.transcriber import Heard
    from losscal.midi import MidiFile
    from symbolic.notes.cleaning import CleanedMidi

DECODED_BYTES = 1 << 26
"""Of samples that are kept decoded: three minutes in stereo at 44.1 kHz."""


class Music:
    """An item's MIDI file, audio file or both; what is asked of it raises InputError where a file is of no use.

    soundfont: plays the MIDI file, None: the shipped one.
    """

    def __init__(self, midi: Path | None, wav: Path | None, soundfont: Path | None = None) -> None:
        self.midi, self.wav, self.soundfont = midi, wav, soundfont
        self._renderings: dict[int, Rendering] = {}
        self._heard: Heard | None = None

    @cached_property
    def cleaned(self) -> "CleanedMidi":
        """The notes of the MIDI file."""
        from symbolic.notes.cleaning import clean_midi_file

        return clean_midi_file(self._midi_file, str(self.midi))

    @cached_property
    def remark_on_instruments(self) -> str | None:
        """Where notes of the MIDI file are not the piano's."""
        from symbolic.notes.instruments import remark_on_instruments

        return remark_on_instruments(self._midi_file)

    def sound(self, sample_rate: int) -> "Sound":
        """The audio file as it is, or else a rendering of the MIDI file at `sample_rate` Hz."""
        return self.rendering(sample_rate) if self.wav is None else self.recording

    @cached_property
    def recording(self) -> "Sound":
        """The audio file."""
        from audio.signal.waveform import in_memory, open_audio

        sound = open_audio(self.wav)
        n_bytes = 4 * sound.n_channels * sound.n_samples  # float32
        return in_memory(sound) if n_bytes <= DECODED_BYTES else sound

    def heard(self, listener: "Listener") -> "Heard":
        """What is heard in the audio file."""
        if self._heard is None:
            self._heard = listener.hear(self.recording)
        return self._heard

    def rendering(self, sample_rate: int) -> "Rendering":
        """The MIDI file as FluidSynth plays it, at `sample_rate` Hz.

        It begins with the first note, as a rest says nothing of the music; beside a recording, which may have been made
        from the file, with the file. A lone file that is nearly all rests is refused before it is played.
        """
        from bridge.synthesis.messages import check_rests
        from bridge.synthesis.rendering import play

        if self.wav is None:
            check_rests(self._midi_file, str(self.midi))
        if sample_rate not in self._renderings:
            self._renderings[sample_rate] = play(
                self._midi_file,
                str(self.midi),
                sample_rate=sample_rate,
                soundfont=self.soundfont,
                from_first_note=self.wav is None,
            )
        return self._renderings[sample_rate]

    @cached_property
    def descriptors(self) -> "Descriptors":
        """Of the sound; raises InputError where it is too quiet to be compared, too."""
        from audio.metrics.descriptors import FRAMES, describe

        return describe(self.sound(FRAMES.sample_rate))

    def match(self) -> "Match":
        """How the audio file fits the MIDI file's rendering; raises InputError where one is too quiet, too."""
        from audio.metrics.descriptors import FRAMES, describe
        from audio.metrics.similarity import match_of

        return match_of(self.descriptors, describe(self.rendering(FRAMES.sample_rate)))

    @cached_property
    def _midi_file(self) -> "MidiFile":
        from losscal.midi import read_midi_file

        return read_midi_file(self.midi)
