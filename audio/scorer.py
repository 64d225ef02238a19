"""What a scorer of sound is: three methods, the same for LossCal's own and for those of other packages.

Another package adds one by an entry point of the group `losscal.scorers`; docs/plugins.md shows a whole one.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from audio.signal.waveform import Sound


@dataclass(frozen=True)
class Description:
    """What a scorer's figures are of.

    Args:
        unit: what they are, in a few words; stands beside them in the report.
        sample_rate: Hz at which the scorer listens; a MIDI file is rendered at the highest rate of the views asked for.
        loudness_lufs: to which it brings the sound; None where it takes the level as it comes.
        weights_sha256: of its weights; None where it has none.
    """

    unit: str
    sample_rate: int
    loudness_lufs: float | None = None
    weights_sha256: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.unit, str) or not self.unit.strip():
            raise ValueError(f"unit {self.unit!r}: say in a few words what the figures are")
        if not isinstance(self.sample_rate, int) or self.sample_rate < 1:
            raise ValueError(f"sample_rate {self.sample_rate!r}: allowed is a whole number of Hz, 1 and above")
        if self.loudness_lufs is not None and not math.isfinite(self.loudness_lufs):
            raise ValueError(f"loudness_lufs {self.loudness_lufs!r}: allowed is a finite number, or None")


class Scorer(Protocol):
    """Turns the sound of one item into figures, in memory that does not grow with its length."""

    @classmethod
    def load(cls, weights: str | None = None) -> "Scorer":
        """With `weights` as the user named them, with its own where they are None.

        Raises InputError where they are not to be had; the view then is answered with that reason.
        """
        ...

    def describe(self) -> Description:
        """What the figures of `score` are of."""
        ...

    def score(self, sound: "Sound") -> Mapping[str, Any]:
        """Figures by name, of sound of any rate, length and number of channels.

        A plug-in's are finite numbers; ours may be None or lists too. Raises InputError where the sound is refused.
        """
        ...
