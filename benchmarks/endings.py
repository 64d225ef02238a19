"""`python -m benchmarks.endings`: what the end costs a model after real pieces and after drawn ones, and how they read.

Real pieces are those of the validation split, their last 400 notes. Drawn pieces have lengths of `--seconds`, default
settings, and seeds from 1; each is written, read by our cleaning and by mido, pretty_midi and symusic, and has to come
back with the same notes.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from bridge.statistics import markdown_table
from losscal.cli import EXIT_DONE, log, run, write_result

if TYPE_CHECKING:
    from symbolic.performance import Performance

QUANTILES = (0.25, 0.5, 0.75, 0.9, 0.95)
LAST_NOTES = 400


def notes_read(path: Path) -> list[list[tuple[float, int, float, int]]]:
    """The sorted notes (onset seconds, pitch, offset seconds, velocity) that mido, pretty_midi and symusic read."""
    import mido
    import pretty_midi
    import symusic

    held, by_mido, now = {}, [], 0.0
    for message in mido.MidiFile(path):
        now += message.time
        if message.type == "note_on" and message.velocity:
            held[message.note] = (now, message.velocity)
        elif message.type in ("note_on", "note_off"):
            onset, velocity = held.pop(message.note)
            by_mido.append((onset, message.note, now, velocity))
    of_pretty_midi = [note for part in pretty_midi.PrettyMIDI(str(path)).instruments for note in part.notes]
    of_symusic = [note for track in symusic.Score(str(path)).to("second").tracks for note in track.notes]
    return [
        sorted(by_mido),
        sorted((note.start, note.pitch, note.end, note.velocity) for note in of_pretty_midi),
        sorted((note.time, note.pitch, note.time + note.duration, note.velocity) for note in of_symusic),
    ]


def reads_back(piece: "Performance", path: Path) -> bool:
    """Whether a piece survives its file: our cleaning and three libraries all give its notes."""
    from symbolic.cleaning import read_midi
    from symbolic.performance import write_midi

    write_midi(piece, path)
    cleaned = read_midi(path)
    first, *others = notes_read(path)
    is_equal = all(len(other) == len(first) and np.allclose(first, other, atol=1e-3) for other in others)
    return is_equal and len(first) == len(piece) and np.array_equal(cleaned.performance.notes, piece.notes)


def main(argv: Sequence[str] | None = None) -> int:
    """Print what ends cost, and how many drawn pieces end plausibly and read back."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.endings", description=__doc__)
    parser.add_argument("--model", choices=("events", "vqvae"), default="events", help="which model (default events)")
    parser.add_argument("--data", default="data/giantmidi-piano", help="cache made by python -m symbolic.prepare")
    parser.add_argument("--pieces", type=int, default=100, help="pieces to draw (default 100)")
    parser.add_argument("--seconds", type=float, default=30.0, help="their length (default 30)")
    flags = parser.parse_args(argv)

    from symbolic.corpus import Corpus
    from symbolic.endings import PLAUSIBLE_END_NATS
    from symbolic.likelihood import SymbolicScorer
    from symbolic.sampling import draw_pieces

    scorer, corpus = SymbolicScorer.load(flags.model), Corpus.open(flags.data)
    real = [corpus.performance(piece) for piece in corpus.of_split("validation")]
    endings = [music.excerpt(max(0, len(music) - LAST_NOTES), len(music)) for music in real]
    real_nats = [score.end_nll_nats for score in scorer.score(endings)]
    pieces = draw_pieces(scorer.model, seconds=flags.seconds, seed=1, candidates=range(flags.pieces))
    log(f"drew {len(pieces)} pieces")
    drawn_nats = [piece.end_nats for piece in pieces]
    with TemporaryDirectory() as folder:
        unchanged = sum(reads_back(piece.performance, Path(folder) / "piece.mid") for piece in pieces)
    rows = [
        [name, str(len(nats)), *(f"{value:.2f}" for value in np.quantile(nats, QUANTILES))]
        for name, nats in (("real", real_nats), ("drawn", drawn_nats))
    ]
    write_result(markdown_table(["end costs, nats", "pieces", *(f"{q:.0%} below" for q in QUANTILES)], rows))
    plausible = sum(nats <= PLAUSIBLE_END_NATS for nats in drawn_nats)
    write_result(f"\nreal endings (up to {PLAUSIBLE_END_NATS} nats): {plausible} of {len(pieces)}")
    write_result(f"read back unchanged by our cleaning, mido, pretty_midi and symusic: {unchanged} of {len(pieces)}")
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
