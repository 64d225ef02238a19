"""Where the weights lie, and how notes are drawn, as dataclasses that need no torch to be read or printed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from losscal.settings import PositiveShare, Range, Seed, Settings, Share, require

Kept = Literal["codes", "harmony", "melody"]
"""What a variation keeps of a piece (`symbolic.sampling.variation`)."""
SHIPPED_WEIGHTS = Path(__file__).parents[1] / "weights"


@dataclass(frozen=True)
class SamplingConfig(Settings):
    """How a value is drawn.

    Args:
        temperature: what logits are divided by: below 1 tamer, above 1 wilder.
        pitch_temperature: what those of pitches are divided by besides.
        top_k: so many of the likeliest values are left to draw from, by default all.
        top_p: the likeliest values that hold so much probability are left (Holtzman et al. 2020).
        min_p: values at least so likely, relative to the likeliest, are left (Nguyen et al. 2025).
        guidance: how much a style counts: 1 as the model has it, above more, 0 not at all (Ho & Salimans 2022).
        longest_repeat: notes in a row whose pitches may recur in the piece, by default any number.
        pace_hold: how firmly notes a second are held to those of a real opening (`symbolic.sampling.pace`), or of what
            a piece goes on from: 0 not at all, 2 to within a fifth.
    """

    temperature: Annotated[float, Range(0.01, 100)] = 1.0
    pitch_temperature: Annotated[float, Range(0.01, 100)] = 1.0
    top_k: Annotated[int, Range(1, 1000)] | None = None
    top_p: PositiveShare = 1.0
    min_p: Annotated[float, Range(0, 1, high_open=True)] = 0.0
    guidance: Annotated[float, Range(0, 4)] = 1.0
    longest_repeat: Annotated[int, Range(1, 1000)] | None = None
    pace_hold: Annotated[float, Range(0, 10)] = 0.0

    @property
    def is_cut(self) -> bool:
        """Whether any value is left out for being unlikely."""
        return self.top_k is not None or self.top_p < 1 or self.min_p > 0


USUAL_SAMPLING = SamplingConfig(pitch_temperature=0.95, pace_hold=2.0)
"""Of new pieces, where nothing else is asked for."""


@dataclass(frozen=True)
class PolishConfig(Settings):
    """What `symbolic.sampling.resampling` may change, and how long it tries.

    Args:
        attributes: what of a note may change: pitch, velocity, duration.
        keep_share: at least this share of the notes stays as it was.
        visit_share: share of the values, the least likely by what came before, that a sweep looks at.
        doubt_nats: a value is drawn anew where an alternative is likelier by more, what comes after included.
        sweeps: most sweeps.
        until_percentile: the piece is left alone once it is likelier than so many per cent of held-out real music.
        seed: of all draws.
    """

    attributes: tuple[Literal["pitch", "velocity", "duration"], ...] = ("pitch",)
    keep_share: Share = 0.85
    visit_share: PositiveShare = 0.4
    doubt_nats: Annotated[float, Range(0, 100)] = 4.0
    sweeps: Annotated[int, Range(1, 100)] = 2
    until_percentile: Annotated[float, Range(0, 100)] = 100.0
    seed: Seed = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        require(bool(self.attributes), "attributes (): none is given, choose from pitch, velocity, duration")
