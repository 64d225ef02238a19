"""musicgen declares itself: the perplexity of EnCodec codes under a MusicGen checkpoint.

Free of torch, so that command lines and reports know the view at once.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from audio.musicgen.config import DEFAULT_CHECKPOINT
from losscal.views import SOUND, Figure, Quantity, TableColumn, View

if TYPE_CHECKING:
    from audio.musicgen.scoring import MusicGenScorer


def _load(checkpoint: str | Path | None) -> "MusicGenScorer":
    from audio.musicgen.scoring import MusicGenScorer

    return MusicGenScorer.load(checkpoint or DEFAULT_CHECKPOINT)


MUSICGEN = View(
    "musicgen",
    SOUND,
    "nats of EnCodec codes",
    _load,
    figures=(
        Figure(
            "perplexity",
            "EnCodec codes",
            TableColumn(
                "ppl",
                10,
                1,
                "ppl: perplexity of EnCodec codes under MusicGen (weights CC-BY-NC); lower is likelier.",
            ),
        ),
        Figure("nll_nats_per_second", "nats/s"),
        Figure("cross_entropy", "nats/code", is_list=True),
    ),
    quantities=(
        Quantity(
            "nll_nats_per_second",
            "nats a second",
            ("nll_nats_per_second",),
            "needs {nll_nats_per_second:.1f} {unit} a second".format_map,
        ),
    ),
    checkpoint=DEFAULT_CHECKPOINT,
    glossary="Perplexity of EnCodec codes. Only where its weights are present.",
    sorts_by="perplexity",
)
