"""`python -m bridge.transcribe IN.wav OUT.mid`: the notes that are heard in a recording of piano music."""

import argparse
from collections.abc import Sequence

from losscal.cli import EXIT_DONE, add_overwrite_flag, check_new, file_to_write, log, prog_of, run
from losscal.midi import MIDI_SUFFIXES
from losscal.processes.progress import bar


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog=prog_of("bridge.transcribe"), description="Write down the notes that are heard in a piano recording."
    )
    parser.add_argument("audio", metavar="IN.wav", help="WAV, FLAC, OGG, MP3 or another audio file, of any length")
    parser.add_argument("midi", type=file_to_write(*MIDI_SUFFIXES), metavar="OUT.mid", help="MIDI file to write")
    parser.add_argument("--transcriber", metavar="NAME", default="transkun", help="who listens (default: %(default)s)")
    parser.add_argument(
        "--no-cache", action="store_true", help="hear it anew, and keep nothing in the user's cache folder"
    )
    add_overwrite_flag(parser)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Write what is heard; raises InputError where the recording cannot be used or no transcriber is installed."""
    options = build_parser().parse_args(arguments)
    check_new([options.midi], overwrite=options.overwrite)
    from audio.signal.waveform import open_audio
    from bridge.transcription.listening import Listener

    sound = open_audio(options.audio)
    progress = bar(desc="listening", unit="segment")
    heard = Listener(options.transcriber, keeps=not options.no_cache, progress=progress).opened().hear(sound)
    heard.write(options.midi)
    log(f"written: {options.midi}, {heard.n_notes} notes")
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
