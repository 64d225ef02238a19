"""The shape of the phrase model, torch-free."""

from dataclasses import dataclass
from math import log2, prod
from typing import Annotated

from losscal.settings import Count, CountOrNone, Range, Settings, require
from symbolic.models.configs import Levels


@dataclass(frozen=True)
class PhraseConfig(Settings):
    """The event trunk, the VQ-VAE of phrases and the prior over its codes.

    Args:
        layers: blocks of the trunk.
        width: width of the trunk, the decoder and the prior.
        heads: attention heads of all three.
        mlp_ratio: hidden width of a trunk or decoder MLP over the width.
        window_events: positions an event sees, its own among them.
        recent_events: how many of the last events can be copied from.
        dropout: probability of zeroing a residual update of the trunk in training.
        phrase_events: events a phrase holds.
        stages: codes a phrase has, the first the coarsest.
        levels: finite scalar quantisation levels of each stage; their product is the size of its codebook.
        codec_width: width of the encoder.
        codec_layers: blocks of the encoder.
        slot_width: hidden width of what unfolds a code into a hint for each event of its phrase.
        head_width: width of the last layer before the scores of the codes.
        prior_layers: blocks of the prior.
        prior_mlp_ratio: the same as mlp_ratio, of the prior.
        prior_phrases: positions the prior sees; 0: the trunk does not hear it, as before the codes are fixed.
        composers: names of the composers whose style can be asked for, as the corpus spells them.
        eras: the same of eras.
    """

    layers: Annotated[int, Range(1, 1000)] = 8
    width: Annotated[int, Range(2, 100_000)] = 256
    heads: Annotated[int, Range(1, 1000)] = 4
    mlp_ratio: Annotated[int, Range(1, 100)] = 3
    window_events: Annotated[int, Range(2, 1_000_000)] = 512
    recent_events: Count = 64
    dropout: Annotated[float, Range(0, 1, high_open=True)] = 0.0
    phrase_events: Annotated[int, Range(1, 1000)] = 8
    stages: Annotated[int, Range(1, 100)] = 4
    levels: tuple[Levels, ...] = (4, 4, 4, 4, 4)
    codec_width: Annotated[int, Range(2, 100_000)] = 128
    codec_layers: Annotated[int, Range(1, 1000)] = 2
    slot_width: Annotated[int, Range(1, 100_000)] = 256
    head_width: Annotated[int, Range(1, 100_000)] = 128
    prior_layers: Annotated[int, Range(1, 1000)] = 4
    prior_mlp_ratio: Annotated[int, Range(1, 100)] = 2
    prior_phrases: CountOrNone = 0
    composers: tuple[str, ...] = ()
    eras: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("width", "codec_width"):
            value = getattr(self, name)
            require(value % (2 * self.heads) == 0, f"{name} {value}: is no multiple of 2 x heads {2 * self.heads}")
        require(len(set(self.styles)) == len(self.styles), f"composers and eras {self.styles}: a name occurs twice")

    @property
    def styles(self) -> tuple[str, ...]:
        """The names of the style inputs in their order: composers, then eras."""
        return self.composers + self.eras

    @property
    def codebook_size(self) -> int:
        """Entries of a stage's codebook."""
        return prod(self.levels)

    @property
    def code_values(self) -> int:
        """Quantised values of a phrase: all stages' coordinates."""
        return self.stages * len(self.levels)

    @property
    def bits_per_phrase(self) -> float:
        """What the codes of a phrase can hold."""
        return self.stages * log2(self.codebook_size)
