"""Predicts a phrase's code from what has been played: its length, then slot after slot, each knowing those before.

A slot's codebook says which pairs can be told and how likely each is within the phrase; the head adds what the music
before makes of them. It attends to the trunk's states of the last events, because one state that was made to predict
one note does not hold the eight that follow. Untrained it leaves the codebooks' own probabilities.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from symbolic.models.phrases.blocks import ContextAttention, PhraseAttention, rms_norm
from symbolic.models.phrases.codebooks import Codebooks, Slot
from symbolic.models.phrases.codec import Codes, PairScores, SlotEmbedding, middle_ticks
from symbolic.models.phrases.config import LENGTHS, PhraseConfig
from symbolic.models.phrases.votes import Heard, RecalledSketch, Votes
from symbolic.models.transformer import MLP


class CodeHead(nn.Module):
    """A small transformer over the parts of a code, told the trunk's state before the phrase."""

    def __init__(self, config: PhraseConfig) -> None:
        super().__init__()
        width = config.width
        self.state = nn.Linear(width, width, bias=False)
        self.opening = nn.Parameter(torch.zeros(width))  # what stands for a code before its length is known
        self.slot = SlotEmbedding(config.phrase_events, width)
        layers = range(config.code_layers)
        self.look = nn.ModuleList(ContextAttention(width, config.heads) for _ in layers)
        self.attention = nn.ModuleList(PhraseAttention(width, config.heads) for _ in layers)
        self.mlp = nn.ModuleList(MLP(width, 2 * width) for _ in layers)
        self.lag = nn.Parameter(torch.zeros(config.heard_states, 2 * width))
        self.to_length = nn.Linear(width, LENGTHS)
        self.scores = PairScores(width, width // 2)
        self.recalled = RecalledSketch(width)
        self.votes = Votes(config.phrase_events, width, config.heard_states)
        self.left_out = nn.Linear(width, 1)
        for layer in (self.to_length, self.left_out):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, heard: Heard, onset_ticks: Tensor, pitch: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of lengths [N, LENGTHS], and of what T + 1 slots add to their codebooks' [N, T + 1, PAIRS + 1].

        onset_ticks, pitch int64 [N, T] that the first slots tell, length int64 [N]; each part is given those before.
        """
        slots = self.slot.before(onset_ticks, pitch, middle_ticks(length))
        x = torch.cat([self.opening.expand(len(slots), 1, -1), slots], dim=1)
        x = x + self.state(rms_norm(heard.states[:, -1:])) + self.recalled(heard.recalled, self.slot)[:, : x.shape[1]]
        context, visible = rms_norm(heard.states), heard.there[:, None, None]
        earlier = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).tril()
        for look, attention, mlp in zip(self.look, self.attention, self.mlp, strict=True):
            x = x + look(rms_norm(x), look.keys(context) + self.lag, visible)
            x = x + attention(rms_norm(x), earlier)
            x = x + mlp(rms_norm(x))
        x = rms_norm(x)
        steps, pitches = self.scores(x[:, 1:])  # [N, T + 1, STEPS], [N, T + 1, STEPS, PITCHES]
        together, after = self.votes(x[:, 1:], heard)[:, :, :, None].unbind(1)
        pitches = torch.cat([pitches[..., :1, :] + together, pitches[..., 1:, :] + after], dim=-2)
        of_entry = torch.cat([(steps[..., None] + pitches).flatten(-2), self.left_out(x[:, 1:])], dim=-1)
        return self.to_length(x[:, 0]).float(), of_entry.float()

    def nats(self, heard: Heard, codes: Codes, entry_nats: Tensor) -> Tensor:
        """-log p of the parts of N codes, [N, 1 + P], the length's first; entry_nats [N, P, PAIRS + 1]."""
        of_length, of_slots = self(heard, codes.onset_ticks[:, :-1], codes.pitch[:, :-1], codes.length)
        length = F.cross_entropy(of_length, codes.length, reduction="none")
        slots = (of_slots - entry_nats.float()).log_softmax(-1).gather(-1, codes.slots[..., None])[..., 0]
        return torch.cat([length[:, None], -slots], dim=1)

    def draw(self, heard: Heard, codebooks: Codebooks, note_bits: float, choose: Callable[[Tensor], Tensor]) -> Codes:
        """The codes of N phrases as `choose` takes their parts, int64 [N], from the scores of each, float32 [N, K]."""
        nothing = torch.zeros((len(heard.states), 0), dtype=torch.long, device=heard.states.device)
        length = choose(self(heard, nothing, nothing, nothing.new_zeros(len(nothing)))[0])

        def chosen(slot: int, here: Slot) -> Tensor:
            told = [torch.stack(part, dim=1) for part in zip(*here.told, strict=True)] if slot else [nothing, nothing]
            scores = self(heard, *told, length)[1][:, -1]
            return choose(scores - codebooks.entry_nats_of(here).float())

        return codebooks(length, torch.full(length.shape, note_bits, dtype=torch.float64), chosen)
