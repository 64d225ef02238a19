"""The symbolic model small enough to enumerate, with weights far from the all-uniform start."""

from dataclasses import replace

import torch

from symbolic.models.phrases.config import PhraseConfig
from symbolic.models.phrases.model import PhraseGPT
from symbolic.models.registry import save_model, weights_path

TINY = PhraseConfig(
    layers=2, width=16, heads=2, window_events=16, recent_events=6, phrase_events=4, note_bits=26, rates=3,
    codec_width=8, codec_layers=1, code_layers=1, heard_states=6, recall_events=64,
    composers=("Bach", "Liszt"), eras=("baroque",),
)  # fmt: skip
UNTRAINED = replace(TINY, layers=1, composers=(), eras=())
READINGS = {"events": False, "vqvae": True}
"""The views of notes, and whether their notes are told codes."""


def randomised(model):
    """Weights far from the all-uniform start, so that every path carries information."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return model.eval()


def tiny_model(config=TINY):
    return randomised(PhraseGPT(config))


def save_tiny(folder, model):
    """The model as a weights file in the folder, where the views look for it."""
    path = weights_path(folder)
    save_model(path, model.state_dict(), story={"configs": {"phrases": vars(model.config)}})
    return path
