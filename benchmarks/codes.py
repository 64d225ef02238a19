"""`python -m benchmarks.codes`: do the VQ-VAE's codes carry the music?

Over 256-note excerpts of test pieces: how much of each codebook is in use; the note F1 (mir_eval, 50 ms onsets) of the
music decoded free-running from the codes alone; what the notes cost when the codes of an excerpt are shuffled.
Intervals: 95 %, bootstrap over pieces.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.excerpts import excerpts_of_test_pieces
from benchmarks.statistics import markdown_table, mean, with_interval
from losscal.cli import EXIT_DONE, run, write_result
from symbolic.codes import codebook_usage, codes_of, note_f1, note_nats_under_codes, reconstruct
from symbolic.corpus import Corpus
from symbolic.likelihood import SymbolicScorer


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.codes", description=__doc__)
    parser.add_argument("--data", default="data/giantmidi-piano", help="cache made by python -m symbolic.prepare")
    parser.add_argument("--weights", type=Path, help="folder of weights other than the shipped ones")
    parser.add_argument("--pieces", type=int, default=60, help="test pieces, one excerpt each (default 60)")
    flags = parser.parse_args(argv)
    model = SymbolicScorer.load("vqvae", flags.weights).model
    excerpts = excerpts_of_test_pieces(Corpus.open(flags.data), pieces=flags.pieces, per_piece=1, notes=256)
    rng = np.random.default_rng(1)
    codes = [codes_of(model, excerpt) for excerpt in excerpts]
    usage = codebook_usage(model, torch.cat(codes))
    f1 = np.array([note_f1(excerpt, reconstruct(model, excerpt)) for excerpt in excerpts])
    right = [note_nats_under_codes(model, excerpt) for excerpt in excerpts]
    shuffled = [
        note_nats_under_codes(model, excerpt, rng.permutation(len(own)).tolist())
        for excerpt, own in zip(excerpts, codes, strict=True)
    ]
    costs = np.array([right, shuffled]).T  # [pieces, 2]

    def rise(rows: np.ndarray) -> float:
        return rows[:, 1].sum() / rows[:, 0].sum() - 1

    rows = [
        ["codebook entries in use (least used codebook)", f"{usage['usage']:.1%}"],
        ["codebook perplexity (least)", f"{usage['perplexity']:.0f} of {model.vqvae_config.codebook_size}"],
        ["note F1 decoded from the codes alone", with_interval(f1, mean, ".3f")],
        ["note_nll_nats under shuffled codes", with_interval(costs, rise, "+.0%")],
    ]
    write_result(f"{len(excerpts)} test excerpts of 256 notes\n")
    write_result(markdown_table(["codes", "figure"], rows))
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
