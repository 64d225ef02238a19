"""EnCodec around MusicGen: sound of any length to codes and back in bounded memory, and how well the codes carry it.

Whole files would need memory in proportion to their length, so they are coded in chunks, each with surroundings that
are coded too and thrown away. EnCodec's convolutions reach a few frames; its LSTM remembers longer, and what it knew
before the surroundings is what a chunk's codes can differ by (EnCodec itself was trained on excerpts of 1 s).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import mean

import numpy as np
import torch
from torch import Tensor

from audio.musicgen.checkpoint import MusicGen
from audio.musicgen.config import LOUDNESS_LUFS
from audio.signal.blocks import excerpts
from audio.signal.waveform import Sound, normalise, resample, to_mono, without_dc

SPECTRUM_SAMPLES = (512, 1024, 2048)
SPECTRA_PER_FRAME = 4
LOG_FLOOR = 1e-5


@dataclass(frozen=True)
class ChunkConfig:
    """Frames coded at once: `frames` that are kept and the surroundings on either side (default 24 + 5 + 1 s)."""

    frames: int = 1200
    left_frames: int = 250
    right_frames: int = 50

    def __post_init__(self) -> None:
        if self.frames < 1 or self.left_frames < 0:
            raise ValueError(f"frames {self.frames}, left_frames {self.left_frames}: allowed are 1.. and 0..")
        if self.right_frames < 4:
            raise ValueError(f"right_frames {self.right_frames}: allowed is 4 and above, so far the spectra reach")


@dataclass(frozen=True)
class Chunk:
    """Frames first..last-1, which are kept, of context_first..context_last-1, which are coded."""

    first: int
    last: int
    context_first: int
    context_last: int

    @property
    def kept(self) -> slice:
        """Where the kept frames lie among the coded."""
        return slice(self.first - self.context_first, self.last - self.context_first)


@dataclass(frozen=True)
class Reconstruction:
    """What EnCodec loses: the codes, decoded, against the sound.

    waveform_l1: mean absolute difference of the samples. The other two are means over short-time spectra of 512, 1024
    and 2048 samples (Yamamoto et al. 2020, equations 4 and 5): spectral_convergence, the norm of the difference of the
    magnitudes over the norm of the sound's; log_magnitude_l1, the mean absolute difference of their natural logarithms.
    """

    waveform_l1: float
    spectral_convergence: float
    log_magnitude_l1: float


def prepared(musicgen: MusicGen, sound: Sound) -> Sound:
    """The sound as it is coded: at the checkpoint's rate and LOUDNESS_LUFS, in one or two channels.

    A mono checkpoint hears the mean of the channels; a stereo one two channels as they are, anything else as the mean
    on both. Nothing is clipped. Raises InputError where the sound is too quiet to have a loudness.
    """
    if not musicgen.channels == sound.n_channels == 2:
        sound = to_mono(sound)
    return normalise(resample(without_dc(sound), musicgen.sample_rate), LOUDNESS_LUFS)


def encode(musicgen: MusicGen, sound: Sound, config: ChunkConfig = ChunkConfig()) -> Tensor:
    """Prepared sound of N samples to codes, int64 [K, ceil(N / frame_samples)]."""
    return torch.cat([codes[:, chunk.kept] for chunk, _, codes in _coded_chunks(musicgen, sound, config)], dim=1)


def encode_and_compare(
    musicgen: MusicGen, sound: Sound, config: ChunkConfig = ChunkConfig()
) -> tuple[Tensor, Reconstruction]:
    """As `encode`, with the reconstruction loss of the same pass."""
    kept, sums = [], _ReconstructionSums(musicgen.frame_samples)
    for chunk, original, codes in _coded_chunks(musicgen, sound, config):
        kept.append(codes[:, chunk.kept])
        sums.add(original, _decode(musicgen, codes)[:, : original.shape[1]], chunk)
    return torch.cat(kept, dim=1), sums.result()


def decode(musicgen: MusicGen, codes: Tensor, config: ChunkConfig = ChunkConfig()) -> np.ndarray:
    """Codes [K, T] to sound, float32 [channels, T * frame_samples]."""
    pieces = []
    for chunk in _chunks(codes.shape[1], config):
        sound = _decode(musicgen, codes[:, chunk.context_first : chunk.context_last])
        start, stop = chunk.kept.start * musicgen.frame_samples, chunk.kept.stop * musicgen.frame_samples
        pieces.append(sound[:, start:stop].cpu().numpy())
    return np.concatenate(pieces, axis=1)


def _chunks(n_frames: int, config: ChunkConfig) -> Iterator[Chunk]:
    for first in range(0, n_frames, config.frames):
        last = min(first + config.frames, n_frames)
        yield Chunk(first, last, max(0, first - config.left_frames), min(n_frames, last + config.right_frames))


def _coded_chunks(musicgen: MusicGen, sound: Sound, config: ChunkConfig) -> Iterator[tuple[Chunk, Tensor, Tensor]]:
    """Chunks with the samples [channels, n] and the codes [K, frames] of their frames and surroundings."""
    size = musicgen.frame_samples
    chunks = list(_chunks(math.ceil(sound.n_samples / size), config))
    spans = ((chunk.context_first * size, chunk.context_last * size) for chunk in chunks)
    for chunk, samples in zip(chunks, excerpts(sound.blocks(), spans), strict=True):
        original = torch.tensor(samples, device=musicgen.device).expand(musicgen.channels, -1)
        yield chunk, original, _encode(musicgen, original)


@torch.inference_mode()
def _encode(musicgen: MusicGen, sound: Tensor) -> Tensor:
    """Sound [channels, N] at once to codes [K, T], the channels' codebooks alternating."""
    codes = musicgen.model.audio_encoder.encode(sound[:, None]).audio_codes[0]  # [channels, K / channels, T]
    return codes.transpose(0, 1).flatten(0, 1)


