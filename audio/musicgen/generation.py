"""New sound from MusicGen: from nothing, from a text, along a melody, or on from where a recording ends.

A piece of any length is drawn in the windows of `audio.musicgen.steps`, which it is scored in too: beyond 30 s the
model is prompted anew with the tail of its last window. So each code of a piece without a prompt is drawn from the very
distribution that scores it, but for temperature, top-k, top-p and guidance.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from audio.musicgen.checkpoint import Condition, MusicGen
from audio.musicgen.codec import decode, encode, prepared
from audio.musicgen.config import DEFAULT_SAMPLING, DEFAULT_WINDOWS, LOUDNESS_LUFS, CodeSamplingConfig, WindowConfig
from audio.musicgen.steps import delayed, seen, shifted, undelayed, windows
from audio.signal.waveform import Sound, Waveform, cut, in_memory, normalise

UNKNOWN = -1
"""Marks the codes that are still to be drawn."""


def generate(
    musicgen: MusicGen,
    *,
    seconds: float,
    seed: int,
    prompt: Sound | None = None,
    text: str | None = None,
    melody: Sound | None = None,
    sampling: CodeSamplingConfig = DEFAULT_SAMPLING,
    config: WindowConfig = DEFAULT_WINDOWS,
    progress: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> Waveform:
    """`seconds` of new sound, after the prompt where there is one, at LOUDNESS_LUFS; peaks may exceed 1.

    The prompt's part of the result is what EnCodec makes of it, so that both parts are of one sound. The same seed
    gives the same codes on the same machine. progress: wraps the iterable of a window's steps, as tqdm does.
    Raises InputError where the checkpoint does not take the condition or the prompt is too quiet to have a loudness.
    """
    heard = torch.zeros(musicgen.n_codebooks, 0, dtype=torch.int64, device=musicgen.device)
    if prompt is not None:
        heard = encode(musicgen, prepared(musicgen, prompt))
    generator = torch.Generator(musicgen.device).manual_seed(seed)
    n_frames = heard.shape[1] + max(1, round(seconds * musicgen.frame_rate))
    condition = musicgen.condition(text, melody)
    codes = continue_codes(musicgen, heard, n_frames, condition, sampling, generator, config, progress)
    sound = Waveform(decode(musicgen, codes), musicgen.sample_rate, "the generated sound")
    return in_memory(normalise(sound, LOUDNESS_LUFS))


def first_half(sound: Sound) -> Sound:
    """The samples before the middle; of an odd number the middle one too."""
    return cut(sound, 0, (sound.n_samples + 1) // 2)


def continue_codes(
    musicgen: MusicGen,
    prompt: Tensor,
    n_frames: int,
    condition: Condition,
    sampling: CodeSamplingConfig,
    generator: torch.Generator,
    config: WindowConfig = DEFAULT_WINDOWS,
    progress: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> Tensor:
    """Codes int64 [K, n_frames] that begin with `prompt` [K, P], 0 <= P <= n_frames."""
    codes = prompt.new_full((musicgen.n_codebooks, n_frames), UNKNOWN)
    codes[:, : prompt.shape[1]] = prompt
    steps = delayed(musicgen, codes)
    for window in windows(musicgen, steps.shape[1], config, first=prompt.shape[1]):
        view = seen(musicgen, steps, window)
        prefix = musicgen.prefix(condition, window.start)
        if sampling.guidance > 1 and not condition.is_null:
            prefix = torch.cat([prefix, musicgen.null_prefix(condition)])
        _draw_new(musicgen, view, window.new.start, prefix, sampling, generator, progress)
        steps[:, window.first : window.last] = view[:, window.new]
    return undelayed(musicgen, steps)


def draw(logits: Tensor, sampling: CodeSamplingConfig, generator: torch.Generator) -> Tensor:
    """One code per row of logits [K, V], int64 [K], as `sampling` says."""
    likeliest, codes = logits.topk(min(sampling.top_k, logits.shape[-1]), dim=-1)  # in descending order
    p = torch.softmax(likeliest / sampling.temperature, dim=-1)
    p = p.masked_fill(p.cumsum(dim=-1) - p >= sampling.top_p, 0.0)
    return codes.gather(1, torch.multinomial(p, 1, generator=generator))[:, 0]


def _draw_new(
    musicgen: MusicGen,
    steps: Tensor,
    n_known: int,
    prefix: Tensor,
    sampling: CodeSamplingConfig,
    generator: torch.Generator,
    progress: Callable[[Iterable[int]], Iterable[int]],
) -> None:
    """Fill in the UNKNOWN of a window's steps [K, W], all of it behind the first `n_known`.

    prefix: [1, P, hidden], or [2, P, hidden] with the null one second for guidance.
    """
    cache = musicgen.new_cache()
    inputs = shifted(musicgen, steps)[:, : n_known + 1]
    for step in progress(range(n_known, steps.shape[1])):
        logits = musicgen.logits(inputs.expand(len(prefix), -1, -1), prefix, cache)[:, :, -1]  # [1 or 2, K, V]
        guided = logits[-1] + sampling.guidance * (logits[0] - logits[-1])
        column = steps[:, step]
        steps[:, step] = torch.where(column == UNKNOWN, draw(guided, sampling, generator), column)
        inputs = steps[:, step : step + 1]
