"""`python -m benchmarks.generation_speed`: notes drawn per second beside a Llama of the same size, and long pieces.

The peer is `benchmarks.llama` with as many parameters as our transformer and its head, over MIDILike tokens (random
weights: speed does not depend on them), drawn from by transformers' own `generate` with its cache; its tokens are
counted as notes at the rate at which the music that we draw in the same run, without codes, needs tokens. Where there
is a C++ compiler the same Llama is drawn from once more, compiled over a static cache, what compiling takes not
counted. All run on one thread, in turn, the fastest of some rounds each, in seconds of processor time, which other work
on the machine disturbs least. Beside the speed stands the share that it is of what memory allows, if the weights that
each step reads were all that it does: their bytes, over the rate at which one thread adds up what no cache holds. The
second table draws long pieces, each in a process of its own; its memory is what drawing adds to the process with the
model loaded.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import which

from bridge.views.opening import SYMBOLIC_VIEWS
from losscal.cli import EXIT_DONE, add_weights_flag, in_range, log, run, write_result
from losscal.processes.workers import WorkerPool
from losscal.settings import Count, Seconds
from losscal.statistics import markdown_table

BATCHES = (1, 8)
SEED = 1
COMPILED = "llama, compiled, static cache"
READ_FLOATS, READ_ROUNDS = 2**26, 5
FLOAT_BYTES, HALF_BYTES = 4, 2
"""Of a weight, as the peer and as our linear layers read it."""


def processor_seconds(work: Callable[[], object]) -> float:
    """Processor time of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def read_bytes_per_second() -> float:
    """The rate at which one thread reads memory that no cache holds."""
    import torch

    numbers = torch.ones(READ_FLOATS)
    return numbers.nbytes / min(processor_seconds(numbers.sum) for _ in range(READ_ROUNDS))


def rate_rows(weights: Path | None, notes: int, rounds: int) -> list[list[str]]:
    """Name, batch, notes a second, times the peer's speed at the same batch, and the share of what memory allows."""
    import torch
    from transformers import CompileConfig

    from benchmarks.llama.peer import build, peer_shape, transformer_parameters
    from benchmarks.peers.midilike import BOS, encode
    from symbolic.models.configs import SamplingConfig
    from symbolic.sampling.pieces import draw_pieces
    from symbolic.scoring.likelihood import SymbolicScorer

    scorers = {name: SymbolicScorer.load(name, weights) for name in SYMBOLIC_VIEWS}
    ours = scorers["events"].model
    peer = build(peer_shape(ours.config, transformer_parameters(ours))).eval()

    def draw(name: str, batch: int) -> list:
        told = scorers[name].told
        return draw_pieces(ours, notes=notes, seed=SEED, told=told, candidates=range(batch), ending=False)

    music = [piece.performance for piece in draw("events", max(BATCHES))]
    tokens_per_note = sum(len(encode(piece)) for piece in music) / sum(map(len, music))
    tokens = round(notes * tokens_per_note)

    choices = {"use_cache": True, "do_sample": True, "top_k": 0, "top_p": SamplingConfig().top_p}

    def draw_from_peer(batch: int, **how: object) -> None:
        with torch.no_grad():
            peer.generate(torch.full((batch, 1), BOS), max_new_tokens=tokens, min_new_tokens=tokens, **choices, **how)

    works = {("llama", batch): (lambda batch=batch: draw_from_peer(batch)) for batch in BATCHES}
    if which("c++") or which("g++") or which("clang++"):
        compiling = CompileConfig(mode="default")
        compiling._compile_all_devices = True  # transformers compiles for a GPU alone unless told so
        how = {"cache_implementation": "static", "compile_config": compiling}
        works |= {(COMPILED, batch): (lambda batch=batch: draw_from_peer(batch, **how)) for batch in BATCHES}
        for batch in BATCHES:
            works[COMPILED, batch]()
    else:
        log("no C++ compiler: the peer is drawn from as it is, not compiled")
    for name in scorers:
        works |= {(name, batch): (lambda name=name, batch=batch: draw(name, batch)) for batch in BATCHES}
    seconds = {key: [] for key in works}
    for _ in range(rounds):
        for key, work in works.items():
            seconds[key].append(processor_seconds(work))
    rates = {(name, batch): batch * notes / min(seconds[name, batch]) for name, batch in works}
    of_peer = FLOAT_BYTES * tokens_per_note * sum(p.numel() for p in peer.parameters())
    of_ours = HALF_BYTES * sum(p.numel() for part in (ours.history, ours.chain) for p in part.parameters())
    read_bytes, most = {"llama": of_peer, COMPILED: of_peer, "events": of_ours}, read_bytes_per_second()

    def share(name: str, batch: int, rate: float) -> str:
        return f"{rate / batch * read_bytes[name] / most:.0%}" if name in read_bytes else ""

    return [
        [name, f"{batch}", f"{rate:.0f} notes/s", f"{rate / rates['llama', batch]:.1f}", share(name, batch, rate)]
        for (name, batch), rate in rates.items()
    ]


def long_row(name: str, weights: Path | None, seconds: float) -> list[str]:
    """Name, seconds of music, its notes, processor time and MiB added of one piece with an ending."""
    import torch

    from benchmarks.speed import peak_mib
    from symbolic.sampling.pieces import generate
    from symbolic.scoring.likelihood import SymbolicScorer

    torch.set_num_threads(1)
    scorer = SymbolicScorer.load(name, weights)
    loaded, start = peak_mib(), time.process_time()
    piece = generate(scorer.model, seconds=seconds, seed=SEED, told=scorer.told)
    took = time.process_time() - start
    return [name, f"{piece.seconds:.0f}", f"{len(piece)}", f"{took:.0f}", f"{peak_mib() - loaded:.0f}"]


def main(argv: Sequence[str] | None = None) -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generation_speed", description=__doc__)
    add_weights_flag(parser)
    parser.add_argument(
        "--notes", type=in_range(Count), default=200, help="notes of each piece for the rates (default 200)"
    )
    parser.add_argument(
        "--rounds", type=in_range(Count), default=3, help="rounds, of which the fastest counts (default 3)"
    )
    parser.add_argument(
        "--seconds",
        type=in_range(Seconds),
        nargs="*",
        default=[60.0, 600.0],
        help="lengths of long pieces (default 60 600)",
    )
    flags = parser.parse_args(argv)

    import torch

    torch.set_num_threads(1)
    header = ["model", "batch", "speed", "times the peer", "of what memory allows"]
    write_result(markdown_table(header, rate_rows(flags.weights, flags.notes, flags.rounds)))
    rows = []
    for name in SYMBOLIC_VIEWS:
        for seconds in flags.seconds:
            with WorkerPool(1) as pool:
                rows.append(pool.submit(long_row, name, flags.weights, seconds).result())
    if rows:
        header = ["model", "seconds of music", "notes", "processor seconds", "peak memory added, MiB"]
        write_result("\n" + markdown_table(header, rows))
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
