"""`python -m benchmarks.codes [FILE ...]`: do the VQ-VAE's codes carry the music, and at what rate?

For each weights file of `train.gpt --tokens codes` (default: the shipped one), over 256-note excerpts of test pieces:
what its codes can hold and what they say, in bits a note; the bound with its two terms and the exact figure under it;
the note F1 (mir_eval, 50 ms onsets) of the music decoded free-running from the codes; what the notes cost when an
excerpt's codes are shuffled; and how much of each codebook is in use. Intervals: 95 %, bootstrap over pieces.
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
    from symbolic.models.code_gpt import CodeGPT
    from symbolic.notes.performance import Performance

RATE_HEADER = (
    "codebooks (time, pitch, velocity, duration)",
    "holds bits/note",
    "code bits/note",
    "note bits/note",
    "bound bits/note",
    "exact bits/note",
    "note F1",
    "shuffled codes",
)
USAGE_HEADER = ("attribute", "entries", "attainable", "used", "perplexity")


def rate_row(model: "CodeGPT", excerpts: Sequence["Performance"]) -> list[str]:
    """One model's line of the rate-distortion table."""
    from symbolic.scoring.codes import note_f1, own_and_shuffled_nats, reconstruct
    from symbolic.scoring.likelihood import score

    scores = score(model, excerpts, excerpt=True)
    notes = sum(result.notes for result in scores)

    def bits(figure: str) -> str:
        return f"{sum(getattr(result, figure) for result in scores) / notes / log(2):.2f}"

    rng = np.random.default_rng(1)
    costs = np.array([own_and_shuffled_nats(model, excerpt, rng) for excerpt in excerpts])  # [pieces, 2]

    def rise(rows: np.ndarray) -> float:
        return rows[:, 1].sum() / rows[:, 0].sum() - 1

    f1 = np.array([note_f1(excerpt, reconstruct(model, excerpt)) for excerpt in excerpts])
    return [
        " x ".join(map(str, model.vqvae_config.codebook_sizes.values())),
        f"{model.vqvae_config.bits_per_note:.1f}",
        *map(bits, ("code_nll_nats", "note_nll_nats", "nll_nats", "mixture_nll_nats")),
        with_interval(f1, mean, ".3f"),
        with_interval(costs, rise, "+.0%"),
    ]


def usage_rows(model: "CodeGPT", excerpts: Sequence["Performance"]) -> list[list[str]]:
    """A line for each codebook of a model."""
    import torch

    from symbolic.scoring.codes import codebook_usage, codes_of

    codes = torch.cat([codes_of(model.vqvae, excerpt) for excerpt in excerpts])
    return [
        [name, str(usage.size), str(usage.attainable), str(usage.used), f"{usage.perplexity:.1f}"]
        for name, usage in codebook_usage(model.vqvae, codes).items()
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Print both tables, usage for the first file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.codes", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="weights (default: the shipped vqvae)")
    add_data_flag(parser)
    parser.add_argument("--pieces", type=in_range(Count), default=60, help="test pieces, one excerpt each (default 60)")
    flags = parser.parse_args(argv)

    from benchmarks.excerpts import excerpts_of_test_pieces
    from symbolic.data.corpus import Corpus
    from symbolic.models.registry import load_model, weights_path

    models = [load_model(path, kind="vqvae")[0] for path in flags.files or [weights_path("vqvae")]]
    excerpts = excerpts_of_test_pieces(Corpus.open(flags.data), pieces=flags.pieces, per_piece=1, notes=256)
    write_result(f"{len(excerpts)} test excerpts of 256 notes\n")
    write_result(markdown_table(RATE_HEADER, [rate_row(model, excerpts) for model in models]))
    write_result("\n" + markdown_table(USAGE_HEADER, usage_rows(models[0], excerpts)))
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
