"""`python -m benchmarks.llama train`: the peer of our event model, a transformers Llama over flat MIDILike tokens.

It has the event model's layers, width, heads and, by the width of its MLPs, its number of parameters. A document is
BOS, the tokens of a piece, EOS; training excerpts and scoring windows are cut out of documents. Training sees the
excerpts and variations that train.gpt sees, for a given number of seconds; scoring slides its windows by half, so that
each token has at least half a window before it, and leaves out EOS.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from math import log as ln
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np

from benchmarks.peers.midilike import BOS, EOS, PAD, VOCABULARY_SIZE, encode, is_note_on
from losscal.cli import EXIT_DONE, add_data_flag, add_flags, command_line, config_from, log
from losscal.settings import Count, PositiveShare, Range, Settings, TrainingSeed
from symbolic.data.corpus import Corpus
from symbolic.models.phrases.config import PhraseConfig
from symbolic.notes.performance import Performance
from symbolic.tokens.events import END
from symbolic.tokens.events import decode as decode_events

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM

    from symbolic.models.phrases.model import PhraseGPT

KIND = "llama"
CONTEXT_TOKENS = 1024
TOKENS_PER_NOTE = 3  # at least: note-on, velocity, note-off
LOG_EVERY_STEPS = 50


@dataclass(frozen=True)
class PeerConfig(Settings):
    """How long and how fast the peer is trained.

    Args:
        seconds: wall-clock time of the training, on which the learning rate's schedule runs.
        lr: highest learning rate of AdamW.
        batch_size: excerpts of up to CONTEXT_TOKENS tokens a step.
        warmup_share: first share of the time, of linear warm-up.
        decay_share: last share of the time, over which the rate falls linearly to zero.
        weight_decay: decoupled weight decay of AdamW.
        clip_norm: gradients are scaled down to this global norm.
        seed: of the first weights and of the excerpts.
    """

    seconds: Annotated[float, Range(0, 1_000_000, low_open=True)] = 720.0
    lr: Annotated[float, Range(0, 100, low_open=True)] = 1e-3
    batch_size: Count = 2
    warmup_share: PositiveShare = 0.02
    decay_share: PositiveShare = 0.6
    weight_decay: Annotated[float, Range(0, 1000)] = 0.1
    clip_norm: Annotated[float, Range(0, 1_000_000, low_open=True)] = 1.0
    seed: TrainingSeed = 1

    def rate(self, elapsed_seconds: float) -> float:
        """The learning rate after `elapsed_seconds`: warm-up, plateau, linear decay to zero."""
        share = min(1.0, elapsed_seconds / self.seconds)
        return self.lr * min(1.0, share / self.warmup_share, (1 - share) / self.decay_share)


def peer_shape(config: PhraseConfig, parameters: int) -> dict[str, int]:
    """Arguments of a LlamaConfig: layers, width and heads of `config`, the MLPs as wide as makes up `parameters`.

    The MLP's width is a multiple of 32, as processors like it.
    """
    rest = 2 * VOCABULARY_SIZE * config.width + config.layers * 4 * config.width**2
    intermediate = (parameters - rest) / (3 * config.width * config.layers)
    return {
        "vocab_size": VOCABULARY_SIZE,
        "hidden_size": config.width,
        "intermediate_size": max(1, round(intermediate / 32)) * 32,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "max_position_embeddings": CONTEXT_TOKENS,
    }


def transformer_parameters(model: "PhraseGPT") -> int:
    """How many numbers our model reads and predicts notes with where no code is told."""
    return sum(p.numel() for part in (model.embedding, model.history, model.chain) for p in part.parameters())


def build(shape: dict[str, int]) -> "LlamaForCausalLM":
    """A Llama of that shape with random weights, its attention torch's SDPA."""
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            **shape, bos_token_id=BOS, eos_token_id=EOS, pad_token_id=PAD, use_cache=False, attn_implementation="sdpa"
        )
    )


def load(folder: Path) -> "LlamaForCausalLM":
    """The model that `train` wrote into `folder`; raises WeightsError where there is none or it does not fit."""
    from losscal.weights import load_module, load_weights, story_value

    path = folder / f"{KIND}.safetensors"
    state, story = load_weights(path, kind=KIND)
    return load_module(lambda: build(story_value(story, "shape", path)), state, path)


def pad(rows: Sequence[np.ndarray]) -> "torch.Tensor":
    """Token arrays [S_i] to int64 [B, S] with PAD at the end; S the longest."""
    import torch

    return torch.nn.utils.rnn.pad_sequence([torch.from_numpy(row) for row in rows], batch_first=True, padding_value=PAD)


def next_token_nats(model: "LlamaForCausalLM", tokens: "torch.Tensor") -> "torch.Tensor":
    """-log p of tokens 1..S-1 given those before, float32 [B, S - 1], zero at padding; tokens int64 [B, S]."""
    from torch.nn.functional import cross_entropy

    logits = model(tokens[:, :-1]).logits.float()  # [B, S - 1, V]
    return cross_entropy(logits.transpose(1, 2), tokens[:, 1:], ignore_index=PAD, reduction="none")


class Window(NamedTuple):
    """Tokens start..stop-1 of a document, of which those from `score_from` on are scored here."""

    start: int
    stop: int
    score_from: int


