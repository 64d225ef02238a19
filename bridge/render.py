"""MIDI to sound as files: `python -m bridge.render IN.mid OUT.wav` plays a file as it is, with FluidSynth.

Every track, program, pedal, pitch bend and tempo change is played; system-exclusive messages are not.
"""

import argparse
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from audio.signal.waveform import Sound, in_memory
from bridge.synthesis.rendering import GAIN, N_CHANNELS, SAMPLE_RATE, Gain, SampleRate, play
from losscal import cli, midi
from losscal.cli import in_range
from losscal.errors import InputError
from losscal.files import atomic_path, name_for_c

if TYPE_CHECKING:
    from symbolic.notes.performance import Performance

SYSTEM_ERROR = 2
"""Of libsndfile: the file system refused."""


def render(
    midi_path: str | Path,
    *,
    sample_rate: int = SAMPLE_RATE,
    soundfont: str | Path | None = None,
    gain: float = GAIN,
    from_first_note: bool = False,
) -> np.ndarray:
    """The MIDI file at a path as `play` plays it: float32 [2, samples]; raises InputError as that and for the file."""
    rendering = play(
        *(midi.read_midi_file(Path(midi_path)), str(midi_path)),
        sample_rate=sample_rate,
        soundfont=soundfont,
        gain=gain,
        from_first_note=from_first_note,
    )
    return in_memory(rendering).samples


def render_notes(
    performance: "Performance", *, sample_rate: int, soundfont: Path | None = None, program: int = 0
) -> np.ndarray:
    """Play notes on a General MIDI program, 0 being the acoustic grand: float32 [2, samples]; raises as `render`."""
    import mido

    from symbolic.notes.performance import write_midi

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "notes.mid")
        write_midi(performance, path)
        if program != 0:  # what a channel has from the start
            file = mido.MidiFile(path)
            file.tracks[0].insert(0, mido.Message("program_change", program=program))
            file.save(path)
        return render(path, sample_rate=sample_rate, soundfont=soundfont)


def check_audio_format(path: str | Path, sample_rate: int) -> Path:
    """The path; raises InputError where libsndfile knows no format for its suffix, or none of that sample rate."""
    import soundfile

    path = Path(path)
    audio_format = path.suffix.lstrip(".").upper()
    if audio_format not in soundfile.available_formats() or audio_format == "RAW":
        raise InputError(f"{path}: no audio format of that suffix is known; use .wav or .flac.")
    if path.is_dir():
        raise InputError(f"{path}: a folder; name a file to write.")
    try:
        soundfile.SoundFile(io.BytesIO(), "w", sample_rate, N_CHANNELS, format=audio_format).close()
    except soundfile.LibsndfileError as error:
        reason = error.error_string.rstrip(".")
        raise InputError(f"{path}: cannot be written at {sample_rate} Hz ({reason}); use .wav.") from error
    return path


def write_audio(path: str | Path, sound: Sound) -> None:
    """Write a sound in the format of the suffix (16 bit for WAV and FLAC), whole or not at all.

    Raises InputError where libsndfile knows no format for the suffix, or none of that sample rate, and where the file
    system refuses.
    """
    import soundfile

    path = check_audio_format(path, sound.sample_rate)
    with atomic_path(path) as temporary:
        try:
            with soundfile.SoundFile(name_for_c(temporary), "w", sound.sample_rate, sound.n_channels) as file:
                for block in sound.blocks():
                    file.write(block.T)
        except soundfile.LibsndfileError as error:
            if error.code == SYSTEM_ERROR:
                raise InputError(
                    f"{path}: cannot be written; the disk may be full: make room, or choose another."
                ) from error
            raise InputError(
                f"{path}: cannot be written at {sound.sample_rate} Hz ({error.error_string.rstrip('.')}); use .wav."
            ) from error


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog=cli.prog_of("bridge.render"), description="Render a MIDI file as it is, with FluidSynth."
    )
    parser.add_argument("midi", metavar="IN.mid")
    parser.add_argument("wav", metavar="OUT.wav", help="its suffix chooses the format (.wav, .flac, .ogg)")
    parser.add_argument(
        "--sample-rate", type=in_range(SampleRate), default=SAMPLE_RATE, help="in Hz (default: %(default)s)"
    )
    parser.add_argument(
        "--soundfont",
        metavar="PATH",
        help="SoundFont file (default: TimGM6mb.sf2 as installed with pretty_midi; its licence is GPL-2)",
    )
    parser.add_argument(
        "--gain", type=in_range(Gain), default=GAIN, help="linear gain; never clips (default: %(default)s)"
    )
    cli.add_overwrite_flag(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0: the file is written; 1: an input cannot be used (one sentence on stderr)."""
    options = build_parser().parse_args(argv)
    try:
        check_audio_format(options.wav, options.sample_rate)  # before the work
        cli.check_new([options.wav], overwrite=options.overwrite)
        file = midi.read_midi_file(Path(options.midi))
        settings = {"sample_rate": options.sample_rate, "soundfont": options.soundfont, "gain": options.gain}
        write_audio(options.wav, play(file, options.midi, **settings))
    except InputError as error:
        cli.log(f"error: {error}")
        return cli.EXIT_ITEMS_FAILED
    return cli.EXIT_DONE


if __name__ == "__main__":
    cli.run(main)
