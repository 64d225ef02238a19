"""`python -m benchmarks.speed`: notes scored per second, beside a plain transformer over flat MIDILike tokens.

The peer is torch.nn.TransformerEncoder with the event model's layers, width, heads and window over miditok's tokens of
the same notes (random weights: speed does not depend on them), its windows half a window apart as ours. Everything runs
in one process on the same random music, the fastest of three runs each; audio speed is in times real time.
"""

import argparse
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn

from benchmarks.statistics import markdown_table
from losscal.cli import EXIT_DONE, run, write_result
from symbolic.configs import GPTConfig
from symbolic.likelihood import SymbolicScorer, windows_of
from symbolic.midilike import encode, tokenizer
from symbolic.performance import NOTE_DTYPE, Performance

RUNS = 3


def random_music(notes: int) -> Performance:
    """Uniformly random notes at 10 onsets a second."""
    rng = np.random.default_rng(1)
    array = np.zeros(notes, dtype=NOTE_DTYPE)
    array["onset_ticks"] = np.arange(notes) * 10
    array["pitch"] = rng.integers(21, 109, notes)
    array["velocity_bin"] = rng.integers(0, 32, notes)
    array["duration_ticks"] = rng.integers(1, 10, notes)
    return Performance(array)


class FlatPeer(nn.Module):
    """Embedding, torch's own transformer layers under a causal mask, output layer."""

    def __init__(self, config: GPTConfig, vocabulary: int) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(
            config.width, config.heads, config.mlp_ratio * config.width, 0.0, batch_first=True, norm_first=True
        )
        self.context = config.context_patches
        self.embedding = nn.Embedding(vocabulary, config.width)
        self.layers = nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)
        self.output = nn.Linear(config.width, vocabulary)

    @torch.inference_mode()
    def score(self, tokens: torch.Tensor) -> float:
        """Nats of tokens int64 [S], every token but the first scored once."""
        total = 0.0
        for window in windows_of(0, len(tokens), self.context):
            own = tokens[None, window.start : window.stop]
            mask = nn.Transformer.generate_square_subsequent_mask(own.shape[1])
            logits = self.output(self.layers(self.embedding(own), mask=mask, is_causal=True))
            nats = nn.functional.cross_entropy(logits[0, :-1], own[0, 1:], reduction="none")
            total += float(nats[max(0, window.score_from - window.start - 1) :].sum())
        return total


def fastest_seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds of the fastest of RUNS runs, after one that is not counted."""
    seconds = []
    for _ in range(RUNS + 1):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


def audio_row() -> list[str]:
    """Speed of the audio model on half a minute of a noisy chord."""
    from audio.spectral_lm import SpectralLMScorer
    from audio.waveform import Waveform

    scorer = SpectralLMScorer.load()
    seconds, rate = 30, scorer.sample_rate
    t = np.arange(seconds * rate) / rate
    rng = np.random.default_rng(1)
    sound = sum(np.sin(2 * np.pi * hertz * t) for hertz in (220, 277.2, 329.6)) + rng.normal(0, 0.1, len(t))
    waveform = Waveform((0.1 * sound[None]).astype(np.float32), rate, "chord")
    return ["spectral_lm", f"{seconds / fastest_seconds(lambda: scorer.score(waveform)):.1f} x real time", ""]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--notes", type=int, default=4000, help="notes to score (default 4000)")
    flags = parser.parse_args(argv)
    music = random_music(flags.notes)
    scorers = [SymbolicScorer.load(name) for name in ("events", "vqvae")]
    peer = FlatPeer(scorers[0].model.config, len(tokenizer())).eval()
    tokens = torch.tensor(encode(music))
    peer_rate = flags.notes / fastest_seconds(lambda: peer.score(tokens))
    rows = [["flat peer", f"{peer_rate:.0f} notes/s", "1.0"]]
    for scorer in scorers:
        rate = flags.notes / fastest_seconds(lambda scorer=scorer: scorer.score([music]))
        rows.append([scorer.name, f"{rate:.0f} notes/s", f"{rate / peer_rate:.1f}"])
    rows.append(audio_row())
    write_result(f"{flags.notes} notes, {torch.get_num_threads()} threads\n")
    write_result(markdown_table(["scorer", "speed", "times the peer"], rows))
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
