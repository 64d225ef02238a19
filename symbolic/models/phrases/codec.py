"""A phrase as its code tells it: a length, and in each slot a note's onset and pitch, or nothing.

The slots stand in the order of the notes, and of pitch among notes struck together, whose order in time is chance. A
length is exact where it is short, because errors of time would add up over a piece. What a code tells is a sketch:
some of the notes, their onsets on a coarse grid of steps, neither loudness nor duration.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from symbolic.models.copying import elapsed_ticks
from symbolic.models.phrases.config import LENGTHS
from symbolic.tokens.events import END, REST, VOCABULARY

STEPS_TICKS = (0, 7, 13, 19, 26, 33, 41, 49, 58, 67, 77, 88, 100, 115, 132, 152, 175, 200, 230, 265, 305, 350, 400)
"""From a slot's onset to the next one's; dense enough for the nearest to be heard as the same time below a second."""
STEPS = len(STEPS_TICKS) + 1
"""The steps, and last among them the one to the end of the phrase, which is exact."""
NEAR_TICKS = 4
"""An onset told within so many ticks is right: what is heard as the same time needs no more code."""
MOST_NEAR_STEPS = 3
"""So many steps, the one to the end among them, lead near the same onset."""
NOTHING = VOCABULARY["pitch"]
"""The pitch of a slot without a note: a rest, the end of the piece, padding."""
PITCHES = NOTHING + 1
PAIRS = STEPS * PITCHES
"""What a slot can tell: pair number step * PITCHES + pitch."""
LEFT_OUT = PAIRS
"""The number of a slot that tells nothing of its note."""
EXACT_LENGTHS = LENGTHS * 3 // 4
LENGTH_RATIO = 1.0172
"""From one length code to the next, beyond the exact ones: 3.84 to 33 seconds."""
TOGETHER_TICKS = 3
"""A note that follows another so closely is struck with it."""
LONGEST_PERIOD_TICKS = 8192
WAVES = 12


class Codes(NamedTuple):
    """The codes of phrases and what they tell.

    length int64 [...]; slots int64 [..., P], pairs or LEFT_OUT; the sketch they tell: onset_ticks int64 [..., P] from
    the last onset before the phrase (of a slot left out that of the slot before it), pitch int64 [..., P] (PITCHES
    where left out); most_nats float64 [..., P], what a slot could cost.
    """

    length: Tensor
    slots: Tensor
    onset_ticks: Tensor
    pitch: Tensor
    most_nats: Tensor

    @property
    def numbers(self) -> Tensor:
        """What names a code among all: its length and its slots, int64 [..., 1 + P]."""
        return torch.cat([self.length[..., None], self.slots], dim=-1)

    def map(self, change: Callable[[Tensor], Tensor]) -> "Codes":
        """The same change made to every part."""
        return Codes(*(change(part) for part in self))


class Notes(NamedTuple):
    """What slots are to tell, int64 [N, P] each: onsets from the last one before the phrase, and pitches."""

    onset_ticks: Tensor
    pitch: Tensor


def moved_ticks(time: Tensor) -> Tensor:
    """Ticks by which an event of this time value, END among them, moves the clock: int64 of the same shape."""
    return elapsed_ticks(time).masked_fill(time == END, 0)


def notes_of(events: Tensor, valid: Tensor) -> Notes:
    """Phrases of events int64 [N, P, 4], valid bool [N, P] (padding at the end only), slot by slot."""
    moved = moved_ticks(events[..., 0]) * valid
    onset_ticks = moved.cumsum(-1)
    pitch = events[..., 1].masked_fill((events[..., 0] >= REST) | ~valid, NOTHING)
    chord = (moved > TOGETHER_TICKS).cumsum(-1)
    order = (chord * PITCHES + pitch).argsort(dim=-1, stable=True)
    return Notes(onset_ticks.gather(-1, order), pitch.gather(-1, order))


def length_of(ticks: Tensor) -> Tensor:
    """The code of phrases of so many ticks, int64 of their shape: exact below EXACT_LENGTHS, then in equal ratios."""
    ratio = torch.tensor(LENGTH_RATIO, dtype=torch.float64).log()
    beyond = ((ticks.clamp(min=EXACT_LENGTHS).double() / EXACT_LENGTHS).log() / ratio).floor().long()
    return torch.where(ticks < EXACT_LENGTHS, ticks, (EXACT_LENGTHS + beyond).clamp(max=LENGTHS - 1))


def shortest_ticks(length: Tensor) -> Tensor:
    """The fewest ticks of a length code, int64 of the same shape; LENGTHS, one beyond, is more than any phrase has."""
    beyond = EXACT_LENGTHS * torch.tensor(LENGTH_RATIO, dtype=torch.float64) ** (length - EXACT_LENGTHS)
    return torch.where(length < EXACT_LENGTHS, length, (beyond - 1e-6).ceil().long())


def middle_ticks(length: Tensor) -> Tensor:
    """The ticks that a length code stands for, int64 of the same shape."""
    return (shortest_ticks(length) + shortest_ticks(length + 1) - 1) // 2


def step_onsets(onset_ticks: Tensor, end_ticks: Tensor) -> Tensor:
    """Where each step leads, int64 [..., STEPS]: from onsets [...] in phrases that end at `end_ticks` [...]."""
    steps = torch.tensor(STEPS_TICKS, device=onset_ticks.device)
    return torch.cat([onset_ticks[..., None] + steps, end_ticks[..., None]], dim=-1)


def wave_features(ticks: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Sines and cosines of times in ticks on octave-spaced periods, [...] to `dtype` [..., 2 WAVES]."""
    periods = LONGEST_PERIOD_TICKS * 2.0 ** -torch.arange(WAVES, device=ticks.device, dtype=dtype)
    angle = 2 * torch.pi * ticks[..., None].to(dtype) / periods
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


