"""`python -m benchmarks.phrase_codes [FILE]`: do phrase codes carry the music, and at what rate?

For the weights of a phrase model, over 256-note excerpts of test pieces, by the codes' rate: the bits a note that they
can hold; what the notes then cost, what the codes cost, and their sum, the bound, beside the exact figure; the note F1
(mir_eval, 50 ms onsets) of what the codes alone restore, and the F1 of its pitch classes by second; what the notes cost
under the codes of other phrases of the excerpt. Beside it the same model with codebooks, teller and code head that
nobody has trained. Intervals: 95 %, bootstrap over pieces.
"""

import argparse
from collections.abc import Sequence
from math import log
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from losscal.cli import EXIT_DONE, add_data_flag, in_range, run, write_result
from losscal.settings import Count
from losscal.statistics import markdown_table, mean, with_interval

if TYPE_CHECKING:
    from symbolic.models.phrases.model import PhraseGPT

HEADER = (
    "codec",
    "rate",
    "holds bits/note",
    "notes bits/note",
    "codes bits/note",
    "bound",
    "exact",
    "note F1",
    "pitch classes",
    "shuffled codes, nats/note",
)
UNTRAINED_PARTS = ("codebooks", "teller", "code_head")


def untrained_codec(model: "PhraseGPT") -> "PhraseGPT":
    """The same model with a fresh codec."""
    import torch

    from symbolic.models.phrases.model import PhraseGPT

    torch.manual_seed(1)
    fresh = PhraseGPT(model.config).eval()
    known = {k: v for k, v in model.state_dict().items() if k.partition(".")[0] not in UNTRAINED_PARTS}
    fresh.load_state_dict(known, strict=False)
    return fresh


def rate_row(name: str, model: "PhraseGPT", music: Sequence[np.ndarray], rate: int) -> list[str]:
    """One line of the table, of events [S, 4] by excerpt."""
    from symbolic.scoring.phrase_codes import (
        Passage,
        note_f1,
        notes_of_events,
        pitch_class_f1,
        restored,
        shuffling_cost,
    )

    rng = np.random.default_rng(1)
    rows, f1, classes = [], [], []
    for events in music:
        passage = Passage(model, events, rate=rate)
        told, shuffled = shuffling_cost(passage, rng)
        original, copy = notes_of_events(events), restored(passage.codes)
        code, exact = passage.code_nats(passage.codes).sum(), passage.exact_nats().sum()
        rows.append((told, code, exact, shuffled - told, len(original)))
        f1.append(note_f1(original, copy) if len(copy) else 0.0)
        classes.append(pitch_class_f1(original, copy))
    told, code, exact, _, notes = np.array(rows).sum(0)

    def bits(nats: float) -> str:
        return f"{nats / notes / log(2):.2f}"

    def rise_per_note(of_rows: np.ndarray) -> float:
        return of_rows[:, 3].sum() / of_rows[:, 4].sum()

    return [
        name,
        str(rate),
        f"{model.config.bits_per_phrase(rate) / model.config.phrase_events:.2f}",
        bits(told),
        bits(code),
        bits(told + code),
        bits(exact),
        with_interval(np.array(f1), mean, ".3f"),
        with_interval(np.array(classes), mean, ".3f"),
        with_interval(np.array(rows), rise_per_note, ".3f"),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.phrase_codes", description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="weights (default: the shipped ones)")
    add_data_flag(parser)
    parser.add_argument("--pieces", type=in_range(Count), default=60, help="test pieces, one excerpt each (default 60)")
    flags = parser.parse_args(argv)

    from benchmarks.excerpts import excerpts_of_test_pieces
    from symbolic.data.corpus import Corpus
    from symbolic.models.registry import load_model, weights_path
    from symbolic.tokens.events import encode

    model, _ = load_model(flags.file or weights_path())
    excerpts = excerpts_of_test_pieces(Corpus.open(flags.data), pieces=flags.pieces, per_piece=1, notes=256)
    size = model.config.phrase_events
    music = [encode(excerpt, end=False) for excerpt in excerpts]
    music = [row[: len(row) // size * size] for row in music]
    lines = []
    for name, one in (("trained", model), ("untrained", untrained_codec(model))):
        lines += [rate_row(name, one, music, rate) for rate in range(model.config.rates + 1)]
    write_result(f"{len(excerpts)} test excerpts of 256 notes\n")
    write_result(markdown_table(HEADER, lines))
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
