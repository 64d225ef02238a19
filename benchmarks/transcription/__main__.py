"""`python -m benchmarks.transcription`: how well notes are heard, what that does to their likelihood, what it costs.

--recordings names a folder of PIECE.INSTRUMENT.flac, each beside the notes that were played in it as .mid; without it
only the cost is measured. Recordings are heard once and what was heard is kept in the user's cache folder, so a run
that was broken off goes on where it stood.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from losscal.cli import EXIT_DONE, add_weights_flag, in_range, log, run, write_result
from losscal.processes.progress import bar
from losscal.settings import Seconds
from losscal.statistics import markdown_table

if TYPE_CHECKING:
    from benchmarks.transcription.takes import Take
    from symbolic.scoring.likelihood import SymbolicScorer

HOUR_SECONDS = 3600.0


def accuracy_table(takes: Sequence["Take"]) -> str:
    """Precision, recall and F1 by instrument and of all, the means of the takes'."""
    by_instrument = {name: [] for name in sorted({take.instrument for take in takes})}
    for take in takes:
        by_instrument[take.instrument].append(take.accuracy())
    rows = []
    every = [figures for of in by_instrument.values() for figures in of]
    for name, of in [*by_instrument.items(), ("all", every)]:
        means = np.mean(of, axis=0)
        rows.append([name, f"{len(of)}", *(f"{figure:.3f}" for figure in means), f"{min(f1 for *_, f1 in of):.3f}"])
    return markdown_table(["instrument", "recordings", "precision", "recall", "F1", "lowest F1"], rows)


def likelihood_tables(takes: Sequence["Take"], scorer: "SymbolicScorer") -> list[str]:
    """Bits a note of what was played and heard with their rank correlation, and their spreads."""
    from benchmarks.transcription.likelihood import FIGURES, bits_of, rank_correlation, spreads

    bits = bits_of(takes, scorer)
    ways = {"pedals folded": bits.folded, "keys alone": bits.keys}
    rows, spread_rows = [], []
    for figure in FIGURES:
        row = [figure, f"{bits.played[figure].mean():.2f}"]
        for heard in ways.values():
            correlation = rank_correlation(bits.played[figure], heard[figure])
            row += [f"{heard[figure].mean():.2f}", f"{correlation:.2f}"]
        rows.append(row)
        row = [figure]
        for of in (bits.played, *ways.values()):
            within, between, n_pieces = spreads(takes, of[figure])
            row += [f"{within:.2f}", f"{between:.2f}", f"{within / between:.2f}"]
        spread_rows.append(row)
    header = ["bits a note", "played", *(text for way in ways for text in (f"heard, {way}", "rank correlation"))]
    spread_header = [f"{n_pieces} pieces, bits a note"]
    for way in ("played", *(f"heard, {way}" for way in ways)):
        spread_header += [f"{way}: within", "between", "ratio"]
    return [markdown_table(header, rows), markdown_table(spread_header, spread_rows)]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables; raises InputError where no transcriber is installed or a recording cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transcription", description=__doc__)
    parser.add_argument("--recordings", type=Path, metavar="DIR", help="folder of recordings with their notes")
    parser.add_argument(
        "--seconds",
        type=in_range(Seconds),
        metavar="SECONDS",
        default=HOUR_SECONDS,
        help="of each recording that are listened to (default: all, up to %(default)s)",
    )
    parser.add_argument(
        "--lengths",
        type=in_range(Seconds),
        nargs="*",
        default=[60.0, 1200.0],
        metavar="SECONDS",
        help="lengths whose cost is measured; none: do not (default: 60 1200)",
    )
    parser.add_argument("--transcriber", metavar="NAME", default="transkun", help="(default: %(default)s)")
    add_weights_flag(parser)
    flags = parser.parse_args(argv)
    from benchmarks.transcription.cost import cost_row
    from benchmarks.transcription.takes import takes_in
    from benchmarks.transcription.wrong_notes import wrong_notes_table
    from bridge.transcription.cache import user_cache
    from bridge.transcription.opening import open_transcriber
    from symbolic.scoring.likelihood import SymbolicScorer

    transcriber = open_transcriber(flags.transcriber)
    write_result(f"{transcriber.name} {transcriber.version}, {os.cpu_count()} cores")
    if flags.recordings is None:
        log("no --recordings: only the cost is measured")
    else:
        found = takes_in(flags.recordings, transcriber, user_cache(), flags.seconds)
        takes = list(bar(desc="listening", unit="recording")(found))
        scorer = SymbolicScorer.load("events", flags.weights)
        for table in [accuracy_table(takes), *likelihood_tables(takes, scorer), wrong_notes_table(takes, scorer)]:
            write_result(f"\n{table}")
    if flags.lengths:
        rows = [cost_row(flags.transcriber, seconds) for seconds in sorted(flags.lengths)]
        header = ["seconds of sound", "core-seconds a second", "times real time", "peak memory, MiB"]
        write_result(f"\n{markdown_table(header, rows)}")
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
