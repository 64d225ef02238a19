"""The melody that MusicGen Melody follows: the strongest pitch class of each 128 ms of a recording.

The recipe is the one its checkpoints were trained with (Copet et al. 2023, section 2.2; in training the drums and the
bass were taken out first, which a piano has no need of). transformers computes the same, but only beside torchaudio.
"""

import numpy as np
import torch
from torch import Tensor

CHROMA_HOP_SAMPLES = 4096
CHROMA_WINDOW_SAMPLES = 16384


def one_hot_chroma(samples: np.ndarray, sample_rate: int, n_chroma: int) -> Tensor:
    """Mono samples float32 [N] to the strongest pitch class, C first, of each hop: float32 [1 + N // hop, n_chroma]."""
    from transformers.audio_utils import chroma_filter_bank

    sound = torch.from_numpy(np.pad(samples, (0, max(0, CHROMA_WINDOW_SAMPLES - len(samples)))))
    window = torch.hann_window(CHROMA_WINDOW_SAMPLES)
    spectrum = torch.stft(sound, CHROMA_WINDOW_SAMPLES, CHROMA_HOP_SAMPLES, window=window, return_complex=True)
    filters = chroma_filter_bank(CHROMA_WINDOW_SAMPLES, n_chroma, sample_rate)  # [n_chroma, window / 2 + 1]
    chroma = torch.from_numpy(filters).float() @ spectrum.abs().square()  # [n_chroma, L]
    return torch.nn.functional.one_hot(chroma.argmax(dim=0), n_chroma).float()
