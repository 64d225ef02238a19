"""`python -m robustness.interruptions`: commands ended at random moments, and whether all is well afterwards.

A command is begun in a session of its own and sent SIGINT (with all its workers, as a terminal does), SIGTERM or KILL.
It must end soon, with the right status and one line, and leave no process. Then it is run again, in the same folder, to
its end, and what it has made must be what a run makes that nobody disturbs. With PYTHONPATH=.:tests, from the
repository's folder.
"""

import argparse
import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from music import random_performance
from safetensors import safe_open
from tiny_models import UNTRAINED, save_tiny

from losscal.cli import EXIT_DONE, EXIT_ITEMS_FAILED, in_range, run, write_result
from losscal.settings import Count, Seed
from losscal.statistics import markdown_table
from symbolic.data.corpus import Piece, write_corpus
from symbolic.models.phrases.codebooks import Codebooks, save_codebooks
from symbolic.models.phrases.config import PhraseConfig
from symbolic.models.phrases.model import PhraseGPT
from symbolic.notes.performance import write_midi

ROOT = Path(__file__).parents[2]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
TOLD = {signal.SIGINT: "interrupted", signal.SIGTERM: "ended by SIGTERM"}
END_SECONDS = 60.0
"""For a command and all its processes to end, on a machine that has more to do."""
HANDLERS_SECONDS = 60.0
LONGEST_SECONDS = 600.0
COMMANDS = ("score", "prepare", "generate", "calibrate", "train")
PIECES = 12


@dataclass(frozen=True)
class Command:
    """A command to be cut, arguments: without the place of the results.

    made: what a run has made, to be compared, from its folder. undisturbed: arguments for runs that are not cut.
    """

    module: str
    arguments: tuple[str, ...]
    made: Callable[[Path], Any]
    undisturbed: tuple[str, ...] = ()

    def flags(self, out: Path) -> list[str]:
        """All arguments, to go on from what lies in `out`."""
        place = out / "new.mid" if self.module == "symbolic.generate" else out
        arguments = [*self.arguments, "--out", str(place), "--overwrite"]
        last = out / "checkpoints" / "last.ckpt"
        if self.module.startswith("train.") and last.is_file():
            arguments += ["--resume", str(last)]
        return arguments


@dataclass(frozen=True)
class Ended:
    """How a command ended that was sent a signal after it had run for a while.

    left: whether a process of its session still ran when all was waited for.
    """

    status: int
    stderr: str
    left: bool
    ran_seconds: float
    ending_seconds: float

    def faults(self, sent: signal.Signals) -> list[str]:
        """What is wrong with that; a command that had come to its end before is right, too."""
        found = ["left a process"] if self.left else []
        if self.ending_seconds > END_SECONDS:
            found.append(f"took {self.ending_seconds:.0f} s to end")
        if self.status == 0:
            return found
        if sent == signal.SIGKILL:
            return found + ([] if self.status == -sent else [f"status {self.status}: {self.stderr[-500:]}"])
        if self.status != 128 + sent:
            found.append(f"status {self.status}")
        lines = self.stderr.splitlines()
        if not lines or not lines[-1].startswith(TOLD[sent]) or "Traceback" in self.stderr:
            found.append(f"told {self.stderr[-1000:]!r}")
        return found


def prepared(folder: Path) -> dict[str, Command]:
    """Tiny inputs for the commands, in `folder`, and the commands."""
    pieces = [random_performance(seed, 60 + seed) for seed in range(PIECES)]
    for number, piece in enumerate(pieces):
        write_midi(piece, folder / "midi" / f"piece {number}.mid")
    rows, start = [], 0
    for number, piece in enumerate(pieces):
        name, split = f"{number}", "train" if number < PIECES - 2 else "validation"
        rows.append(Piece(name, f"{name}.mid", "Bach", "baroque", name, split, start, start + len(piece), 1.0, (), {}))
        start += len(piece)
    write_corpus(folder / "corpus", rows, pieces, [], "made in a test")
    save_tiny(folder / "weights", PhraseGPT(UNTRAINED))
    codec = {"heads": 2, "codec_width": 8, "codec_layers": 1}
    codebooks = folder / "codebooks.safetensors"
    save_codebooks(codebooks, Codebooks(PhraseConfig(**codec)), {"configs": {"phrases": codec}})

    midi, weights = str(folder / "midi"), ("--weights", str(folder / "weights"))
    events = (*weights, "--views", "events")
    excerpts = ("--notes", "32", "--pieces", "8", "--per-piece", "1", "--corruptions", "wrong_notes")
    shape = {"layers": 1, "width": 16, "window_events": 16} | codec
    model = ("--vqvae", str(codebooks), *(f"--model.{name}={value}" for name, value in shape.items()))
    crops = ("--crops.crop-events=16", "--crops.batch-size=2", "--crops.steps-per-epoch=5", "--optim.steps=15")
    quiet = (
        "--trainer.enable_progress_bar=false",
        "--trainer.enable_model_summary=false",
        "--trainer.precision=32-true",
    )
    return {
        "score": Command("bridge.score", (midi, *events, "--workers", "2"), _scores, ("--workers", "1")),
        "prepare": Command("symbolic.prepare", (midi, "--workers", "2"), _bytes),
        "generate": Command("symbolic.generate", (*weights, "--notes", "150", "--candidates", "1"), _bytes),
        "calibrate": Command("bridge.calibrate", (midi, *events, *excerpts), _calibration),
        "train": Command("train.gpt", ("--data", str(folder / "corpus"), *model, *crops, *quiet), _weights),
    }


def _bytes(out: Path) -> dict[str, bytes]:
    """All files but what a killed run has left half-written, which no run takes for its own."""
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("[!.]*")) if path.is_file()}


