"""The diffusion model declares itself: no view of reports, but one that a calibration can measure.

Free of torch, so that command lines know it at once.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from losscal.views import SOUND, Figure, Quantity, View

if TYPE_CHECKING:
    from audio.diffusion.scoring import DiffusionScorer

KIND = "diffusion"


def _load(weights_dir: str | Path | None) -> "DiffusionScorer":
    from audio.diffusion.scoring import DiffusionScorer

    return DiffusionScorer.load(weights_dir)


DIFFUSION = View(
    KIND,
    SOUND,
    "upper bound on -log p of quantised semitone-band frames",
    _load,
    figures=(Figure("bound_nats_per_second", "nats/s"),),
    quantities=(
        Quantity(
            "bound_nats_per_second",
            "nats a second",
            ("bound_nats_per_second",),
            "needs {bound_nats_per_second:.1f} nats a second at most".format_map,
        ),
    ),
)
