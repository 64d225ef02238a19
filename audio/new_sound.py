"""What every command that writes new sound is asked for alike: a length, a seed and a WAV file."""

import argparse
from typing import Annotated

from losscal.cli import add_overwrite_flag, file_to_write, in_range
from losscal.settings import Range, Seed


def add_new_sound_flags(
    parser: argparse.ArgumentParser, *, most_seconds: float, seconds: float | None, seconds_help: str
) -> None:
    """--seconds, by default `seconds` and up to `most_seconds`; --seed; --out; --overwrite."""
    allowed = Annotated[float, Range(0, most_seconds, low_open=True)]
    parser.add_argument("--seconds", type=in_range(allowed), default=seconds, help=seconds_help)
    parser.add_argument(
        "--seed", type=in_range(Seed), default=1, help="the same seed gives the same sound (default: 1)"
    )
    parser.add_argument("--out", type=file_to_write(".wav"), required=True, metavar="NEW.wav", help="WAV file to write")
    add_overwrite_flag(parser)
