"""`python -m symbolic.polish IN.mid OUT.mid`: draws the least likely notes anew and leaves the rest alone."""

import argparse
from collections.abc import Iterator, Sequence
from math import log
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from losscal.cli import (
    EXIT_DONE,
    add_flags,
    add_overwrite_flag,
    add_weights_flag,
    check_new,
    config_from,
    file_to_write,
    prog_of,
    run,
    write_result,
)
from losscal.midi import MIDI_SUFFIXES
from losscal.processes.progress import bar
from symbolic.models.configs import PolishConfig
from symbolic.notes.performance import TICK_SECONDS, VELOCITY_OF_BIN, name_of

if TYPE_CHECKING:
    from symbolic.sampling.resampling import Polished


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog=prog_of("symbolic.polish"), description=__doc__)
    parser.add_argument("source", type=Path, metavar="IN.mid", help="MIDI file to polish")
    parser.add_argument("out", type=file_to_write(*MIDI_SUFFIXES), metavar="OUT.mid", help="MIDI file to write")
    parser.add_argument("--model", choices=("events", "vqvae"), default="events", help="which model (default events)")
    add_flags(parser, PolishConfig())
    parser.add_argument("--excerpt", action="store_true", help="the music is cut out of a longer piece")
    add_weights_flag(parser)
    add_overwrite_flag(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Write the polished piece; print what it was and is, and every change. Raises InputError for wrong values."""
    flags = build_parser().parse_args(argv)
    config = config_from(flags, PolishConfig)
    check_new([flags.out], overwrite=flags.overwrite)

    from losscal.references import place_in_words
    from symbolic.notes.cleaning import read_midi
    from symbolic.notes.performance import write_midi
    from symbolic.sampling.ranking import load_held_out
    from symbolic.sampling.resampling import Polisher
    from symbolic.scoring.likelihood import SymbolicScorer

    given = read_midi(flags.source).performance
    scorer = SymbolicScorer.load(flags.model, flags.weights)
    held_out = load_held_out(scorer, flags.weights)

    def percentile(nats_per_note: float) -> float | None:
        return None if held_out is None else held_out.per_note.percentile(len(given), nats_per_note)

    polisher = Polisher(scorer.model, given, config, told=scorer.told, excerpt=flags.excerpt)
    before_nats = polisher.nll_nats
    polished = polisher.run(lambda nats: (percentile(nats) or 0.0) >= config.until_percentile, bar(unit="note"))
    write_midi(polished.performance, flags.out)
    write_result(f"{flags.out}: {outcome(polished, config)}")
    for when, nats in (("before", before_nats), ("after", polished.nll_nats)):
        place = percentile(nats / len(given))
        likelier = "" if place is None else f", {place_in_words(place)} real music"
        write_result(f"{when:>8}: {nats / len(given) / log(2):.2f} bits a note{likelier}")
    lines = list(changes(given.notes, polished.notes))
    write_result("\n".join([f"{len(given) - len(lines)} of {len(given)} notes are as they were", *lines]))
    return EXIT_DONE


def outcome(polished: "Polished", config: PolishConfig) -> str:
    """What was doubtful, drawn and taken, and why nothing was."""
    if not polished.doubtful:
        return (
            f"nothing to do, no value has an alternative that is likelier by {config.doubt_nats:g} nats "
            "(--doubt-nats), what comes after it included"
        )
    told = f"{polished.doubtful} doubtful values, {polished.drawn} others drawn, {polished.accepted} taken"
    if polished.is_typical:
        told += f"; likelier than {config.until_percentile:g} % of real music, so it is left alone (--until-percentile)"
    elif not polished.accepted:
        told += "; their own values were drawn again, or --keep-share leaves no more notes to change"
    return told


def changes(given: np.ndarray, polished: np.ndarray) -> Iterator[str]:
    """A line for each note that is another one than before: when, and what became what. Notes [N], in one order."""
    values = {
        "pitch": name_of,
        "velocity_bin": lambda value: f"velocity {VELOCITY_OF_BIN[value]}",
        "duration_ticks": lambda value: f"{value * TICK_SECONDS:.2f} s long",
    }
    for before, after in zip(given, polished, strict=True):
        if before != after:
            words = [
                f"{name(before[field])} -> {name(after[field])}"
                for field, name in values.items()
                if before[field] != after[field]
            ]
            key = "" if before["pitch"] != after["pitch"] else f"{name_of(before['pitch'])}, "
            yield f"{before['onset_ticks'] * TICK_SECONDS:8.2f} s  {key}{', '.join(words)}"


if __name__ == "__main__":
    run(main)
