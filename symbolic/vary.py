"""`python -m symbolic.vary IN.mid OUT.mid --keep codes`: plays a piece anew, one side of it kept.

codes: what the code of each phrase tells, its length and about half of its notes; harmony: the pitch classes struck in
each second; melody: the top line. How much of that is kept, and how much else is new, is measured and told.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from losscal.cli import (
    EXIT_DONE,
    add_flags,
    add_overwrite_flag,
    add_weights_flag,
    check_new,
    config_from,
    file_to_write,
    in_range,
    prog_of,
    run,
    write_result,
)
from losscal.midi import MIDI_SUFFIXES
from losscal.processes.progress import bar
from losscal.settings import Seed, Share
from symbolic.models.configs import Kept, SamplingConfig

NOT_ASKED = ("guidance", "pace_hold")
"""A variation has no style, and the pace of what it varies."""
WHAT_IS_KEPT = {
    "codes": "of the notes that codes tell are there",
    "harmony": "of the pitch classes by second are the same (F1)",
    "melody": "of the top line is there, on top",
}


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog=prog_of("symbolic.vary"), description=__doc__)
    parser.add_argument("source", type=Path, metavar="IN.mid", help="MIDI file to vary")
    parser.add_argument("out", type=file_to_write(*MIDI_SUFFIXES), metavar="OUT.mid", help="MIDI file to write")
    parser.add_argument("--keep", choices=get_args(Kept), default="codes", help="what stays (default %(default)s)")
    strength = "share of the phrases of eight notes that are drawn anew, the others stay as they are (default 1)"
    parser.add_argument("--strength", type=in_range(Share), default=1.0, help=strength)
    parser.add_argument("--seed", type=in_range(Seed), default=1, help="decides the notes (default 1)")
    add_weights_flag(parser)
    add_overwrite_flag(parser)
    add_flags(parser.add_argument_group("drawing"), SamplingConfig(), skip=NOT_ASKED)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Write the variation; print what is kept and what is new. Raises InputError for wrong values."""
    flags = build_parser().parse_args(argv)
    check_new([flags.out], overwrite=flags.overwrite)

    from symbolic.notes.cleaning import read_midi
    from symbolic.notes.performance import write_midi
    from symbolic.sampling.variation import vary
    from symbolic.scoring.likelihood import SymbolicScorer

    given = read_midi(flags.source).performance
    varied = vary(
        SymbolicScorer.load("events", flags.weights).model,
        given,
        flags.keep,
        flags.strength,
        seed=flags.seed,
        sampling=config_from(flags, SamplingConfig, skip=NOT_ASKED),
        progress=bar(unit="note"),
    )
    write_midi(varied.performance, flags.out)
    write_result(
        f"{flags.out}: {len(varied.performance)} notes for {len(given)}, {varied.performance.seconds:.1f} s for "
        f"{given.seconds:.1f}; {varied.phrases_anew} of {varied.phrases} phrases drawn anew; kept: {varied.kept:.0%} "
        f"{WHAT_IS_KEPT[flags.keep]}; new: {varied.notes_new:.0%} of the notes"
    )
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
