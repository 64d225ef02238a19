"""What a scorer of notes of another package is: three methods; docs/plugins.md shows a whole one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from symbolic.notes.performance import Performance


@dataclass(frozen=True)
class Description:
    """What a scorer of notes has to say of itself once it is open.

    Args:
        context_policy: how much of the music before a note it looks at, in words; stands in the report.
        weights_sha256: of its weights; None where it has none.
    """

    context_policy: str = ""
    weights_sha256: str | None = None


class Scorer(Protocol):
    """Turns notes into figures."""

    @classmethod
    def load(cls, weights: str | None = None) -> "Scorer":
        """With `weights` as the user named them, with its own where they are None.

        Raises InputError where they are not to be had; the view then is answered with that reason.
        """
        ...

    def describe(self) -> Description:
        """What there is to say of it."""
        ...

    def score(self, performance: Performance) -> Sequence[float] | np.ndarray | Mapping[str, float]:
        """The nats of each of the N notes, [N], or figures by name, finite numbers.

        Raises InputError where the notes are refused.
        """
        ...
