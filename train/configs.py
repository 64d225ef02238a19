"""How long, how fast and on what to train: torch-free dataclasses that become command-line flags."""

from dataclasses import dataclass

from symbolic.models.configs import require


@dataclass(frozen=True)
class OptimConfig:
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

    steps: int = 6000
    muon_lr: float = 0.02
    adamw_lr: float = 1.5e-3
    weight_decay: float = 0.1
    warmup_steps: int = 100
    decay_share: float = 0.6
    clip_norm: float = 1.0

    def __post_init__(self) -> None:
        require(self.steps >= 1, f"steps: {self.steps} is below 1")
        require(self.muon_lr >= 0, f"muon_lr: {self.muon_lr} is below 0")
        require(self.adamw_lr > 0, f"adamw_lr: {self.adamw_lr} must be above 0")
        require(self.weight_decay >= 0, f"weight_decay: {self.weight_decay} is below 0")
        require(self.warmup_steps >= 0, f"warmup_steps: {self.warmup_steps} is below 0")
        require(0 < self.decay_share <= 1, f"decay_share: {self.decay_share} is outside (0, 1]")
        require(self.clip_norm > 0, f"clip_norm: {self.clip_norm} must be above 0")

    def rate(self, step: int) -> float:
        """The factor on the learning rates at `step`: warm-up, plateau, linear decay to zero."""
        warm = (step + 1) / (self.warmup_steps + 1)
        left = (self.steps - step) / (self.decay_share * self.steps)
        return max(0.0, min(1.0, warm, left))


@dataclass(frozen=True)
class CropConfig:
    """Which excerpts of the training pieces are seen, and how they are varied (training only).

    Args:
        batch_size: excerpts a step.
        crop_events: events an excerpt holds.
        steps_per_epoch: steps between two validations.
        opening_share: share of the excerpts that begin where the piece begins.
        transpose_down: most semitones down.
        transpose_up: most semitones up.
        tempo_share: tempo varies by up to this share either way.
        velocity_bins: velocity shifts by up to this many bins either way.
        style_share: share of the excerpts whose composer, era or both the model is told.
        validation_notes: notes scored of each validation piece, from its start.
        seed: of the excerpts and their variations.
    """

    batch_size: int = 4
    crop_events: int = 512
    steps_per_epoch: int = 500
    opening_share: float = 0.1
    transpose_down: int = 5
    transpose_up: int = 6
    tempo_share: float = 0.1
    velocity_bins: int = 2
    style_share: float = 0.5
    validation_notes: int = 512
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("batch_size", "crop_events", "steps_per_epoch", "validation_notes"):
            require(getattr(self, name) >= 1, f"{name}: {getattr(self, name)} is below 1")
        for name in ("opening_share", "style_share"):
            require(0 <= getattr(self, name) <= 1, f"{name}: {getattr(self, name)} is outside [0, 1]")
        for name in ("transpose_down", "transpose_up", "velocity_bins"):
            require(getattr(self, name) >= 0, f"{name}: {getattr(self, name)} is below 0")
        require(0 <= self.tempo_share < 1, f"tempo_share: {self.tempo_share} is outside [0, 1)")
