"""`python -m benchmarks.surprisal`: does the surprisal of notes under `events` point at the one wrong one?

One note of each 256-note excerpt of a test piece is moved by a semitone. The table gives the share of excerpts in which
that note is among the 5 % (13 notes) most surprising, a tie counting against it. Three measures of a note's surprisal:

- one-sided: the nats of its pitch, given what came before;
- against neighbours: those nats less the nats of the likelier of the two neighbouring keys, given the same;
- two-sided: the nats of pitches saved if the note were corrected, those as given less those with the note a semitone
  down or up, whichever saves more, summed over the note and the 32 that follow, so that what follows has its say.

The last two know how far wrong notes lie, but not which note is wrong. Only the notes that surprise most against their
neighbours are corrected (--candidates), in some of the excerpts (--rescored); the other notes rank below them all.
Intervals: 95 %, bootstrap over pieces.
"""

from collections.abc import Iterator, Sequence
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.excerpts import EXCERPT_NOTES, excerpt_parser, excerpts_of_test_pieces
from losscal.cli import EXIT_DONE, in_range, log, run, write_result
from losscal.settings import Count
from losscal.statistics import markdown_table, mean, with_interval
from symbolic.data.corpus import Corpus
from symbolic.notes.corruption import playable, semitone
from symbolic.notes.performance import MAX_PITCH, MIN_PITCH, Performance, places
from symbolic.tokens.events import ATTRIBUTES

if TYPE_CHECKING:
    from symbolic.models.phrases.model import PhraseGPT
    from symbolic.scoring.likelihood import SymbolicScore, SymbolicScorer

TOP_SHARE = 0.05
FOLLOWING_NOTES = 32
PITCH = ATTRIBUTES.index("pitch")


def wrong_note(original: Performance, corrupted: Performance) -> int:
    """The index in `corrupted` of its one note whose place (onset, pitch) is free in `original`."""
    (index,) = np.flatnonzero(~np.isin(places(corrupted.notes), places(original.notes)))
    return int(index)


def is_among_most_surprising(surprisal: np.ndarray, note: int) -> bool:
    """Is `note` within the TOP_SHARE (rounded up) of the largest values of surprisal [N]? A tie counts against it."""
    return int((surprisal >= surprisal[note]).sum()) <= ceil(TOP_SHARE * len(surprisal))


def one_sided_surprisal(score: "SymbolicScore") -> np.ndarray:
    """Nats of each note's pitch, float64 [N]."""
    return score.attribute_nats[:, PITCH]


def surprisal_against_neighbours(model: "PhraseGPT", excerpt: Performance) -> np.ndarray:
    """Nats of each note's pitch above those of the likelier neighbouring key (on the piano), float64 [N]."""
    from symbolic.scoring.alternatives import nats_by_step

    steps = {"pitch": np.array([0, -1, 1])}
    own, below, above = nats_by_step(model, excerpt, steps, excerpt=True)["pitch"].T
    return own - np.minimum(below, above)


def two_sided_surprisal(
    scorer: "SymbolicScorer", excerpt: Performance, pitch_nats: np.ndarray, candidates: np.ndarray
) -> np.ndarray:
    """Nats saved by correcting each of the notes `candidates` int64 [C], float64 [N]; pitch_nats [N] are as given.

    Notes that are no candidates, or whose neighbours are taken, save minus infinity.
    """
    corrections = [
        (note, corrected)
        for note in candidates.tolist()
        for corrected in _corrections(excerpt.excerpt(0, note + 1 + FOLLOWING_NOTES), note)
    ]
    scores = scorer.score([corrected for _, corrected in corrections], excerpt=True)
    saved_nats = np.full(len(excerpt), -np.inf)
    for (note, corrected), score in zip(corrections, scores, strict=True):
        saved = pitch_nats[: len(corrected)].sum() - score.by_attribute["pitch"]
        saved_nats[note] = max(saved_nats[note], saved)
    return saved_nats


def _corrections(excerpt: Performance, note: int) -> Iterator[Performance]:
    """The excerpt with `note` a semitone lower and a semitone higher, where that key is free at its onset."""
    notes = excerpt.notes
    struck_together = notes["pitch"][notes["onset_ticks"] == notes["onset_ticks"][note]]
    for pitch in (int(notes["pitch"][note]) - 1, int(notes["pitch"][note]) + 1):
        if MIN_PITCH <= pitch <= MAX_PITCH and pitch not in struck_together:
            corrected = notes.copy()
            corrected["pitch"][note] = pitch
            yield playable(corrected)


def surprisals(
    scorer: "SymbolicScorer", excerpts: Sequence[Performance], rescored: Sequence[int], candidates: int
) -> dict[str, dict[int, np.ndarray]]:
    """Surprisals float64 [N] by measure and index of the excerpt; two-sided for the indices in `rescored` only."""
    scores = scorer.score(excerpts, excerpt=True)
    one_sided = [one_sided_surprisal(score) for score in scores]
    neighbours = [surprisal_against_neighbours(scorer.model, excerpt) for excerpt in excerpts]
    two_sided = {}
    for index in rescored:
        likeliest_wrong = np.argsort(-neighbours[index], kind="stable")[:candidates]
        two_sided[index] = two_sided_surprisal(scorer, excerpts[index], one_sided[index], likeliest_wrong)
        log(f"corrected {len(two_sided)} of {len(rescored)} excerpts")
    return {
        "one-sided": dict(enumerate(one_sided)),
        "against neighbours": dict(enumerate(neighbours)),
        "two-sided": two_sided,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = excerpt_parser("surprisal", __doc__)
    parser.add_argument(
        "--candidates", type=in_range(Count), default=64, help="notes of an excerpt to correct (default 64)"
    )
    parser.add_argument(
        "--rescored", type=in_range(Count), default=1, help="excerpts of a piece to correct them in (default 1)"
    )
    flags = parser.parse_args(argv)
    from symbolic.scoring.likelihood import SymbolicScorer

    originals = excerpts_of_test_pieces(Corpus.open(flags.data), pieces=flags.pieces, per_piece=flags.per_piece)
    rng = np.random.default_rng(1)
    excerpts = [semitone(original, rng, 1 / EXCERPT_NOTES) for original in originals]
    wrong = [wrong_note(original, excerpt) for original, excerpt in zip(originals, excerpts, strict=True)]
    pieces = len(excerpts) // flags.per_piece
    rescored = [index for index in range(len(excerpts)) if index % flags.per_piece < flags.rescored]
    scorer = SymbolicScorer.load("events", flags.weights)
    found = {
        measure: [is_among_most_surprising(surprisal, wrong[index]) for index, surprisal in by_excerpt.items()]
        for measure, by_excerpt in surprisals(scorer, excerpts, rescored, flags.candidates).items()
    }
    shares = [with_interval(np.array(of_measure).reshape(pieces, -1), mean, ".3f") for of_measure in found.values()]
    write_result(f"{len(excerpts)} excerpts of {EXCERPT_NOTES} notes from {pieces} test pieces; a semitone, one note")
    write_result(f"two-sided: {len(rescored)} of the excerpts, {flags.candidates} candidates each\n")
    write_result(markdown_table(["wrong note found", *found], [[scorer.name, *shares]]))
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
