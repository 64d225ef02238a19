"""Proofs, on a checkpoint at hand, that its likelihood is what it claims to be.

They hold for any weights, so a model of random ones is put to them in the tests; a user with released weights can put
those to them. Codes are drawn at random and windows are short: what is proved does not depend on either.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from audio.musicgen.checkpoint import MusicGen
from audio.musicgen.codec import ChunkConfig, encode, prepared
from audio.musicgen.config import DEFAULT_WINDOWS, CodeSamplingConfig, WindowConfig
from audio.musicgen.generation import continue_codes
from audio.musicgen.scoring import code_nats
from audio.musicgen.steps import delayed, seen, shifted, windows
from audio.signal.waveform import Sound, cut
from losscal.errors import InputError

TOLERANCE_NATS = 1e-3
"""What fp32 may differ by where sums are taken in another order."""
N_FRAMES = 110
SHORT_WINDOWS = WindowConfig(window_seconds=1.0, context_seconds=0.4)
LONG_WINDOW = WindowConfig(window_seconds=4.0, context_seconds=2.0)
"""One window for all N_FRAMES frames."""
SEED = 1
FIGURES_SECONDS = 40.0


@dataclass(frozen=True)
class Check:
    """One proof: what it claims, whether that holds, and the figure it was judged by."""

    claim: str
    passed: bool
    figure: str


def run_checks(musicgen: MusicGen) -> Iterator[Check]:
    """All proofs, one after the other."""
    generator = torch.Generator().manual_seed(SEED)
    shape = (musicgen.n_codebooks, N_FRAMES)
    codes = torch.randint(musicgen.n_codes, shape, generator=generator).to(musicgen.device)
    for check in CHECKS:
        yield check(musicgen, codes)


def codebook_order(musicgen: MusicGen, codes: Tensor) -> Check:
    """Our delay pattern and null condition against those of transformers' own forward pass."""
    difference = np.abs(_nats(musicgen, codes) - reference_nats(musicgen, codes)).max()
    return _check("codebook order: one pass equals transformers' own delay pattern", float(difference))


def windows_equal_single_passes(musicgen: MusicGen, codes: Tensor) -> Check:
    """What a window adds equals one pass over the window alone, from the file's first frame to its last."""
    whole = delayed(musicgen, torch.from_numpy(_nats(musicgen, codes, SHORT_WINDOWS)))
    difference = 0.0
    for window in windows(musicgen, whole.shape[1], SHORT_WINDOWS):
        alone = delayed(musicgen, torch.from_numpy(_nats(musicgen, codes[:, window.start : window.last])))
        gap = whole[:, window.first : window.last] - alone[:, window.new]
        difference = max(difference, float(gap.abs().max()))
    return _check("windowed = single pass where both fit, to the last frame", difference)


def prefix_consistency(musicgen: MusicGen, codes: Tensor) -> Check:
    """A cut leaves what lies before it alone, but for the frames whose delayed codes come after the cut."""
    cut = 2 * N_FRAMES // 3
    n_kept = cut - max(musicgen.delays)
    difference = (
        _nats(musicgen, codes, SHORT_WINDOWS)[:, :n_kept] - _nats(musicgen, codes[:, :cut], SHORT_WINDOWS)[:, :n_kept]
    )
    return _check("prefix consistency", float(np.abs(difference).max()))


def causality(musicgen: MusicGen, codes: Tensor) -> Check:
    """Another code changes its own likelihood and those at later steps, and nothing else."""
    frame = N_FRAMES // 2
    before = _nats(musicgen, codes)
    steps = np.arange(codes.shape[1]) + np.array(musicgen.delays)[:, None]  # [K, T]
    leaked, silent = 0.0, 0
    for codebook, lag in enumerate(musicgen.delays):
        mutated = codes.clone()
        mutated[codebook, frame] = (mutated[codebook, frame] + 1) % musicgen.n_codes
        change = np.abs(_nats(musicgen, mutated) - before)
        may_change = steps > frame + lag
        may_change[codebook, frame] = True
        leaked = max(leaked, float(change[~may_change].max()))
        silent += not change[steps > frame + lag].any()
    passed = leaked <= TOLERANCE_NATS and silent == 0
    return Check("causality: a changed code changes only later steps", passed, f"largest leak {leaked:.1e} nats")


