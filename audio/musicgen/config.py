"""Settings of the MusicGen scorer and generator, free of torch so that the command line can show them at once."""

from dataclasses import dataclass
from typing import Annotated

from losscal.settings import PositiveShare, Range, Settings, require

DEFAULT_CHECKPOINT = "facebook/musicgen-small"
MAX_WINDOW_SECONDS = 30.0
"""The length MusicGen was trained on; beyond it the positions are foreign to the model and music turns into noise."""
LOUDNESS_LUFS = -14.0
"""Loudness of what is scored, of what is continued and of what is written."""


@dataclass(frozen=True)
class WindowConfig(Settings):
    """How a recording of any length is cut for a model that knows 30 seconds.

    Args:
        window_seconds: what the model sees at once, up to 30 s.
        context_seconds: the least that stands to the left of what a window adds, once so much lies behind it.
    """

    window_seconds: Annotated[float, Range(0, MAX_WINDOW_SECONDS, low_open=True)] = MAX_WINDOW_SECONDS
    context_seconds: Annotated[float, Range(0, MAX_WINDOW_SECONDS)] = 15.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            self.context_seconds < self.window_seconds,
            f"context_seconds {self.context_seconds}: must be below window_seconds {self.window_seconds}",
        )


@dataclass(frozen=True)
class CodeSamplingConfig(Settings):
    """How a code is drawn: logits over `temperature`, cut to the `top_k` likeliest, then to those that hold `top_p`.

    Args:
        temperature: above 1 wilder, below 1 tamer.
        top_k: 1 is greedy.
        top_p: probability kept at each draw.
        guidance: how far to go from the unconditioned logits to the conditioned ones (Ho and Salimans 2022, classifier-
            free guidance); 1 is the conditioned model itself. Without a condition it does nothing.
    """

    temperature: Annotated[float, Range(0.01, 100)] = 1.0
    top_k: Annotated[int, Range(1, 1_000_000)] = 250
    top_p: PositiveShare = 1.0
    guidance: Annotated[float, Range(1, 100)] = 3.0


DEFAULT_WINDOWS = WindowConfig()
DEFAULT_SAMPLING = CodeSamplingConfig()