def windows_of(length: int, context: int) -> Iterator[Window]:
    """Windows of `context` tokens over `length`, half a window apart; each token scored once."""
    yield Window(0, min(length, context), 0)
    half = context // 2
    for score_from in range(context, length, half):
        start = (score_from // half - 1) * half
        yield Window(start, min(length, start + context), score_from)


def token_nats(
    model: "LlamaForCausalLM", performance: Performance, *, batch_windows: int = 8, context: int = CONTEXT_TOKENS
) -> np.ndarray:
    """-log p of each token of `encode(performance)`, float64 [S], in windows of `context` tokens of its document."""
    import torch

    document = np.concatenate([[BOS], encode(performance)])
    nats = np.zeros(len(document))
    windows = list(windows_of(len(document), context))
    with torch.inference_mode():
        for first in range(0, len(windows), batch_windows):
            batch = windows[first : first + batch_windows]
            rows = next_token_nats(model, pad([document[w.start : w.stop] for w in batch])).double().numpy()
            for window, row in zip(batch, rows, strict=True):
                scored_from = max(window.score_from, 1)  # BOS is given
                nats[scored_from : window.stop] = row[scored_from - window.start - 1 : window.stop - window.start - 1]
    return nats[1:]


def excerpts(corpus: Corpus, seed: int) -> Iterator[np.ndarray]:
    """Endless training excerpts, int64 [up to CONTEXT_TOKENS]: those of train.gpt, as cuts of documents."""
    from train.configs import CropConfig
    from train.symbolic.crops import Crops

    config = CropConfig(crop_events=CONTEXT_TOKENS // TOKENS_PER_NOTE + 1, seed=seed)
    crops = Crops(corpus, config, styles=())
    for index in count():
        crop = crops[index]
        start, end = [] if crop.mid_piece else [BOS], [EOS] if crop.events[-1, 0] == END else []
        yield np.concatenate([start, encode(decode_events(crop.events)), end]).astype(np.int64)[:CONTEXT_TOKENS]


def train(
    corpus: Corpus, shape: dict[str, int], config: PeerConfig, clock: Callable[[], float] = time.monotonic
) -> tuple["LlamaForCausalLM", int]:
    """A Llama trained until `clock` says that `config.seconds` are over, and the steps it made."""
    import torch

    from train.common import default_precision

    torch.manual_seed(config.seed)
    model = build(shape).train()
    matrices = [p for p in model.parameters() if p.ndim > 1]
    gains = [p for p in model.parameters() if p.ndim == 1]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": gains, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=config.lr, betas=(0.9, 0.95), fused=True)
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=default_precision() == "bf16-mixed")
    source = excerpts(corpus, config.seed)
    nats, notes, step, begin = 0.0, 0, 0, clock()
    while (elapsed := clock() - begin) < config.seconds:
        for group in optimizer.param_groups:
            group["lr"] = config.rate(elapsed)
        tokens = pad([next(source) for _ in range(config.batch_size)])
        with autocast:
            loss = next_token_nats(model, tokens)
        (loss.sum() / (tokens[:, 1:] != PAD).sum()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
        optimizer.step()
        optimizer.zero_grad()
        nats, notes, step = nats + float(loss.detach().sum()), notes + int(is_note_on(tokens.numpy()).sum()), step + 1
        if step % LOG_EVERY_STEPS == 0:
            log(f"{elapsed:.0f} s, step {step}: {nats / notes / ln(2):.3f} bits/note")
            nats, notes = 0.0, 0
    return model.eval(), step


def validation_bits_per_note(model: "LlamaForCausalLM", corpus: Corpus) -> float:
    """Of the openings of the validation pieces that our own training looks at."""
    from train.configs import CropConfig

    notes = CropConfig().validation_notes
    openings = [corpus.performance(piece).excerpt(0, notes) for piece in corpus.of_split("validation")]
    nats = sum(token_nats(model, opening).sum() for opening in openings)
    return float(nats / sum(len(opening) for opening in openings) / ln(2))


def run_training(flags: argparse.Namespace, command: str) -> Path:
    """Train beside the event model of the corpus's styles; write <out>/llama.safetensors with its story."""
    from losscal.weights import save_weights
    from symbolic.models.phrases.model import PhraseGPT
    from train.common import story_of
    from train.gpt import with_styles

    corpus = Corpus.open(flags.data)
    ours = with_styles(PhraseConfig(), corpus, least_pieces=3)
    shape = peer_shape(ours, transformer_parameters(PhraseGPT(ours)))
    config = config_from(flags, PeerConfig)
    model, steps = train(corpus, shape, config)
    figures = {"steps": steps, "val_bits_per_note": validation_bits_per_note(model, corpus)}
    log(str(figures))
    path = Path(flags.out) / f"{KIND}.safetensors"
    story = story_of(command, corpus.data_hash, {"peer": config}, figures) | {"shape": shape}
    save_weights(path, model.state_dict(), kind=KIND, story=story)
    log(f"wrote {path}")
    return path


def main(argv: Sequence[str] | None = None) -> int:
    """Train a peer."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.llama", description=__doc__)
    command = parser.add_subparsers(required=True).add_parser("train", help="train a peer for some seconds")
    add_data_flag(command)
    add_flags(command, PeerConfig())
    command.add_argument("--out", default="runs/llama", help="folder of the weights (default runs/llama)")
    run_training(parser.parse_args(argv), command_line(parser, argv))
    return EXIT_DONE
