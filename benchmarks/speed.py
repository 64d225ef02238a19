"""`python -m benchmarks.speed`: notes scored per second beside a Llama of the same size, and what long music takes.

The peer is `benchmarks.llama` with as many parameters as our transformer and its head over MIDILike tokens of the same
notes (random weights: speed does not depend on them), its windows half a window apart. These rates come from one
process and the same random music, the fastest of three runs each. The second table scores music of growing length once,
each reading in a process of its own; its memory is what scoring adds, at most, to the process with the model loaded,
the scores themselves included.
"""

import argparse
import re
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from losscal.cli import EXIT_DONE, add_weights_flag, in_range, run, write_result
from losscal.processes.workers import WorkerPool
from losscal.settings import Count
from losscal.statistics import markdown_table
from symbolic.notes.performance import NOTE_DTYPE, Performance

RUNS = 3
NAMES = ("events", "vqvae")


def random_music(notes: int) -> Performance:
    """Uniformly random notes at 10 onsets a second."""
    rng = np.random.default_rng(1)
    array = np.zeros(notes, dtype=NOTE_DTYPE)
    array["onset_ticks"] = np.arange(notes) * 10
    array["pitch"] = rng.integers(21, 109, notes)
    array["velocity_bin"] = rng.integers(0, 32, notes)
    array["duration_ticks"] = rng.integers(1, 10, notes)
    return Performance(array)


def fastest_seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds of the fastest of RUNS runs, after one that is not counted."""
    seconds = []
    for _ in range(RUNS + 1):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


def rate_rows(weights: Path | None, notes: int) -> list[list[str]]:
    """Name, speed and times the peer's speed, of the peer and of both our readings."""
    from benchmarks.llama.peer import build, peer_shape, token_nats, transformer_parameters
    from symbolic.scoring.likelihood import SymbolicScorer, score

    music = random_music(notes)
    scorers = [SymbolicScorer.load(name, weights) for name in NAMES]
    ours = scorers[0].model
    peer = build(peer_shape(ours.config, transformer_parameters(ours))).eval()
    peer_rate = notes / fastest_seconds(lambda: token_nats(peer, music))
    rows = [["llama", f"{peer_rate:.0f} notes/s", "1.0"]]
    for scorer in scorers:
        rate = notes / fastest_seconds(lambda scorer=scorer: score(ours, [music], told=scorer.told))
        rows.append([scorer.name, f"{rate:.0f} notes/s", f"{rate / peer_rate:.1f}"])
    return rows


def peak_mib() -> float:
    """The most memory this process has held so far, in MiB."""
    if sys.platform == "linux":  # whose ru_maxrss begins with what the parent process held
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def length_rows(name: str, weights: Path | None, lengths: Sequence[int]) -> list[list[str]]:
    """Name, notes, seconds per thousand notes and MiB added, for music of ascending lengths."""
    from symbolic.scoring.likelihood import SymbolicScorer

    scorer = SymbolicScorer.load(name, weights)
    scorer.score([random_music(2)])  # what the first call sets up is no cost of the music
    loaded = peak_mib()
    rows = []
    for notes in lengths:
        music = random_music(notes)
        start = time.perf_counter()
        scorer.score([music])
        seconds = time.perf_counter() - start
        rows.append([name, f"{notes}", f"{1000 * seconds / notes:.2f}", f"{peak_mib() - loaded:.0f}"])
    return rows


def in_own_process(name: str, weights: Path | None, lengths: Sequence[int]) -> list[list[str]]:
    """`length_rows` in a fresh process, whose memory nothing else has touched."""
    with WorkerPool(1) as pool:
        return pool.submit(length_rows, name, weights, lengths).result()


def main(argv: Sequence[str] | None = None) -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    add_weights_flag(parser)
    parser.add_argument(
        "--notes", type=in_range(Count), default=4000, help="notes to score for the rates (default 4000)"
    )
    parser.add_argument(
        "--lengths",
        type=in_range(Count),
        nargs="+",
        default=[1000, 10_000, 100_000],
        help="notes to score for cost and memory (default 1000 10000 100000)",
    )
    flags = parser.parse_args(argv)
    import torch

    write_result(f"{flags.notes} notes, {torch.get_num_threads()} threads\n")
    write_result(markdown_table(["scorer", "speed", "times the peer"], rate_rows(flags.weights, flags.notes)))
    rows = [row for name in NAMES for row in in_own_process(name, flags.weights, sorted(flags.lengths))]
    write_result("")
    write_result(markdown_table(["scorer", "notes", "seconds per 1000 notes", "peak memory added, MiB"], rows))
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
