"""FluidSynth in process: channel messages in, float samples out, and nothing on stdout or stderr.

One new synthesiser is made per clip, because a reused one, even after a reset, gives other bits; so the same messages,
SoundFont and FluidSynth version give the same bits. FluidSynth applies a message at the next multiple of 64 samples
(1.5 ms at 44.1 kHz).
"""

import contextlib
import ctypes
import functools
import io
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np

from losscal import midi
from losscal.errors import InputError

N_CHANNELS, N_LOG_LEVELS = 16, 5
PITCH_BEND_CENTRE = 1 << 13
DEFAULT_SOUNDFONT = "TimGM6mb.sf2"


def default_soundfont() -> Path:
    """TimGM6mb.sf2 (GPL-2) inside the installed pretty_midi package, found without importing it."""
    spec = find_spec("pretty_midi")
    if spec is None or spec.origin is None:
        raise InputError(
            "pretty_midi, which holds the default SoundFont, is not installed: install it or give --soundfont."
        )
    return Path(spec.origin).with_name(DEFAULT_SOUNDFONT)


def fluidsynth_version() -> str:
    """The version of the FluidSynth library; raises InputError where it is missing."""
    return _load_fluidsynth().cfunc("fluid_version_str", ctypes.c_char_p)().decode("ascii")


class Synthesiser:
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

    def next_samples(self, n_samples: int) -> np.ndarray:
        """The next samples of the sound, float32 [2, n_samples]."""
        samples = np.empty((2, n_samples), dtype=np.float32)
        left, right = samples
        self.api.fluid_synth_write_float(self.synth.synth, n_samples, left.ctypes.data, 0, 1, right.ctypes.data, 0, 1)
        return samples


@contextlib.contextmanager
def open_synthesiser(soundfont: Path, sample_rate: int, gain: float) -> Iterator[Synthesiser]:
    """A new synthesiser with a SoundFont; raises InputError where that, or the library, is missing or broken."""
    synthesiser = Synthesiser(_load_fluidsynth(), check_soundfont(soundfont), sample_rate, gain)
    try:
        yield synthesiser
    finally:
        synthesiser.synth.delete()


def check_soundfont(path: Path) -> Path:
    """The path; raises InputError where no SoundFont is there, or one that is cut off.

    FluidSynth would hand such files to libraries that write to stderr by themselves.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such SoundFont; give the path of an .sf2 or .sf3 file.")
    try:
        with open(path, "rb") as file:
            header = file.read(12)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check its permissions.") from error
    if header[:4] != b"RIFF" or header[8:] != b"sfbk":
        raise InputError(f"{path}: not a SoundFont; give the path of an .sf2 or .sf3 file.")
    if 8 + int.from_bytes(header[4:8], "little") > path.stat().st_size:
        raise InputError(f"{path}: a truncated SoundFont; fetch it anew.")
    return path


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
