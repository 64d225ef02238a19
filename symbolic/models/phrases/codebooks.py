"""The VQ-VAE's encoder and quantiser: codebooks that a network writes anew for each note, from the notes told before.

A fixed codebook for eight notes at once learns slowly and says little. Here each slot has a codebook of its own, all
pairs of a step and a pitch, and a network finds the likely ones after the sketch so far (an implicit neural codebook:
Huijben et al. 2024, "Residual Quantization with Implicit Neural Codebooks"). A phrase has so many bits: a pair costs
what its probability says (entropy-constrained quantisation: Chou, Lookabaugh & Gray 1989), and where one cannot be
afforded the sketch ends. So the first notes of a phrase are told, as many as the bits allow, and told rightly; the
number of codes is bounded by the bits, and fewer bits make a coarser code of the same network. The phrase alone
decides: equal music has equal codes wherever it stands.
"""

from collections.abc import Callable, Mapping, Sequence
from math import log
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from losscal.weights import config_of, load_module, load_weights, save_weights
from symbolic.models.phrases.blocks import PhraseAttention, rms_norm
from symbolic.models.phrases.codec import (
    LEFT_OUT,
    MOST_NEAR_STEPS,
    NEAR_TICKS,
    PITCHES,
    STEPS,
    Codes,
    Notes,
    PairScores,
    SlotEmbedding,
    middle_ticks,
    step_onsets,
)
from symbolic.models.phrases.config import PhraseConfig
from symbolic.models.transformer import MLP
from symbolic.tokens.events import vocabulary_hash

KIND = "codebooks"
"""What weights files call them."""

ENDED_NATS = -1.0
"""What the slots after the first that tells nothing may cost: not even what is free."""
ROUNDING_NATS = 1e-9
"""What costs may differ by between one slot at a time and all at once."""


class Slot(NamedTuple):
    """What there is to choose from in one slot of N phrases.

    told: (onset_ticks, pitch) int64 [N] of each slot before; x [N, width] after them; steps [N, STEPS], log p of each;
    onsets int64 [N, STEPS], where they lead; most_nats float64 [N], what the slot may cost.
    """

    told: Sequence[tuple[Tensor, Tensor]]
    x: Tensor
    steps: Tensor
    onsets: Tensor
    most_nats: Tensor


# (slot, what it can tell) -> the pairs that are wanted, or LEFT_OUT, int64 [N]
Choose = Callable[[int, Slot], Tensor]


