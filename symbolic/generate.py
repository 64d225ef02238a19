"""`python -m symbolic.generate`: new piano music from either model, or the continuation of a MIDI file."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from losscal.cli import EXIT_DONE, run, write_result
from symbolic.configs import SamplingConfig


def positive_seconds(text: str) -> float:
    """A flag's number of seconds, which must lie above 0 and at 3600 or below."""
    seconds = float(text)
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is outside the allowed range 0 < seconds <= 3600")
    return seconds


def seed_number(text: str) -> int:
    """A flag's seed, a whole number of 63 bits."""
    seed = int(text)
    if not 0 <= seed < 2**63:
        raise argparse.ArgumentTypeError(f"{text} is outside the allowed range 0..2^63-1")
    return seed


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's flags; exits with status 2 where they are wrong."""
    parser = argparse.ArgumentParser(prog="python -m symbolic.generate", description=__doc__)
    parser.add_argument("--seconds", type=positive_seconds, default=60.0, help="length of the new music (default 60)")
    parser.add_argument("--seed", type=seed_number, default=1, help="the same seed gives the same notes (default 1)")
    parser.add_argument("--out", type=Path, required=True, metavar="NEW.mid", help="MIDI file to write")
    parser.add_argument("--prompt", type=Path, metavar="IN.mid", help="MIDI file to continue; it opens the result")
    parser.add_argument("--model", choices=("events", "vqvae"), default="events", help="which model (default events)")
    defaults = SamplingConfig()
    parser.add_argument(
        "--temperature", type=float, default=defaults.temperature, help="above 1 wilder, below 1 tamer (%(default)s)"
    )
    parser.add_argument(
        "--top-p", type=float, default=defaults.top_p, help="probability kept at each draw (%(default)s)"
    )
    parser.add_argument("--weights", type=Path, metavar="DIR", help="folder of weights other than the shipped ones")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Write the piece and say how long it is and how likely."""
    flags = parse(argv)

    from losscal.errors import InputError
    from symbolic.cleaning import read_midi
    from symbolic.likelihood import SymbolicScorer
    from symbolic.performance import write_midi
    from symbolic.sampling import generate

    try:
        sampling = SamplingConfig(temperature=flags.temperature, top_p=flags.top_p)
    except ValueError as error:
        raise InputError(f"--{error}.") from error
    prompt = read_midi(flags.prompt).performance if flags.prompt else None
    scorer = SymbolicScorer.load(flags.model, flags.weights)
    piece = generate(scorer.model, seconds=flags.seconds, seed=flags.seed, prompt=prompt, sampling=sampling)
    write_midi(piece, flags.out)
    score = scorer.score([piece])[0]
    write_result(
        f"{flags.out}: {score.notes} notes{', the prompt included' if prompt else ''}, {score.seconds:.1f} s, "
        f"{score.bits_per_note:.2f} bits a note under {flags.model}"
    )
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
