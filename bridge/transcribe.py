"""`python -m bridge.transcribe IN.wav OUT.mid`: the notes that are heard in a recording of piano music."""

import argparse
from collections.abc import Sequence
from functools import partial

from losscal.cli import EXIT_DONE, file_to_write, log, run
from losscal.midi import MIDI_SUFFIXES


def main(arguments: Sequence[str] | None = None) -> int:
    """Write what is heard; raises InputError where the recording cannot be used or no transcriber is installed."""
    parser = argparse.ArgumentParser(
        prog="python -m bridge.transcribe", description="Write down the notes that are heard in a piano recording."
    )
    parser.add_argument("audio", metavar="IN.wav", help="WAV, FLAC, OGG, MP3 or another audio file, of any length")
    parser.add_argument("midi", type=file_to_write(*MIDI_SUFFIXES), metavar="OUT.mid", help="MIDI file to write")
    options = parser.parse_args(arguments)
    from tqdm import tqdm

    from audio.signal.waveform import open_audio
    from bridge.transcription.transcriber import write_heard
    from bridge.transcription.transkun import Transkun

    sound = open_audio(options.audio)
    progress = partial(tqdm, desc="listening", unit="segment", disable=None)  # None: no bar where there is no terminal
    heard = Transkun(progress).transcribe(sound)
    write_heard(heard, options.midi, options.audio)
    log(f"written: {options.midi}, {sum(not note.is_pedal for note in heard)} notes")
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
