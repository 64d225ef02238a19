"""transkun's network in blocks of frames, bands and keys, so that a segment takes 240 MiB instead of 960.

The package scores all spans of time of all 90 keys and pedals at once: 90 matrices of 690 x 690, in five copies. A
key's spans are chosen without those of others, a frame's spectra are made without other frames, and a layer attends
to the bands of a frame or to the frames of a band; so each is computed for a few at a time, by the package's own code.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

BLOCK_FRAMES = 100
"""Whose spectra are computed at once, of six windows each: 20 MB."""
BLOCK_ROWS = 8
"""Of frames that attend to their bands, or of bands that do to their frames, at once."""
BLOCK_KEYS = 3
"""Whose spans are scored at once: 6 MB a copy."""
Intervals = list[list[tuple[int, int]]]
"""The first and last frames of what each key plays."""


def compute_in_blocks(model: Any) -> None:
    """Let a transkun.ModelTransformer.TransKun compute in blocks; what it hears stays the same."""
    features = model.framewiseFeatureExtractor
    features.forward = partial(_in_blocks, features.forward, BLOCK_FRAMES, 2)
    upsampling = model.backbone.upConv1dSkip
    upsampling.forward = partial(_in_blocks, upsampling.forward, BLOCK_KEYS, 0)
    for layer in model.backbone.encoderLayers:
        for block in (layer.mhaBlockF, layer.fnnBlockF, layer.mhaBlockT, layer.fnnBlockT):
            block.forward = partial(_in_blocks, block.forward, BLOCK_ROWS, 1)
    model.processFramesBatch = partial(_scores_by_key, model)


@dataclass(frozen=True)
class _ScoresByKey:
    """In the place of transkun's CRF: scores the spans of a few keys when it chooses among them.

    scorer: scores spans. context: float32 [1, keys, frames, width], of a segment.
    """

    scorer: Callable[["torch.Tensor"], tuple["torch.Tensor", "torch.Tensor"]]
    context: "torch.Tensor"

    def decode(self, forcedStartPos: Sequence[int], forward: bool) -> Intervals:  # noqa: N803 (transkun's name)
        """As `transkun.CRF.NeuralSemiCRFInterval.decode`."""
        from transkun.CRF import NeuralSemiCRFInterval

        intervals: Intervals = []
        for first in range(0, self.context.shape[1], BLOCK_KEYS):
            keys = slice(first, first + BLOCK_KEYS)
            spans, gaps = self.scorer(self.context[:, keys])
            crf = NeuralSemiCRFInterval(spans.flatten(-2, -1), gaps.flatten(-2, -1))
            intervals += crf.decode(forcedStartPos=list(forcedStartPos[keys]), forward=forward)
        return intervals


def _scores_by_key(model: Any, frames: "torch.Tensor") -> tuple[_ScoresByKey, "torch.Tensor"]:
    """As `TransKun.processFramesBatch`, of one segment: frames [1, channels, frames, samples], normalised alike."""
    import torch

    mean, deviation = (of(frames, dim=[1, 2, 3], keepdim=True) for of in (torch.mean, torch.std))
    features = model.framewiseFeatureExtractor((frames - mean) / (deviation + 1e-8))
    context = model.backbone(features.flatten(0, 1), outputIndices=torch.tensor(model.targetMIDIPitch))
    return _ScoresByKey(model.scorer, context), context


def _in_blocks(compute: Callable[..., "torch.Tensor"], size: int, dim: int, *values: "torch.Tensor") -> "torch.Tensor":
    """What `compute` makes of `values`, of `size` along a dimension at a time; it leaves that one's length as it is."""
    n_values, made = values[0].shape[dim], None
    for first in range(0, n_values, size):
        length = min(size, n_values - first)
        block = compute(*(of.narrow(dim, first, length) for of in values))
        if made is None:  # not joined at the end, when all would be there twice
            made = block.new_empty([n_values if at == dim else n for at, n in enumerate(block.shape)])
        made.narrow(dim, first, length).copy_(block)
    return made
