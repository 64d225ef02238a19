"""MIDI to sound: FluidSynth in process, playing the file as it is; `python -m bridge.render IN.mid OUT.wav`.

Every track, program, pedal, pitch bend and tempo change is played; system-exclusive messages are not. One new
synthesiser is made per clip, because a reused one, even after a reset, gives other bits; so the same file, SoundFont
and FluidSynth version give the same bits. FluidSynth applies an event at the next multiple of 64 samples (1.5 ms at
44.1 kHz).
"""

import argparse
import contextlib
import ctypes
import functools
import io
import tempfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import numpy as np

from bridge.played import Played
from losscal import cli, midi
from losscal.cli import in_range
from losscal.errors import InputError
from losscal.files import atomic_path
from losscal.settings import Number, Range

if TYPE_CHECKING:
    from symbolic.notes.performance import Performance

SampleRate = Annotated[int, Range(8_000, 96_000)]
"""In Hz."""
SAMPLE_RATE = 44_100
Gain = Annotated[float, Range(0, 10)]
"""FluidSynth's linear output gain."""
GAIN = 1.0
"""Dense loud piano then peaks near full scale."""
TAIL_SECONDS = 10.0
"""Sound is kept for at most this long after the last event."""
TAIL_FLOOR = 1e-4
"""The clip ends where the sound falls below this amplitude (-80 dB of full scale) for good."""
MAX_SECONDS = 6 * 3600.0
BLOCK_SAMPLES = 1 << 16
N_CHANNELS, N_LOG_LEVELS = 16, 5
PITCH_BEND_CENTRE = 1 << 13


def default_soundfont() -> Path:
    """TimGM6mb.sf2 (GPL-2) inside the installed pretty_midi package, found without importing it."""
    spec = find_spec("pretty_midi")
    if spec is None or spec.origin is None:
        raise InputError(
            "pretty_midi, which holds the default SoundFont, is not installed: install it or give --soundfont."
        )
    return Path(spec.origin).with_name("TimGM6mb.sf2")


def render(
    midi_path: str | Path,
    *,
    sample_rate: int = SAMPLE_RATE,
    soundfont: str | Path | None = None,
    gain: float = GAIN,
    from_first_note: bool = False,
) -> np.ndarray:
    """Play the MIDI file at a path, as `render_file` does; raises InputError where it cannot be read, too."""
    file = midi.read_midi_file(Path(midi_path))
    return render_file(
        *(file, str(midi_path)),
        sample_rate=sample_rate,
        soundfont=soundfont,
        gain=gain,
        from_first_note=from_first_note,
    )


def render_file(
    file: midi.MidiFile,
    name: str,
    *,
    sample_rate: int = SAMPLE_RATE,
    soundfont: str | Path | None = None,
    gain: float = GAIN,
    from_first_note: bool = False,
) -> np.ndarray:
    """Play a parsed MIDI file: float32 [2, samples], beginning at the file's time zero or with its first note.

    name: of the file, for messages.

    The release tail is kept for up to TAIL_SECONDS after the last note and cut where it falls below TAIL_FLOOR. The
    synthesiser writes floats, so nothing clips; where the peak is above 1 the whole clip is scaled down to a peak of 1.
    Raises InputError for a sample rate outside 8000..96000 Hz, a file that has no note, a broken
    SoundFont, and where the FluidSynth library is missing.
    """
    try:
        Number.of(SampleRate).check(sample_rate)
    except ValueError as error:
        raise InputError(f"sample rate {error}.") from error
    played = Played.of(file, name, from_first_note=from_first_note)
    if played.seconds[-1] > MAX_SECONDS:
        raise InputError(f"{name}: lasts {played.seconds[-1]:.0f} s, the limit is {MAX_SECONDS:.0f} s; split the file.")
    samples = np.zeros((2, round((played.seconds[-1] + TAIL_SECONDS) * sample_rate)), dtype=np.float32)
    with _synthesiser(Path(soundfont or default_soundfont()), sample_rate, gain) as synthesiser:
        now = 0
        for seconds, status, (first, second) in played.messages():
            at = round(seconds * sample_rate)
            synthesiser.write(samples[:, now:at])
            synthesiser.send(status, first, second)
            now = at
        synthesiser.write(samples[:, now:])
    samples = samples[:, : _end_of_sound(samples, first_end=now)]
    peak = max(float(samples.max()), -float(samples.min()))
    if peak > 1.0:
        samples /= np.float32(peak)
    return samples


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


def fluidsynth_version() -> str:
    """The version of the FluidSynth library; raises InputError where it is missing."""
    return _load_fluidsynth().cfunc("fluid_version_str", ctypes.c_char_p)().decode("ascii")


def write_audio(path: str | Path, samples: np.ndarray, sample_rate: int) -> None:
    """Write float32 [channels, samples] in the format of the suffix (16 bit for WAV and FLAC), whole or not at all.

    Raises InputError where libsndfile knows no format for the suffix.
    """
    import soundfile

    path = Path(path)
    if path.suffix.lstrip(".").upper() not in soundfile.available_formats():
        raise InputError(f"{path}: no audio format of that suffix is known; use .wav or .flac.")
    with atomic_path(path) as temporary:
        soundfile.write(temporary, samples.T, sample_rate)


