"""The VQ-VAE of phrases: eight events become four codes, and codes become hints for the events behind them.

The encoder reads a phrase and nothing else, in time from the phrase's start, so that equal music has equal codes
wherever it stands. The quantiser is finite scalar, so that no code can die. Its stages quantise coordinates of their
own instead of one another's residuals: a residual of the same few coordinates would say the same thing more exactly,
where notes need many coarse things said. In training the later stages are left out at random (nested dropout, Rippel et
al. 2014), so that the first ones say what matters most and a phrase can be had at every rate.
"""

import torch
from torch import Tensor, nn

from symbolic.models.copying import elapsed_ticks
from symbolic.models.event_gpt import EventEmbedding
from symbolic.models.fsq import FSQ
from symbolic.models.phrases.blocks import PhraseAttention, rms_norm
from symbolic.models.phrases.config import PhraseConfig
from symbolic.models.transformer import MLP
from symbolic.tokens.events import REST

LONGEST_PERIOD_TICKS = 8192
WAVES = 12


def wave_features(ticks: Tensor) -> Tensor:
    """Sines and cosines of times in ticks on octave-spaced periods, int64 [...] to float32 [..., 24]."""
    periods = LONGEST_PERIOD_TICKS * 2.0 ** -torch.arange(WAVES, device=ticks.device)
    angle = 2 * torch.pi * ticks[..., None] / periods
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


class PhraseEncoder(nn.Module):
    """Phrases of P events to the coordinates of their codes, before quantisation."""

    def __init__(self, config: PhraseConfig) -> None:
        super().__init__()
        width, events = config.codec_width, config.phrase_events
        self.embedding = EventEmbedding(width)
        self.position = nn.Parameter(0.5 * torch.randn(events, width))
        self.onset = nn.Linear(2 * WAVES, width, bias=False)
        self.offset = nn.Linear(2 * WAVES, width, bias=False)
        self.attention = nn.ModuleList(PhraseAttention(width, config.heads) for _ in range(config.codec_layers))
        self.mlp = nn.ModuleList(MLP(width, 4 * width) for _ in range(config.codec_layers))
        self.to_code = nn.Linear(events * width, config.code_values)
        nn.init.normal_(self.to_code.weight, std=1.5 * (events * width) ** -0.5)  # all levels are in use from the start
        nn.init.zeros_(self.to_code.bias)

    def forward(self, events: Tensor, valid: Tensor) -> Tensor:
        """Events int64 [N, P, 4], valid bool [N, P] (padding at the end only) to coordinates [N, code values]."""
        time = events[..., 0]
        ticks = (elapsed_ticks(time) * valid).cumsum(-1)
        onset = ticks - ticks[:, :1]
        sounding = (time < REST)[..., None]
        x = self.embedding(events) + self.position + self.onset(wave_features(onset))
        x = x + self.offset(wave_features(onset + events[..., 3] + 1)) * sounding
        visible = valid[:, None, None, :] | torch.eye(valid.shape[1], dtype=torch.bool, device=valid.device)[None, None]
        for attention, mlp in zip(self.attention, self.mlp, strict=True):
            x = x + attention(rms_norm(x), visible)
            x = x + mlp(rms_norm(x))
        return self.to_code((rms_norm(x) * valid[..., None]).flatten(1))


class PhraseQuantiser(nn.Module):
    """Coordinates to the nearest of a few levels, stage by stage: codes, and the values they stand for."""

    def __init__(self, config: PhraseConfig) -> None:
        super().__init__()
        self.stages = config.stages
        self.grid = FSQ(config.levels)

    def forward(self, coordinates: Tensor) -> tuple[Tensor, Tensor]:
        """[N, code values] to (values [N, stages, len(levels)] in [-1, 1], codes int64 [N, stages])."""
        with torch.autocast(coordinates.device.type, enabled=False):  # a code must not hang on a run's precision
            return self.grid(coordinates.float().unflatten(-1, (self.stages, -1)))

    def values_of(self, codes: Tensor) -> Tensor:
        """Codes int64 [..., stages] back to the values [..., stages, len(levels)] that `forward` gave."""
        return self.grid.values_of(codes)


class PhraseDecoder(nn.Module):
    """The trunk's states of a phrase's events, told what its code says: what the notes are then predicted from.

    The states know the past alone. The code unfolds into a hint for each event of the phrase, and a block lets the
    events compare what was hinted with what has been played. Untrained it lets the states pass: a code says nothing.
    """

    def __init__(self, config: PhraseConfig) -> None:
        super().__init__()
        width, events = config.width, config.phrase_events
        self.events = events
        self.up = nn.Linear(config.code_values + config.stages, config.slot_width)
        self.hint = nn.Linear(config.slot_width, events * width, bias=False)
        self.position = nn.Parameter(torch.zeros(events, width))
        self.attention = PhraseAttention(width, config.heads)
        self.mlp = MLP(width, 2 * width)
        self.unknown_past = nn.Parameter(torch.zeros(width))
        nn.init.zeros_(self.hint.weight)

    def forward(self, states: Tensor, values: Tensor, stages_told: Tensor, blind: Tensor) -> Tensor:
        """states [N, P, D], values [N, stages, levels], stages_told int64 [N], blind bool [N] to states [N, P, D].

        stages_told: of so many stages the code is told; the others count as unknown. A blind phrase is decoded from its
        code alone: nothing of its states is used.
        """
        states = torch.where(blind[:, None, None], self.unknown_past, states)
        told = torch.arange(values.shape[1], device=values.device) < stages_told[:, None]  # [N, stages]
        code = torch.cat([(values * told[..., None]).flatten(1), told.to(values.dtype)], dim=-1)
        hints = self.hint(torch.relu(self.up(code)).square()).unflatten(-1, (self.events, -1))  # [N, P, D]
        x = states + (hints + self.position * told[:, :1, None])[:, : states.shape[1]]
        length = states.shape[1]
        earlier = torch.ones(length, length, dtype=torch.bool, device=states.device).tril()
        y = x + self.attention(rms_norm(x), earlier)
        y = y + self.mlp(rms_norm(y))
        return torch.where((stages_told > 0)[:, None, None], y, states)
