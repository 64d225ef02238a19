"""`python -m benchmarks.generated_files`: do sampled pieces survive their files, do they end, do they go on exactly?

Each piece is written and read again: by mido, pretty_midi and symusic, which have to find its notes, and by our
cleaning, which has to give the same Performance and repair nothing. An ending is real that costs the model no more than
ends of real music do (`symbolic.sampling.endings`); pieces that are not drawn to an end stop short. Some pieces' first
halves are continued: the result has to begin with the very notes of the half, in its file as well, and to go on from
there.
"""

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from bridge.views.opening import SYMBOLIC_VIEWS
from losscal.cli import EXIT_DONE, add_weights_flag, in_range, log, run, write_result
from losscal.settings import Count, Seed
from losscal.statistics import markdown_table
from symbolic.notes.performance import TICK_SECONDS, VELOCITY_OF_BIN, Performance, write_midi

if TYPE_CHECKING:
    from symbolic.scoring.likelihood import SymbolicScorer

BATCH_PIECES = 25
Note = tuple[float, int, float, int]
"""Onset in seconds, pitch, offset in seconds, velocity."""


def read_by_mido(path: Path) -> Iterator[Note]:
    """Each note-off ends the note of its key."""
    import mido

    held: dict[int, tuple[float, int]] = {}
    now = 0.0
    for message in mido.MidiFile(path):
        now += message.time
        if message.type == "note_on" and message.velocity:
            held[message.note] = (now, message.velocity)
        elif message.type in ("note_on", "note_off"):
            onset, velocity = held.pop(message.note)
            yield onset, message.note, now, velocity


def read_by_pretty_midi(path: Path) -> Iterator[Note]:
    """All instruments' notes."""
    import pretty_midi

    for part in pretty_midi.PrettyMIDI(str(path)).instruments:
        yield from ((note.start, note.pitch, note.end, note.velocity) for note in part.notes)


def read_by_symusic(path: Path) -> Iterator[Note]:
    """All tracks' notes."""
    import symusic

    for track in symusic.Score(str(path)).to("second").tracks:
        yield from ((note.time, note.pitch, note.time + note.duration, note.velocity) for note in track.notes)


READERS: dict[str, Callable[[Path], Iterator[Note]]] = {
    "mido": read_by_mido,
    "pretty_midi": read_by_pretty_midi,
    "symusic": read_by_symusic,
}
CLEANED = "cleaned unchanged, no repair"
CHECKS = (*READERS, CLEANED)


def expected_notes(performance: Performance) -> list[tuple[int, int, int, int]]:
    """Onset in ticks, pitch, offset in ticks and velocity of each note, sorted."""
    notes = performance.notes
    onset, pitch = notes["onset_ticks"].astype(int), notes["pitch"].astype(int)
    offset, velocity = onset + notes["duration_ticks"], VELOCITY_OF_BIN[notes["velocity_bin"]]
    return sorted(zip(*(column.tolist() for column in (onset, pitch, offset, velocity)), strict=True))


def found_notes(notes: Iterable[Note]) -> list[tuple[int, int, int, int]]:
    """The same of notes that a library has read."""
    return sorted((round(on / TICK_SECONDS), pitch, round(off / TICK_SECONDS), loud) for on, pitch, off, loud in notes)


def survives(performance: Performance, path: Path) -> dict[str, bool]:
    """Whether each of CHECKS finds in the file, written to `path`, what was drawn."""
    from symbolic.notes.cleaning import read_midi

    write_midi(performance, path)
    expected = expected_notes(performance)
    result = {name: found_notes(read(path)) == expected for name, read in READERS.items()}
    cleaned = read_midi(path)
    result[CLEANED] = np.array_equal(cleaned.performance.notes, performance.notes) and not cleaned.repairs
    return result


def goes_on_exactly(scorer: "SymbolicScorer", piece: Performance, path: Path) -> bool:
    """Whether a continuation of the piece's first half opens with it, in memory and in its file."""
    from symbolic.notes.cleaning import read_midi
    from symbolic.sampling.pieces import generate

    prompt = piece.excerpt(0, (len(piece) + 1) // 2)
    longer = generate(scorer.model, notes=len(prompt), seed=1, told=scorer.told, prompt=prompt, ending=False)
    write_midi(longer, path)
    n_given, last_onset = len(prompt), prompt.notes["onset_ticks"][-1]
    opens = all(np.array_equal(of.notes[:n_given], prompt.notes) for of in (longer, read_midi(path).performance))
    return opens and len(longer) == 2 * n_given and longer.notes["onset_ticks"][n_given] >= last_onset


def checked(kind: str, flags: argparse.Namespace) -> list[str]:
    """A model's line of the table."""
    from symbolic.sampling.endings import PLAUSIBLE_END_NATS
    from symbolic.sampling.pieces import draw_pieces
    from symbolic.scoring.likelihood import SymbolicScorer

    scorer = SymbolicScorer.load(kind, flags.weights)
    draw = partial(
        draw_pieces, scorer.model, told=scorer.told, notes=flags.notes, seed=flags.seed, batch_pieces=BATCH_PIECES
    )
    ended = draw(candidates=range(flags.endings))
    pieces = [*ended, *draw(candidates=range(flags.endings, flags.pieces), ending=False)]
    log(f"{kind}: drew {len(pieces)} pieces")
    continued = pieces[: flags.continuations]
    with TemporaryDirectory() as folder:
        path = Path(folder, "piece.mid")
        results = [survives(piece.performance, path) for piece in pieces]
        exact = sum(goes_on_exactly(scorer, piece.performance, path) for piece in continued)
    found = [f"{sum(result[check] for result in results)} of {len(pieces)}" for check in CHECKS]
    plausible = sum(piece.end_nats <= PLAUSIBLE_END_NATS for piece in ended)
    return [kind, *found, f"{plausible} of {len(ended)}", f"{exact} of {len(continued)}"]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generated_files", description=__doc__)
    add_weights_flag(parser)
    parser.add_argument(
        "--models", nargs="+", choices=SYMBOLIC_VIEWS, default=list(SYMBOLIC_VIEWS), help="default: both"
    )
    parser.add_argument(
        "--pieces", type=in_range(Count), default=500, help="pieces of each model (default %(default)s)"
    )
    parser.add_argument("--notes", type=in_range(Count), default=100, help="their length (default %(default)s)")
    parser.add_argument(
        "--endings", type=in_range(Count), default=100, help="how many are drawn to an end (default 100)"
    )
    parser.add_argument(
        "--continuations", type=in_range(Count), default=50, help="how many are continued (default %(default)s)"
    )
    parser.add_argument("--seed", type=in_range(Seed), default=1, help="of all draws (default %(default)s)")
    flags = parser.parse_args(argv)
    rows = [checked(kind, flags) for kind in flags.models]
    write_result(f"pieces of about {flags.notes} notes\n")
    write_result(markdown_table(["model", *CHECKS, "real ending", "exact continuation"], rows))
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
