"""What every command that writes new sound is asked for alike: a length, a seed and a WAV file."""

import argparse

from losscal.errors import InputError

MAX_SEED = 2**63 - 1


def check_flags(options: argparse.Namespace, most_seconds: float) -> None:
    """Raise InputError where --seconds (None: not given), --seed or --out is outside what is allowed."""
    if options.seconds is not None and not 0 < options.seconds <= most_seconds:
        raise InputError(f"--seconds {options.seconds:g}: allowed is above 0 and up to {most_seconds:g}.")
    if not 0 <= options.seed <= MAX_SEED:
        raise InputError(f"--seed {options.seed}: allowed is 0..2^63-1.")
    if options.out.suffix.lower() != ".wav":
        raise InputError(f"--out {options.out}: only WAV is written; end the name in .wav.")
