"""Excerpts of test pieces, the same for every benchmark."""

import numpy as np

from symbolic.corpus import Corpus
from symbolic.performance import Performance


def excerpts_of_test_pieces(
    corpus: Corpus, *, pieces: int, per_piece: int, notes: int, seed: int = 1
) -> list[Performance]:
    """`per_piece` excerpts of `notes` notes from each of up to `pieces` test pieces that are long enough, seeded."""
    rng = np.random.default_rng(seed)
    long_enough = [piece for piece in corpus.of_split("test") if piece.stop - piece.start >= notes]
    chosen = [long_enough[i] for i in sorted(rng.permutation(len(long_enough))[:pieces])]
    excerpts = []
    for piece in chosen:
        performance = corpus.performance(piece)
        starts = rng.integers(0, len(performance) - notes, size=per_piece, endpoint=True)
        excerpts += [performance.excerpt(start, start + notes) for start in starts]
    return excerpts
