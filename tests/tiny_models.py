"""Symbolic models small enough to enumerate, with weights far from the all-uniform start."""

import torch

from symbolic.models.code_gpt import CodeGPT
from symbolic.models.configs import GPTConfig, VQVAEConfig
from symbolic.models.event_gpt import EventGPT

TINY = GPTConfig(layers=2, width=16, heads=2, context_events=16, composers=("Bach", "Liszt"), eras=("baroque",))
TINY_VQVAE = VQVAEConfig(time_levels=(3, 4), pitch_levels=(5,), velocity_levels=(2,), duration_levels=(4,), width=8)


def randomised(model):
    """Weights far from the all-uniform start, so that every path carries information."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return model.eval()


MODELS = {
    "events": lambda: randomised(EventGPT(TINY)),
    "vqvae": lambda: randomised(CodeGPT(TINY, TINY_VQVAE)),
}
