"""spectral_lm declares itself: a likelihood of the keys heard struck, and its ratio to a model of shuffled notes.

Free of torch, so that command lines and reports know the view at once.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audio.spectral.config import BACKGROUND_KIND, KIND, SHIPPED_WEIGHTS
from losscal.references import LLR_SUFFIX
from losscal.views import (
    BEYOND_PERCENTILE,
    PERCENTILE,
    SOUND,
    Figure,
    Quantity,
    Reference,
    ShippedWeights,
    TableColumn,
    View,
)

if TYPE_CHECKING:
    from audio.spectral.scoring import SpectralLMScorer


def _load(weights_dir: str | Path | None) -> "SpectralLMScorer":
    from audio.spectral.scoring import SpectralLMScorer

    return SpectralLMScorer.load(weights_dir)


def _ratio_in_words(figures: Mapping[str, Any]) -> str:
    ratio = figures["llr_nats_per_second"]
    likelier = "likelier" if ratio >= 0.0 else "less likely"
    return f"finds it {abs(ratio):.1f} nats a second {likelier} than with its notes shuffled"


def _background_rules(weights_dir: Path) -> Sequence[str]:
    """The corruptions that the background model beside the view's weights was trained on; none where there is none."""
    from losscal.weights import load_weights

    path = weights_dir / f"{BACKGROUND_KIND}.safetensors"
    if not path.is_file():
        return []
    _, story = load_weights(path, kind=BACKGROUND_KIND)
    return sorted(story["frames"]["shuffle"]["rules"])


SPECTRAL_LM = View(
    KIND,
    SOUND,
    "nats of keys heard struck",
    _load,
    figures=(
        Figure("nll_nats", "nats"),
        Figure(
            "nll_nats_per_second",
            "nats/s",
            TableColumn("nats/s", 8, 1, "nats/s: surprise of the keys that are heard struck; lower is likelier."),
        ),
        PERCENTILE,
        Figure("typicality", "0 to 1", higher_is_better=True),
        Figure(
            "llr_nats_per_second",
            "nats/s above shuffled notes",
            TableColumn(
                "llr/s",
                7,
                1,
                "llr/s: nats/s by which the sound is likelier than under a model of shuffled notes; higher is more "
                "musical.",
            ),
            higher_is_better=True,
        ),
        Figure("llr_percentile", "% of held-out windows with a lower ratio"),
        Figure("active_fraction", "share of frames"),
    ),
    quantities=(
        Quantity(
            "llr_nats_per_second",
            "nats a second likelier than with shuffled notes",
            ("llr_nats_per_second",),
            _ratio_in_words,
            percentile="llr_percentile",
        ),
        Quantity(
            "nll_nats_per_second",
            "nats a second",
            ("nll_nats_per_second",),
            "needs {nll_nats_per_second:.1f} {unit} a second".format_map,
            percentile="percentile",
        ),
    ),
    references=(
        Reference("nll_nats_per_second", percentile="percentile", typicality="typicality", beyond=BEYOND_PERCENTILE),
        Reference(
            "llr_nats_per_second",
            LLR_SUFFIX,
            percentile="llr_percentile",
            beyond="further above its shuffled notes than all held-out real music (llr_percentile 100)",
            foreign="its ratio lies below nearly all renderings of real music, though its notes are among real music: "
            "the instrument or the room is none that this view has learned, and would decide",
        ),
    ),
    weights=ShippedWeights(SHIPPED_WEIGHTS, (KIND, BACKGROUND_KIND)),
    glossary="A model of the keys that it hears struck in the sound. Its ratio (llr) tells by how much likelier "
    "they are than under a model of shuffled notes: higher is more musical.",
    sorts_by="nll_nats_per_second",
    calibrated=("llr_nats_per_second", "typicality", "nll_nats_per_second"),
    trained_on=_background_rules,
    tells_moments=True,
)
