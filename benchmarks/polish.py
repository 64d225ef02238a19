"""`python -m benchmarks.polish`: does polishing find wrong notes, put them right, and leave the others alone?

In excerpts of test pieces a tenth of the notes is moved by 1 to 12 semitones (`symbolic.notes.corruption.wrong_notes`),
then the excerpt is polished. Restored: wrong notes that stand on a key of the original again; removed: wrong notes that
are no longer what they were, restored or not; left alone: right notes that stay. The baseline draws as many notes at
random and gives each another key within the same reach. Intervals: 95 %, bootstrap over pieces.
"""

from collections.abc import Sequence
from math import log

import numpy as np

from benchmarks.excerpts import excerpt_parser, excerpts_of_test_pieces
from losscal.cli import EXIT_DONE, in_range, of_field, run, write_result
from losscal.processes.progress import bar
from losscal.settings import Count
from losscal.statistics import markdown_table, with_interval
from symbolic.data.corpus import Corpus
from symbolic.models.configs import PolishConfig
from symbolic.notes.corruption import wrong_notes
from symbolic.notes.performance import MAX_PITCH, MIN_PITCH, Performance, places

WRONG_SHARE = 0.1
REACH_SEMITONES = 12


def counts(original: Performance, corrupted: np.ndarray, polished: np.ndarray) -> list[int]:
    """[wrong notes, of them restored, of them removed, right notes, of them left alone]; notes [N] in one order."""
    right_places = places(original.notes)
    is_wrong = ~np.isin(places(corrupted), right_places)
    is_right_now = np.isin(places(polished), right_places)
    is_moved = polished["pitch"] != corrupted["pitch"]
    return [
        int(x.sum()) for x in (is_wrong, is_wrong & is_right_now, is_wrong & is_moved, ~is_wrong, ~is_wrong & ~is_moved)
    ]


def moved_at_random(corrupted: Performance, n_moved: int, rng: np.random.Generator) -> np.ndarray:
    """As many notes as polishing changed, each on another key within reach: notes [N], which may double a key."""
    notes = corrupted.notes.copy()
    chosen = rng.permutation(len(notes))[:n_moved]
    step = rng.integers(1, REACH_SEMITONES, size=n_moved, endpoint=True) * rng.choice([-1, 1], size=n_moved)
    notes["pitch"][chosen] = np.clip(notes["pitch"][chosen] + step, MIN_PITCH, MAX_PITCH)
    return notes


def share(rows: np.ndarray) -> float:
    """The second column's sum by the first's; rows [pieces, 2]."""
    return float(rows[:, 1].sum() / rows[:, 0].sum())


def main(argv: Sequence[str] | None = None) -> int:
    """Print the two tables."""
    parser = excerpt_parser("polish", __doc__, per_piece=1)
    parser.add_argument("--notes", type=in_range(Count), default=128, help="notes of an excerpt (default %(default)s)")
    parser.add_argument(
        "--doubt-nats",
        type=of_field(PolishConfig, "doubt_nats"),
        default=PolishConfig().doubt_nats,
        help="default %(default)s",
    )
    flags = parser.parse_args(argv)
    from symbolic.sampling.resampling import Polisher
    from symbolic.scoring.likelihood import SymbolicScorer

    scorer = SymbolicScorer.load("events", flags.weights)
    corpus = Corpus.open(flags.data)
    originals = excerpts_of_test_pieces(corpus, pieces=flags.pieces, per_piece=flags.per_piece, notes=flags.notes)
    rng = np.random.default_rng(1)
    by_method: dict[str, list[list[int]]] = {"polished": [], "moved at random": []}
    bits: dict[str, list[float]] = {"original": [], "wrong notes": [], "polished": []}
    for original in bar(desc="polishing", unit="excerpt", mininterval=10)(originals):
        corrupted = wrong_notes(original, rng, WRONG_SHARE)
        polisher = Polisher(scorer.model, corrupted, PolishConfig(doubt_nats=flags.doubt_nats), excerpt=True)
        nats = [scorer.score([original], excerpt=True)[0].nll_nats, polisher.nll_nats]
        polished = polisher.run(lambda nats_per_note: False)
        for name, value in zip(bits, [*nats, polished.nll_nats], strict=True):
            bits[name].append(value / len(original) / log(2))
        n_moved = int((polished.notes != corrupted.notes).sum())
        by_method["polished"].append(counts(original, corrupted.notes, polished.notes))
        random_notes = moved_at_random(corrupted, n_moved, rng)
        by_method["moved at random"].append(counts(original, corrupted.notes, random_notes))
    write_result(f"{len(originals)} excerpts of {flags.notes} notes, {WRONG_SHARE:.0%} of them wrong\n")
    rows = [
        [
            method,
            *(with_interval(np.array(of_method)[:, columns], share, ".3f") for columns in ([0, 1], [0, 2], [3, 4])),
        ]
        for method, of_method in by_method.items()
    ]
    write_result(markdown_table(["", "restored", "removed", "right notes left alone"], rows) + "\n")
    rows = [[name, with_interval(np.array(values), lambda x: float(x.mean()), ".2f")] for name, values in bits.items()]
    write_result(markdown_table(["", "bits a note"], rows))
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
