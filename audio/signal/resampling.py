"""Band-limited resampling of sound that arrives in blocks, without delay.

torchaudio does it where the `gpu` extra is installed, soxr (high quality) elsewhere. Away from the sound's two ends
they differ by less than TOLERANCE of a tone's amplitude, up to 0.85 of the lower Nyquist frequency; above it each rolls
off in its own way.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from itertools import chain

import numpy as np

from audio.signal.blocks import BLOCK_SAMPLES, excerpts

TOLERANCE = 1e-3
ZERO_CROSSINGS, ROLLOFF, KAISER_BETA = 64, 0.9475937167399596, 14.769656459379492
"""Of torchaudio's filter: what its documentation gives for the quality that librosa calls `kaiser_best`."""
MAX_UNIT_SAMPLES = 1000
"""torchaudio holds a filter of unit by unit samples (see `resampled_in_pieces`): rates without a common divisor would
need gigabytes, and soxr resamples them everywhere."""


def resampled_length(n_samples: int, source_rate: int, target_rate: int) -> int:
    """Samples that n_samples become: the nearest number, halves rounded up."""
    return (2 * n_samples * target_rate + source_rate) // (2 * source_rate)


def resampled(
    blocks: Iterable[np.ndarray], source_rate: int, target_rate: int, n_channels: int, n_samples: int
) -> Iterator[np.ndarray]:
    """Blocks [n_channels, n], n_samples in all, to blocks at `target_rate`, `resampled_length` in all; float32."""
    if source_rate == target_rate:
        return iter(blocks)
    if uses_torchaudio(source_rate, target_rate):
        return resampled_in_pieces(blocks, source_rate, target_rate, n_samples, _torchaudio_resample)
    return _resampled_by_soxr(blocks, source_rate, target_rate, n_channels)


def resampled_in_pieces(
    blocks: Iterable[np.ndarray],
    source_rate: int,
    target_rate: int,
    n_samples: int,
    resample: Callable[[np.ndarray, int, int], np.ndarray],
) -> Iterator[np.ndarray]:
    """As `resampled`, by a function (samples [channels, n], source_rate, target_rate) that knows no blocks.

    Pieces begin at whole units, the shortest span of both rates, and are resampled with so much sound on either side
    as a filter of ZERO_CROSSINGS reaches.
    """
    divisor = math.gcd(source_rate, target_rate)
    unit, target_unit = source_rate // divisor, target_rate // divisor
    n_units = max(1, BLOCK_SAMPLES // unit)  # of a piece
    reach_samples = ZERO_CROSSINGS / ROLLOFF * max(1.0, source_rate / target_rate)
    n_context_units = math.ceil(reach_samples / unit)
    n_left = resampled_length(n_samples, source_rate, target_rate)
    firsts = range(0, math.ceil(n_samples / unit), n_units)
    spans = [(max(0, first - n_context_units), first + n_units + n_context_units) for first in firsts]
    pieces = excerpts(blocks, ((first * unit, last * unit) for first, last in spans))
    for first, (context_first, _), piece in zip(firsts, spans, pieces, strict=True):
        start = (first - context_first) * target_unit
        n_new = min(n_left, n_units * target_unit)
        yield resample(piece, source_rate, target_rate)[:, start : start + n_new]
        n_left -= n_new


def _resampled_by_soxr(
    blocks: Iterable[np.ndarray], source_rate: int, target_rate: int, n_channels: int
) -> Iterator[np.ndarray]:
    import soxr

    stream = soxr.ResampleStream(source_rate, target_rate, n_channels)
    nothing = np.empty((0, n_channels), dtype=np.float32)
    for samples, is_end in chain(((block.T, False) for block in blocks), [(nothing, True)]):
        new = stream.resample_chunk(np.ascontiguousarray(samples), last=is_end).T
        if new.size:  # it holds samples back until it has heard enough
            yield new


def uses_torchaudio(source_rate: int, target_rate: int) -> bool:
    """Whether torchaudio is installed beside a CUDA build of torch (beside another it cannot be imported)."""
    unit = max(source_rate, target_rate) // math.gcd(source_rate, target_rate)
    if unit > MAX_UNIT_SAMPLES or find_spec("torchaudio") is None:
        return False
    import torch

    return torch.version.cuda is not None


def _torchaudio_resample(samples: np.ndarray, source_rate: int, target_rate: int) -> np.ndarray:
    """[channels, n] to [channels, ceil(n * target_rate / source_rate)], on a CUDA device where there is one."""
    import torch
    from torchaudio.functional import resample

    sound = torch.tensor(samples, device="cuda" if torch.cuda.is_available() else "cpu")
    new = resample(
        sound,
        source_rate,
        target_rate,
        lowpass_filter_width=ZERO_CROSSINGS,
        rolloff=ROLLOFF,
        resampling_method="sinc_interp_kaiser",
        beta=KAISER_BETA,
    )
    return new.cpu().numpy()
