"""Resampling in blocks is resampling of the whole, by either library, and the two agree within the tolerance."""

import numpy as np
import pytest
import soxr

from audio.signal import resampling
from audio.signal.blocks import BLOCK_SAMPLES
from audio.signal.resampling import TOLERANCE, resampled, resampled_in_pieces, resampled_length, uses_torchaudio

RATES = [(44_100, 16_000), (48_000, 16_000), (11_025, 32_000), (8_000, 16_000), (44_099, 16_000)]


def in_blocks(samples, size):
    return [samples[:, start : start + size] for start in range(0, samples.shape[1], size)]


def noise(n_samples, n_channels=2):
    return np.random.default_rng(n_samples).standard_normal((n_channels, n_samples)).astype(np.float32)


def windowed_sinc(samples, source_rate, target_rate):
    """Resampling by its definition, for an array that is held as a whole: [channels, ceil(n * target / source)]."""
    cutoff = min(1.0, target_rate / source_rate)
    half_width = 16 / cutoff
    at = np.arange(-(-samples.shape[1] * target_rate // source_rate)) * source_rate / target_rate
    first = np.ceil(at - half_width).astype(int)
    index = first[:, None] + np.arange(int(2 * half_width) + 1)
    distance = at[:, None] - index
    window = np.where(np.abs(distance) < half_width, np.cos(np.pi * distance / (2 * half_width)) ** 2, 0.0)
    inside = (index >= 0) & (index < samples.shape[1])
    weights = cutoff * np.sinc(cutoff * distance) * window * inside
    return np.einsum("cni,ni->cn", samples[:, np.where(inside, index, 0)], weights)


@pytest.mark.parametrize(("source_rate", "target_rate"), RATES)
@pytest.mark.parametrize("size", [1000, BLOCK_SAMPLES])
def test_soxr_in_blocks_is_soxr_at_once(monkeypatch, source_rate, target_rate, size):
    monkeypatch.setattr(resampling, "uses_torchaudio", lambda source_rate, target_rate: False)
    samples = noise(2 * source_rate + 77)
    blocks = list(resampled(in_blocks(samples, size), source_rate, target_rate, 2, samples.shape[1]))
    assert all(block.shape[1] > 0 for block in blocks)
    wanted = soxr.resample(samples.T, source_rate, target_rate).T
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), wanted)
    assert wanted.shape[1] == resampled_length(samples.shape[1], source_rate, target_rate)


@pytest.mark.parametrize(("source_rate", "target_rate"), RATES[:4])
@pytest.mark.parametrize("n_samples", [2, 300, 4_410, 20_000])
def test_pieces_overlap_so_far_that_no_seam_is_left(monkeypatch, source_rate, target_rate, n_samples):
    monkeypatch.setattr(resampling, "BLOCK_SAMPLES", 3000)
    samples = noise(n_samples)
    pieces = resampled_in_pieces(in_blocks(samples, 777), source_rate, target_rate, n_samples, windowed_sinc)
    got = np.concatenate(list(pieces), axis=1)
    assert got.shape[1] == resampled_length(n_samples, source_rate, target_rate)
    np.testing.assert_allclose(got, windowed_sinc(samples, source_rate, target_rate)[:, : got.shape[1]], atol=1e-9)


def test_pieces_are_short_and_come_as_they_are_read(monkeypatch):
    monkeypatch.setattr(resampling, "BLOCK_SAMPLES", 3000)
    lengths = []

    def watched(samples, source_rate, target_rate):
        lengths.append(samples.shape[1])
        return windowed_sinc(samples, source_rate, target_rate)

    pieces = resampled_in_pieces(in_blocks(noise(50_000), 1000), 48_000, 16_000, 50_000, watched)
    next(pieces)
    assert len(lengths) == 1
    assert sum(1 for _ in pieces) == len(lengths) - 1 == 16 and max(lengths) < 3500


def test_equal_rates_change_nothing():
    samples = noise(100)
    (block,) = resampled([samples], 16_000, 16_000, 2, 100)
    assert block is samples


def test_torchaudio_is_asked_where_it_is_installed_beside_cuda(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(resampling, "find_spec", lambda name: object())
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    assert uses_torchaudio(44_100, 16_000) and not uses_torchaudio(44_099, 16_000)
    monkeypatch.setattr(torch.version, "cuda", None)
    assert not uses_torchaudio(44_100, 16_000)
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(resampling, "find_spec", lambda name: None)
    assert not uses_torchaudio(44_100, 16_000)


@pytest.mark.skipif(not uses_torchaudio(44_100, 16_000), reason="the gpu extra is not installed")
@pytest.mark.parametrize(("source_rate", "target_rate"), RATES[:4])
def test_torchaudio_and_soxr_agree_within_the_tolerance(monkeypatch, source_rate, target_rate):
    n_samples = 4 * source_rate
    for share in (0.01, 0.1, 0.4, 0.7, 0.85):
        phase = np.pi * share * min(source_rate, target_rate) / source_rate * np.arange(n_samples)
        samples = np.sin(phase)[None].astype(np.float32)
        by_torchaudio = list(resampled(in_blocks(samples, 7000), source_rate, target_rate, 1, n_samples))
        by_soxr = soxr.resample(samples[0], source_rate, target_rate)
        difference = np.concatenate(by_torchaudio, axis=1)[0] - by_soxr
        assert np.abs(difference[2000:-2000]).max() < TOLERANCE