def drawn_as_scored(musicgen: MusicGen, codes: Tensor) -> Check:
    """Greedy codes, drawn step by step from a cache, are the likeliest codes of the passes that score them."""
    greedy = CodeSamplingConfig(top_k=1)
    null, generator = musicgen.condition(), torch.Generator(musicgen.device).manual_seed(SEED)
    drawn = continue_codes(musicgen, codes[:, :0], N_FRAMES, null, greedy, generator, SHORT_WINDOWS)
    steps, worst = delayed(musicgen, drawn), 0.0
    for window in windows(musicgen, steps.shape[1], SHORT_WINDOWS):
        view = seen(musicgen, steps, window)
        logits = musicgen.logits(shifted(musicgen, view)[None], musicgen.prefix(null))[0, :, window.new]  # [K, new, V]
        is_code = view[:, window.new] != musicgen.fill
        of_drawn = logits.gather(2, view[:, window.new, None].clamp_max(musicgen.n_codes - 1))[..., 0]
        worst = max(worst, float((logits.amax(dim=2) - of_drawn)[is_code].max()))
    return _check("what is drawn greedily is what scores best", worst)


def position_table(musicgen: MusicGen, codes: Tensor) -> Check:
    """No pass, refused ones included, has made transformers extend the table of positions."""
    inputs = codes.new_full((1, musicgen.n_codebooks, musicgen.max_steps + 1), musicgen.fill)
    try:
        musicgen.logits(inputs, musicgen.prefix(musicgen.condition()))
        refused = False
    except InputError:
        refused = True
    n_positions = len(musicgen.model.decoder.model.decoder.embed_positions.weights)
    passed = refused and n_positions == musicgen.max_steps
    return Check("no step beyond the position table", passed, f"{n_positions} positions of {musicgen.max_steps}")


CHECKS: tuple[Callable[[MusicGen, Tensor], Check], ...] = (
    codebook_order,
    windows_equal_single_passes,
    prefix_consistency,
    causality,
    drawn_as_scored,
    position_table,
)


def reference_nats(musicgen: MusicGen, codes: Tensor) -> np.ndarray:
    """-log p of codes [K, T], float64 [K, T], in one pass by transformers' own delay pattern and null inputs."""
    model, n_frames = musicgen.model, codes.shape[1]
    start = codes.new_full((musicgen.n_codebooks, 1), musicgen.fill)
    max_length = n_frames + 1 + max(musicgen.delays)
    pattern = model.decoder.build_delay_pattern_mask(torch.cat([start, codes], dim=1), musicgen.fill, max_length)[1]
    nothing = codes.new_zeros(1, 1)  # a text of one masked token
    with torch.inference_mode():
        logits = model(input_ids=nothing, attention_mask=nothing, decoder_input_ids=pattern).logits
    log_p = logits[:, -max_length:].double().log_softmax(dim=-1)
    nats = np.empty(codes.shape)
    for codebook, lag in enumerate(musicgen.delays):
        for frame in range(n_frames):
            nats[codebook, frame] = -log_p[codebook, frame + lag, codes[codebook, frame]]
    return nats


def figures_on(musicgen: MusicGen, sound: Sound) -> dict[str, float]:
    """What the proofs cannot say, because it depends on weights and sound; on the first FIGURES_SECONDS.

    Chunked encoding may change a small share of the codes. Trained weights find the codebooks far likelier in their
    order than reversed; random ones do not care.
    """
    start = cut(sound, 0, min(sound.n_samples, round(FIGURES_SECONDS * sound.sample_rate)))
    start = prepared(musicgen, start)
    codes = encode(musicgen, start)
    whole = encode(musicgen, start, ChunkConfig(frames=codes.shape[1]))
    return {
        "share of codes that chunked encoding changes": float((codes != whole).double().mean()),
        "nats a code, codebooks in order": float(_nats(musicgen, codes, DEFAULT_WINDOWS).mean()),
        "nats a code, codebooks reversed": float(_nats(musicgen, codes.flip(0), DEFAULT_WINDOWS).mean()),
    }


def _nats(musicgen: MusicGen, codes: Tensor, config: WindowConfig = LONG_WINDOW) -> np.ndarray:
    return code_nats(musicgen, codes, musicgen.condition(), config)


def _check(claim: str, difference: float) -> Check:
    """Whether the largest difference found is within TOLERANCE_NATS; NaN is not."""
    return Check(claim, difference <= TOLERANCE_NATS, f"largest difference {difference:.1e} nats")