@torch.inference_mode()
def _decode(musicgen: MusicGen, codes: Tensor) -> Tensor:
    """Codes [K, T] at once to sound [channels, T * frame_samples]."""
    by_channel = codes.unflatten(0, (-1, musicgen.channels)).transpose(0, 1)  # [channels, K / channels, T]
    return musicgen.model.audio_encoder.decode(by_channel[None], [None]).audio_values[:, 0]


class _ReconstructionSums:
    """Sums over chunks, divided once; each spectrum of the file belongs to the chunk it begins in."""

    def __init__(self, frame_samples: int) -> None:
        self.frame_samples = frame_samples
        self.absolute, self.n_samples = 0.0, 0
        self.difference, self.energy, self.logs = (dict.fromkeys(SPECTRUM_SAMPLES, 0.0) for _ in range(3))
        self.n_bins = dict.fromkeys(SPECTRUM_SAMPLES, 0)

    def add(self, original: Tensor, decoded: Tensor, chunk: Chunk) -> None:
        """Take up a chunk: the sound of its frames and surroundings, both [channels, samples]."""
        start, stop = chunk.kept.start * self.frame_samples, chunk.kept.stop * self.frame_samples
        difference = (original[:, start:stop] - decoded[:, start:stop]).abs()
        self.absolute += float(difference.sum(dtype=torch.float64))
        self.n_samples += difference.numel()
        for size in SPECTRUM_SAMPLES:
            of_original, of_decoded = (self._magnitudes(sound, start, stop, size) for sound in (original, decoded))
            self.difference[size] += float((of_original - of_decoded).square().sum(dtype=torch.float64))
            self.energy[size] += float(of_original.square().sum(dtype=torch.float64))
            logs = of_original.clamp_min(LOG_FLOOR).log() - of_decoded.clamp_min(LOG_FLOOR).log()
            self.logs[size] += float(logs.abs().sum(dtype=torch.float64))
            self.n_bins[size] += logs.numel()

    def result(self) -> Reconstruction:
        """The means."""
        return Reconstruction(
            waveform_l1=self.absolute / self.n_samples,
            spectral_convergence=mean(
                math.sqrt(self.difference[size] / self.energy[size]) for size in SPECTRUM_SAMPLES
            ),
            log_magnitude_l1=mean(self.logs[size] / self.n_bins[size] for size in SPECTRUM_SAMPLES),
        )

    def _magnitudes(self, sound: Tensor, start: int, stop: int, size: int) -> Tensor:
        """Magnitudes [channels, bins, n] of the spectra that begin in start..stop-1; beyond the sound is silence."""
        hop = self.frame_samples // SPECTRA_PER_FRAME
        needed = stop - hop + size
        padded = torch.nn.functional.pad(sound, (0, max(0, needed - sound.shape[1])))[:, start:needed]
        window = torch.hann_window(size, device=sound.device)
        return torch.stft(padded, size, hop, window=window, center=False, return_complex=True).abs()