def _scores(out: Path) -> list[Any]:
    """The rows, and the tables."""
    tables = {name: content for name, content in _bytes(out).items() if name.startswith("per_note")}
    return [json.loads((out / "report.json").read_text())["items"], (out / "report.csv").read_text(), tables]


def _calibration(out: Path) -> list[Any]:
    with open(out / "scores.csv", newline="") as file:
        scores = list(csv.reader(file))
    return [scores, json.loads((out / "calibration.json").read_text())["rows"]]


def _weights(out: Path) -> dict[str, Any]:
    (path,) = out.glob("*.safetensors")
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name).tolist() for name in file.keys()}  # noqa: SIM118 (no mapping)


def _environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def interrupted(command: Command, out: Path, sent: signal.Signals, seconds: float) -> Ended:
    """Begin a command and send it a signal so many seconds after it can take it, unless it has ended by then."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with open(out.with_suffix(".stderr"), "w+") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", command.module, *command.flags(out)],
            env=_environment(),
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
            preexec_fn=_hear_ctrl_c,
        )
        try:
            _wait(lambda: process.poll() is not None or _catches_signals(process.pid), HANDLERS_SECONDS)
            begin = time.monotonic()
            _wait(lambda: process.poll() is not None, seconds)
            sent_at = time.monotonic()
            if process.poll() is None:
                (os.killpg if sent == signal.SIGINT else os.kill)(process.pid, sent)
            _wait(lambda: process.poll() is not None, 2 * END_SECONDS)
            _wait(lambda: not _is_there(process.pid), 2 * END_SECONDS)
            now, left = time.monotonic(), _is_there(process.pid)
        finally:
            if _is_there(process.pid):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        stderr.seek(0)
        return Ended(process.returncode, stderr.read(), left, sent_at - begin, now - sent_at)


def _hear_ctrl_c() -> None:
    """A shell silences it for what it starts in the background, and so for all that this starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _wait(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)


def _catches_signals(pid: int) -> bool:
    """Before that, Python itself is starting, and nothing of ours runs yet."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except FileNotFoundError:
        return False
    return bool(int(re.search(r"SigCgt:\s+(\w+)", status)[1], 16) >> (signal.SIGTERM - 1) & 1)


def _is_there(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def finish(command: Command, out: Path) -> Any:
    """Run a command to its end, from what lies in `out`, and take what it has made.

    Training runs in a process of its own like the run that is cut: its rounding hangs on what a process did before.
    """
    flags = [*command.flags(out), *command.undisturbed]
    if command.module.startswith("train."):
        call = [sys.executable, "-m", command.module, *flags]
        status = subprocess.run(call, env=_environment(), capture_output=True, check=False).returncode
    else:
        with redirect_stdout(io.StringIO()):
            status = import_module(command.module).main(flags)
    if status:
        raise RuntimeError(f"{command.module}: status {status}")
    return command.made(out)


def trial(command: Command, whole: Any, out: Path, sent: signal.Signals, seconds: float) -> tuple[Ended, list[str]]:
    """Cut a run short and have it go on; how it ended and all that was wrong. whole: what an undisturbed run makes."""
    ended = interrupted(command, out, sent, seconds)
    found = ended.faults(sent)
    if sent != signal.SIGKILL and out.is_dir():
        found += [f"left {path.name}" for path in out.rglob(".*")]  # as atomic writing names its files
    if finish(command, out) != whole:
        found.append("other results when run again")
    return ended, [f"{command.module} {sent.name} after {seconds:.2f} s: {fault}" for fault in found]


@dataclass
class Tally:
    """Of a command's trials: how many runs were cut, the longest that one took to end, and what was wrong."""

    tried: int = 0
    cut: int = 0
    slowest_seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


def try_often(command: Command, folder: Path, moments: int, seed: int) -> Tally:
    """Cut a command at so many moments, drawn evenly over the time that it takes."""
    seconds = interrupted(command, folder / "timed", signal.SIGTERM, LONGEST_SECONDS).ran_seconds
    whole, tally = finish(command, folder / "whole"), Tally()
    for moment in range(moments):
        sent, delay = SIGNALS[moment % len(SIGNALS)], float(np.random.default_rng([seed, moment]).uniform(0, seconds))
        ended, faults = trial(command, whole, folder / f"{moment}", sent, delay)
        tally.tried += 1
        tally.cut += ended.status != 0
        tally.slowest_seconds = max(tally.slowest_seconds, ended.ending_seconds)
        tally.faults += faults
    return tally


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, then what was wrong; exit status 1 where anything was."""
    parser = argparse.ArgumentParser(prog="python -m robustness.interruptions", description=__doc__)
    parser.add_argument("--moments", type=in_range(Count), default=20, help="of each command (%(default)s)")
    parser.add_argument("--commands", nargs="+", choices=COMMANDS, default=COMMANDS)
    parser.add_argument("--seed", type=in_range(Seed), default=0)
    flags = parser.parse_args(argv)
    rows, faults = [], []
    with TemporaryDirectory() as folder:
        for name, command in prepared(Path(folder)).items():
            if name in flags.commands:
                tally = try_often(command, Path(folder, name), flags.moments, flags.seed)
                slowest = f"{tally.slowest_seconds:.1f}"
                rows.append([name, str(tally.tried), str(tally.cut), slowest, str(len(tally.faults))])
                faults += tally.faults
    write_result(markdown_table(["command", "tried", "cut short", "slowest end, s", "wrong"], rows))
    for fault in faults:
        write_result(fault)
    return EXIT_ITEMS_FAILED if faults else EXIT_DONE


if __name__ == "__main__":
    run(main)
