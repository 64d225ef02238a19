"""Settings of the MusicGen scorer and generator, free of torch so that the command line can show them at once."""

from dataclasses import dataclass

DEFAULT_CHECKPOINT = "facebook/musicgen-small"
MAX_WINDOW_SECONDS = 30.0
"""The length MusicGen was trained on; beyond it the positions are foreign to the model and music turns into noise."""
LOUDNESS_LUFS = -14.0
"""Loudness of what is scored, of what is continued and of what is written."""


@dataclass(frozen=True)
class WindowConfig:
    """How a recording of any length is cut for a model that knows 30 seconds.

    Args:
        window_seconds: what the model sees at once, up to 30 s.
        context_seconds: the least that stands to the left of what a window adds, once so much lies behind it.
    """

    window_seconds: float = MAX_WINDOW_SECONDS
    context_seconds: float = 15.0

    def __post_init__(self) -> None:
        if not 0 < self.window_seconds <= MAX_WINDOW_SECONDS:
            raise ValueError(f"window_seconds {self.window_seconds}: allowed is above 0 and up to {MAX_WINDOW_SECONDS}")
        if not 0 <= self.context_seconds < self.window_seconds:
            raise ValueError(f"context_seconds {self.context_seconds}: allowed is 0 to below {self.window_seconds}")


@dataclass(frozen=True)
class SamplingConfig:
    """How a code is drawn: logits over `temperature`, cut to the `top_k` likeliest, then to those that hold `top_p`.

    Args:
        temperature: above 1 wilder, below 1 tamer.
        top_k: 1 is greedy.
        top_p: probability kept at each draw.
        guidance: how far to go from the unconditioned logits to the conditioned ones (Ho and Salimans 2022, classifier-
            free guidance); 1 is the conditioned model itself. Without a condition it does nothing.
    """

    temperature: float = 1.0
    top_k: int = 250
    top_p: float = 1.0
    guidance: float = 3.0

    def __post_init__(self) -> None:
        if not 0.01 <= self.temperature <= 100:
            raise ValueError(f"temperature {self.temperature}: allowed is 0.01..100")
        if self.top_k < 1:
            raise ValueError(f"top-k {self.top_k}: allowed is 1 and above")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top-p {self.top_p}: allowed is above 0 and up to 1")
        if not 1 <= self.guidance <= 100:
            raise ValueError(f"guidance {self.guidance}: allowed is 1..100")


DEFAULT_WINDOWS = WindowConfig()
DEFAULT_SAMPLING = SamplingConfig()