def _end_of_sound(samples: np.ndarray, first_end: int) -> int:
    """Index behind the last sample of [2, N] that is at least TAIL_FLOOR loud, never before `first_end`."""
    tail = np.flatnonzero(np.abs(samples[:, first_end:]).max(axis=0) >= TAIL_FLOOR)
    return first_end + (int(tail[-1]) + 1 if len(tail) else 0)


class _Player:
    """One FluidSynth synthesiser that takes channel messages and writes float samples."""

    def __init__(self, fluidsynth: ModuleType, soundfont: Path, sample_rate: int, gain: float) -> None:
        self.api = fluidsynth
        settings = {"synth.dynamic-sample-loading": 1}
        self.synth = fluidsynth.Synth(gain=float(gain), samplerate=float(sample_rate), channels=N_CHANNELS, **settings)
        if self.synth.sfload(str(soundfont), 1) == fluidsynth.FLUID_FAILED:
            self.synth.delete()
            raise InputError(f"{soundfont}: not a readable SoundFont; give the path of an .sf2 or .sf3 file.")

    def send(self, status: int, first: int, second: int) -> None:
        """Send a channel message: the kind and the channel, and its two data bytes."""
        synth, channel = self.synth, status & 0x0F
        match status & 0xF0:
            case midi.NOTE_ON if second > 0:
                synth.noteon(channel, first, second)
            case midi.NOTE_ON | midi.NOTE_OFF:
                synth.noteoff(channel, first)
            case midi.CONTROL_CHANGE:
                synth.cc(channel, first, second)
            case midi.PROGRAM_CHANGE:
                synth.program_change(channel, first)
            case midi.PITCH_BEND:
                synth.pitch_bend(channel, (second << 7 | first) - PITCH_BEND_CENTRE)
            case midi.CHANNEL_PRESSURE:
                self.api.fluid_synth_channel_pressure(synth.synth, channel, first)
            case midi.POLY_PRESSURE:
                self.api.fluid_synth_key_pressure(synth.synth, channel, first, second)

    def write(self, samples: np.ndarray) -> None:
        """Fill float32 [2, n] with the next n samples, block by block."""
        for start in range(0, samples.shape[1], BLOCK_SAMPLES):
            left, right = samples[:, start : start + BLOCK_SAMPLES]
            self.api.fluid_synth_write_float(
                self.synth.synth, len(left), left.ctypes.data, 0, 1, right.ctypes.data, 0, 1
            )


@contextlib.contextmanager
def _synthesiser(soundfont: Path, sample_rate: int, gain: float) -> Iterator[_Player]:
    if not soundfont.is_file():
        raise InputError(f"{soundfont}: no such SoundFont; give the path of an .sf2 or .sf3 file.")
    _check_soundfont_header(soundfont)
    player = _Player(_load_fluidsynth(), soundfont, sample_rate, gain)
    try:
        yield player
    finally:
        player.synth.delete()


def _check_soundfont_header(path: Path) -> None:
    """Refuse here what FluidSynth would hand to libraries that write to stderr by themselves."""
    with open(path, "rb") as file:
        header = file.read(12)
    if header[:4] != b"RIFF" or header[8:] != b"sfbk":
        raise InputError(f"{path}: not a SoundFont; give the path of an .sf2 or .sf3 file.")
    if 8 + int.from_bytes(header[4:8], "little") > path.stat().st_size:
        raise InputError(f"{path}: a truncated SoundFont; fetch it anew.")


@functools.cache
def _load_fluidsynth() -> ModuleType:
    """pyfluidsynth with its log silenced and the functions it does not declare itself: float output, pressure, log."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it announces the library it found where CI is set
            import fluidsynth
    except ImportError as error:
        raise InputError(
            f"the FluidSynth library cannot be loaded ({error}): install libfluidsynth3 (Debian, Ubuntu: "
            "apt-get install libfluidsynth3; macOS: brew install fluid-synth) and pyfluidsynth."
        ) from error
    c_int, pointer = ctypes.c_int, ctypes.c_void_p
    prototypes = {
        "fluid_synth_write_float": (pointer, c_int, pointer, c_int, c_int, pointer, c_int, c_int),
        "fluid_synth_channel_pressure": (pointer, c_int, c_int),
        "fluid_synth_key_pressure": (pointer, c_int, c_int, c_int),
        "fluid_set_log_function": (c_int, pointer, pointer),
    }
    for name, types in prototypes.items():
        parameters = [(f"argument_{index}", kind, 1) for index, kind in enumerate(types)]
        setattr(fluidsynth, name, fluidsynth.cfunc(name, c_int, *parameters))
    for level in range(N_LOG_LEVELS):
        fluidsynth.fluid_set_log_function(level, None, None)
    return fluidsynth


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bridge.render", description="Render a MIDI file as it is, with FluidSynth."
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
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0: the file is written; 1: an input cannot be used (one sentence on stderr)."""
    options = _parser().parse_args(argv)
    try:
        samples = render(options.midi, sample_rate=options.sample_rate, soundfont=options.soundfont, gain=options.gain)
        write_audio(options.wav, samples, options.sample_rate)
    except InputError as error:
        cli.log(f"error: {error}")
        return cli.EXIT_ITEMS_FAILED
    return cli.EXIT_DONE


if __name__ == "__main__":
    cli.run(main)