class SlotEmbedding(nn.Module):
    """A slot's onset and pitch, and where in its phrase they stand."""

    def __init__(self, slots: int, width: int) -> None:
        super().__init__()
        self.slots = slots
        self.pitch = nn.Embedding(PITCHES + 2, width)  # beyond NOTHING: left out, and before the first slot
        self.times = nn.Linear(3 * 2 * WAVES, width)
        self.position = nn.Parameter(0.5 * torch.randn(slots, width))
        nn.init.normal_(self.pitch.weight, std=0.5)

    def forward(self, onset_ticks: Tensor, pitch: Tensor, end_ticks: Tensor, first: int = 0) -> Tensor:
        """onset_ticks, pitch int64 [N, T] of slots `first` on, in phrases of end_ticks int64 [N], to [N, T, width]."""
        positions = self.position[first : first + onset_ticks.shape[1]]
        end_ticks = end_ticks[:, None].expand_as(onset_ticks)
        times = torch.stack([onset_ticks, end_ticks - onset_ticks, end_ticks], dim=-1)
        return self.pitch(pitch) + positions + self.times(wave_features(times, positions.dtype).flatten(-2))

    def before(self, onset_ticks: Tensor, pitch: Tensor, end_ticks: Tensor) -> Tensor:
        """What is known before T + 1 slots: onset_ticks, pitch int64 [N, T] of the first T to [N, T + 1, width]."""
        onset_ticks = nn.functional.pad(onset_ticks, (1, 0))
        return self(onset_ticks, nn.functional.pad(pitch, (1, 0), value=PITCHES + 1), end_ticks)


class PairScores(nn.Module):
    """Scores of every step and pitch; a pitch's hang on the step, for notes of one chord differ from those after it."""

    def __init__(self, width: int, narrow: int) -> None:
        super().__init__()
        self.step = nn.Linear(width, STEPS)
        self.narrow = nn.Linear(width, narrow, bias=False)
        self.of_step = nn.Parameter(0.5 * torch.randn(STEPS, narrow))
        self.pitch = nn.Linear(narrow, PITCHES)
        for layer in (self.step, self.pitch):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [..., width] to scores of steps [..., STEPS] and of pitches after each [..., STEPS, PITCHES]."""
        return self.step(x), self._pitches(x, self.of_step)

    def after(self, x: Tensor, step: Tensor) -> Tensor:
        """Scores of pitches after some steps alone: x [..., width], step int64 [..., k] to [..., k, PITCHES]."""
        return self._pitches(x, self.of_step[step])

    def _pitches(self, x: Tensor, of_step: Tensor) -> Tensor:
        return self.pitch(torch.relu(self.narrow(x)[..., None, :] + of_step).square())
