"""How long, how fast and on what to train: torch-free dataclasses that become command-line flags."""

from dataclasses import dataclass
from typing import Annotated

from losscal.settings import Count, CountOrNone, PositiveShare, Range, Settings, Share, TrainingSeed


@dataclass(frozen=True)
class OptimConfig(Settings):
    """Muon on the matrices of the transformer and chain blocks, AdamW on everything else.

    Args:
        steps: optimiser steps of the whole run; the learning rate falls to zero at the last one.
        muon_lr: learning rate of Muon (Jordan et al. 2024); 0 leaves the matrices to AdamW.
        adamw_lr: learning rate of AdamW (embeddings, output layers, biases).
        weight_decay: decoupled weight decay of the matrices under Muon.
        warmup_steps: steps of linear warm-up.
        decay_share: last share of the steps over which the rate falls linearly to zero.
        clip_norm: gradients are scaled down to this global norm.
    """

    steps: Annotated[int, Range(1, 1_000_000_000)] = 6000
    muon_lr: Annotated[float, Range(0, 100)] = 0.02
    adamw_lr: Annotated[float, Range(0, 100, low_open=True)] = 1.5e-3
    weight_decay: Annotated[float, Range(0, 1000)] = 0.1
    warmup_steps: Annotated[int, Range(0, 1_000_000_000)] = 100
    decay_share: PositiveShare = 0.6
    clip_norm: Annotated[float, Range(0, 1_000_000, low_open=True)] = 1.0

    def rate(self, step: int) -> float:
        """The factor on the learning rates at `step`: warm-up, plateau, linear decay to zero."""
        warm = (step + 1) / (self.warmup_steps + 1)
        left = (self.steps - step) / (self.decay_share * self.steps)
        return max(0.0, min(1.0, warm, left))


@dataclass(frozen=True)
class CropConfig(Settings):
    """Which excerpts of the training pieces are seen, and how they are varied (training only).

    Args:
        batch_size: excerpts a step.
        crop_events: events an excerpt holds.
        recalled_notes: most notes before an excerpt that can be recalled in it.
        steps_per_epoch: steps between two validations.
        opening_share: share of the excerpts that begin where the piece begins.
        transpose_down: most semitones down.
        transpose_up: most semitones up.
        tempo_share: tempo varies by up to this share either way.
        velocity_bins: velocity shifts by up to this many bins either way.
        style_share: share of the excerpts whose composer, era or both are given to the model.
        validation_notes: notes scored of each validation piece, from its start.
        composer_evenness: 0 draws pieces by their notes, 1 all composers alike; between, by their notes to the power of
            1 less this.
        seed: of the excerpts and their variations.
    """

    batch_size: Count = 2
    crop_events: Count = 1024
    recalled_notes: CountOrNone = 8192
    steps_per_epoch: Annotated[int, Range(1, 1_000_000_000)] = 500
    opening_share: Share = 0.1
    transpose_down: Annotated[int, Range(0, 87)] = 5
    transpose_up: Annotated[int, Range(0, 87)] = 6
    tempo_share: Annotated[float, Range(0, 1, high_open=True)] = 0.1
    velocity_bins: Annotated[int, Range(0, 31)] = 2
    style_share: Share = 0.5
    validation_notes: Count = 2048
    composer_evenness: Share = 0.5
    seed: TrainingSeed = 1


@dataclass(frozen=True)
class CodecTrainingConfig(Settings):
    """How the codebooks of phrases are trained.

    Args:
        fewer_bits_share: share of the phrases whose codes spend only a part of the bits, by a draw.
        ema_decay: decay a step of the averaged weights, which are validated and written.
        seed: of the draws.
    """

    fewer_bits_share: Share = 0.4
    ema_decay: Annotated[float, Range(0, 1, low_open=True, high_open=True)] = 0.99
    seed: TrainingSeed = 1


@dataclass(frozen=True)
class PhraseTrainingConfig(Settings):
    """How the two readings of the model share a step.

    Args:
        told_weight: weight of the notes' nats under their codes beside the notes' read by themselves.
        fewer_bits_share: share of the phrases whose codes are of a lower rate, by a draw.
        added_rate: learning rates of what recalls, is told codes and predicts them, over those of the trunk.
        ema_decay: decay a step of the averaged weights, which are validated and written.
        every_batch_for_rates: one in so many validation batches is also read at the lower rates.
        seed: of the draws.
    """

    told_weight: Annotated[float, Range(0, 1000)] = 0.5
    fewer_bits_share: Share = 0.4
    added_rate: Annotated[float, Range(0, 1000, low_open=True)] = 3.0
    ema_decay: Annotated[float, Range(0, 1, low_open=True, high_open=True)] = 0.999
    every_batch_for_rates: Count = 5
    seed: TrainingSeed = 1