class Codebooks(nn.Module):
    """Writes the codebook of each slot from the slots before it, over phrases [N] on their own."""

    def __init__(self, config: PhraseConfig) -> None:
        super().__init__()
        width, self.slots = config.codec_width, config.phrase_events
        self.embedding = SlotEmbedding(self.slots, width)
        self.attention = nn.ModuleList(PhraseAttention(width, config.heads) for _ in range(config.codec_layers))
        self.mlp = nn.ModuleList(MLP(width, 3 * width) for _ in range(config.codec_layers))
        self.scores = PairScores(width, width // 2)

    @torch.no_grad()
    def forward(self, length: Tensor, bits: Tensor, choose: Choose, *, skips: bool = False) -> Codes:
        """The codes of phrases of `length` int64 [N] that take in each slot what `choose` says, if they can afford it.

        bits float64 [N]: what the pairs of a phrase may cost together. skips: a slot left out does not end a sketch.
        """
        end_ticks, most_nats = middle_ticks(length), bits * log(2)
        onset_ticks, pitch = torch.zeros_like(length), torch.full_like(length, PITCHES + 1)
        told, caches = [], [None] * len(self.attention)
        for slot in range(self.slots):
            x = self.embedding(onset_ticks[:, None], pitch[:, None], end_ticks, first=slot)
            for layer, (attention, mlp) in enumerate(zip(self.attention, self.mlp, strict=True)):
                update, caches[layer] = attention.step(rms_norm(x), caches[layer])
                x = x + update
                x = x + mlp(rms_norm(x))
            onsets = step_onsets(onset_ticks, end_ticks)
            steps = possible(self.scores.step(rms_norm(x[:, 0])), onsets, is_last=slot == self.slots - 1)
            sketch = [(onset_ticks, pitch) for _, onset_ticks, pitch, _ in told]
            here = Slot(sketch, rms_norm(x[:, 0]), steps.log_softmax(-1), onsets, most_nats)
            wanted = choose(slot, here)
            step, wanted_pitch = (wanted // PITCHES).clamp(max=STEPS - 1), wanted % PITCHES
            cost = self.pair_nats(here, step[:, None])[:, 0].gather(1, wanted_pitch[:, None])[:, 0]
            is_told = (wanted != LEFT_OUT) & (cost <= most_nats + ROUNDING_NATS)
            onset_ticks = torch.where(is_told, onsets.gather(1, step[:, None])[:, 0], onset_ticks)
            pitch = torch.where(is_told, wanted_pitch, PITCHES)
            told.append((torch.where(is_told, wanted, LEFT_OUT), onset_ticks, pitch, most_nats))
            most_nats = torch.where(is_told, most_nats - cost, most_nats if skips else ENDED_NATS)
        return Codes(length, *(torch.stack(part, dim=1) for part in zip(*told, strict=True)))

    def pair_nats(self, here: Slot, step: Tensor) -> Tensor:
        """-log p of the pairs of these steps int64 [N, k] with every pitch: [N, k, PITCHES]."""
        return -(here.steps.gather(1, step)[..., None] + self.scores.after(here.x, step).log_softmax(-1))

    def encode(self, notes: Notes, length: Tensor, bits: Tensor) -> Codes:
        """The codes of phrases: notes as long as they can be afforded, by the cheapest step that leads near enough."""
        return self(length, bits, self._the_notes(notes))

    def encode_every_note(self, notes: Notes, length: Tensor) -> Codes:
        """The codes of phrases that tell each note that any step leads near enough to, whatever it costs."""
        bits = torch.full(length.shape, torch.inf, dtype=torch.float64, device=length.device)
        return self(length, bits, self._the_notes(notes), skips=True)

    def _the_notes(self, notes: Notes) -> Choose:

        def the_note(slot: int, here: Slot) -> Tensor:
            onset_ticks, pitch = notes.onset_ticks[:, slot, None], notes.pitch[:, slot, None]
            away = (here.onsets - onset_ticks).abs()
            away, step = away.topk(min(MOST_NEAR_STEPS, STEPS), dim=1, largest=False)
            cost = self.pair_nats(here, step).gather(2, pitch[..., None].expand(*step.shape, 1))[..., 0]
            cost, cheapest = cost.masked_fill(away > NEAR_TICKS, torch.inf).min(1)
            pair = step.gather(1, cheapest[:, None])[:, 0] * PITCHES + pitch[:, 0]
            return torch.where(cost.isfinite(), pair, LEFT_OUT)

        return the_note

    def decode(self, length: Tensor, slots: Tensor, bits: Tensor) -> Codes:
        """The codes of these numbers, length int64 [N] and slots int64 [N, P], with what they tell."""
        return self(length, bits, lambda slot, here: slots[:, slot])

    def entry_nats(self, codes: Codes) -> Tensor:
        """What each pair would have cost each slot, and leaving it out, which is free: float [N, P, PAIRS + 1].

        Infinite where it could not be afforded.
        """
        x, steps, _ = self._parallel(codes)
        return self._affordable(x, steps, codes.most_nats)

    def entry_nats_of(self, here: Slot) -> Tensor:
        """The same of one slot, [N, PAIRS + 1]."""
        return self._affordable(here.x, here.steps, here.most_nats)

    def _affordable(self, x: Tensor, steps: Tensor, most_nats: Tensor) -> Tensor:
        nats = -(steps[..., None] + self.scores(x)[1].log_softmax(-1)).flatten(-2)
        exceeds = nats > most_nats[..., None] + ROUNDING_NATS
        return F.pad(nats.masked_fill(exceeds, torch.inf), (0, 1))

    def note_nats(self, notes: Notes, codes: Codes) -> tuple[Tensor, Tensor]:
        """-log p of each slot's onset, near enough, and of its pitch after it, given the codes before: [N, P] each."""
        x, steps, onsets = self._parallel(codes)
        away = (onsets - notes.onset_ticks[..., None]).abs().masked_fill(steps.isinf(), torch.iinfo(torch.int64).max)
        is_near = away <= away.min(-1, keepdim=True)[0].clamp(min=NEAR_TICKS)
        near, step = steps.masked_fill(~is_near, -torch.inf).topk(min(MOST_NEAR_STEPS, STEPS), dim=-1)
        pitches = self.scores.after(x, step).log_softmax(-1)
        of_pitch = pitches.gather(-1, notes.pitch[..., None, None].expand(*step.shape, 1))[..., 0]
        onset = near.logsumexp(-1)
        return -onset, onset - (near + of_pitch).logsumexp(-1)

    def _parallel(self, codes: Codes) -> tuple[Tensor, Tensor, Tensor]:
        """Before every slot at once: states [N, P, width], log p of steps and where they lead, [N, P, STEPS] each."""
        end_ticks = middle_ticks(codes.length)
        x = self.embedding.before(codes.onset_ticks[:, :-1], codes.pitch[:, :-1], end_ticks)
        earlier = torch.ones(self.slots, self.slots, dtype=torch.bool, device=x.device).tril()
        for attention, mlp in zip(self.attention, self.mlp, strict=True):
            x = x + attention(rms_norm(x), earlier)
            x = x + mlp(rms_norm(x))
        x, before = rms_norm(x), F.pad(codes.onset_ticks[:, :-1], (1, 0))
        onsets = step_onsets(before, end_ticks[:, None].expand_as(before))
        is_last = torch.arange(self.slots, device=x.device) == self.slots - 1
        return x, possible(self.scores.step(x), onsets, is_last).log_softmax(-1), onsets


def possible(steps: Tensor, onsets: Tensor, is_last: Tensor | bool) -> Tensor:
    """Scores [..., STEPS] with impossible steps at -inf: none but the one to the end leads there or beyond.

    onsets int64 [..., STEPS]: where they lead; is_last: a phrase's last slot, which takes no other step.
    """
    beyond = (onsets >= onsets[..., -1:]) | torch.as_tensor(is_last, device=steps.device)[..., None]
    beyond[..., -1] = False
    return steps.masked_fill(beyond, -torch.inf)


def save_codebooks(path: str | Path, codebooks: Codebooks, story: Mapping[str, Any]) -> None:
    """Write codebooks; `story["configs"]["phrases"]` must rebuild them. The vocabulary's hash is added."""
    save_weights(path, codebooks.state_dict(), kind=KIND, story={**story, "vocabulary_hash": vocabulary_hash()})


def load_codebooks(path: str | Path) -> Codebooks:
    """Codebooks in evaluation mode; raises WeightsError where the file does not hold them."""
    state, story = load_weights(path, kind=KIND)
    config = config_of(PhraseConfig, story, "phrases", path)
    return load_module(lambda: Codebooks(config), state, path)
