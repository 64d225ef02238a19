"""What the views of notes make of the notes that a transcriber hears in a sound: scores of their own, `heard_VIEW`.

They are not gated.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bridge.calibration.scores import costs_of, quantities_of
from bridge.transcription.listening import Listener
from bridge.views.opening import OpenViews
from losscal.references import References
from losscal.views import HEARD

if TYPE_CHECKING:
    from audio.signal.waveform import Waveform


@dataclass(frozen=True)
class HeardJudge:
    """The views of notes among `views`, asked of what `listener` hears."""

    views: OpenViews
    listener: Listener

    def __call__(self, sound: "Waveform") -> Mapping[str, float]:
        """Costs by score; raises InputError where no note is heard."""
        performance = self.listener.hear(sound).cleaned.performance
        ungated = replace(self.views, references=References())
        costs: dict[str, float] = {}
        for view, scorer in self.views.scorers_of(HEARD):
            (score,) = scorer.score([performance], excerpt=True)
            costs |= costs_of(view, score.report(), len(performance), ungated)
        return costs

    @property
    def quantities(self) -> dict[str, str]:
        """What each of its views is measured by."""
        ranking = quantities_of(view for view, _ in self.views.scorers_of(HEARD))
        return {name: quantity.removesuffix(", gated") for name, quantity in ranking.items()}
