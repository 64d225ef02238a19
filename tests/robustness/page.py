"""`python -m robustness.page`: what the page for a browser promises, tried at length in Chromium.

Nine bounces of one piece are scored, interrupted, scored again and held against the command line; the page takes turns
with the command line for time; jobs follow each other while memory is watched; far too large uploads are refused;
scripted listeners take a listening test.
With PYTHONPATH=.:tests, from the repository's folder.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright
from robustness.listeners import try_listeners
from tiny_models import UNTRAINED, save_tiny
from visits import CHROMIUM, FLAGS, give, report_of, scored
from web_server import ROOT, Server

from audio.signal.waveform import Waveform
from bridge.render import render_notes, write_audio
from bridge.web.score import LISTENS_NOT, OPTIONS
from losscal.cli import EXIT_DONE, in_range, run, write_result
from losscal.errors import InputError
from losscal.settings import Count
from symbolic.models.phrases.model import PhraseGPT
from symbolic.notes.cleaning import read_midi
from symbolic.notes.corruption import flat_velocities, wrong_notes
from symbolic.notes.performance import Performance

PIECE = ROOT / "examples" / "bridal_chorus.mid"
VERSIONS = (PIECE, *sorted(PIECE.parent.glob("bridal_chorus_*.mid")))
BOUNCE_SECONDS, SAMPLE_RATE = 10.0, 44_100
SOUNDFONTS = Path("/usr/share/sounds/sf2")
EACH_JOBS = 10
"""Memory is told of."""
FAR_TOO_LARGE = 300_000_000
LONGEST_MS = 1_800_000
Row = tuple[str, str]


@contextmanager
def served(*flags: object) -> Iterator[Server]:
    """The page of the shipped weights, in a process of its own."""
    with TemporaryDirectory() as temporary:
        server = Server("bridge.web", flags, Path(temporary))
        try:
            yield server
        finally:
            server.stop()


def opened(browser: Browser, address: str, width: int = 1280) -> Page:
    """The page as a new person has it."""
    page = browser.new_context(viewport={"width": width, "height": 900}, accept_downloads=True).new_page()
    page.set_default_timeout(LONGEST_MS)
    page.goto(address)
    page.wait_for_selector("#score-start")
    return page


def make_bounces(folder: Path) -> list[Path]:
    """Nine recordings of a piece: as it is, with flat velocities, with wrong notes, by up to three SoundFonts each."""
    whole = read_midi(PIECE).performance
    piece = Performance(whole.notes[whole.notes["onset_ticks"] < 100 * BOUNCE_SECONDS])
    rng = np.random.default_rng(1)
    takes = [piece, flat_velocities(piece, rng, 1.0), wrong_notes(piece, rng, 0.1)]
    fonts = [None, *sorted(path for path in SOUNDFONTS.glob("*.sf2") if not path.is_symlink())]
    paths = []
    for number in range(9):
        path = folder / f"bounce_{number + 1}.wav"
        samples = render_notes(takes[number % 3], sample_rate=SAMPLE_RATE, soundfont=fonts[number // 3 % len(fonts)])
        write_audio(path, Waveform(samples, SAMPLE_RATE, path.name))
        paths.append(path)
    return paths


def told_by_command(paths: Sequence[Path], out: Path, *flags: str) -> dict[str, Any]:
    """What the command line makes of files that lie in a folder alone."""
    command = [sys.executable, "-m", "bridge.score", ".", "--out", str(out), "--overwrite", *flags]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(out / "cache")}
    subprocess.run(command, cwd=paths[0].parent, env=environment, check=True, capture_output=True)
    return json.loads((out / "report.json").read_text(encoding="utf-8"))


def try_bounces(browser: Browser, folder: Path, is_heard: bool) -> Iterator[Row]:
    """Nine recordings, given, scored, interrupted, scored again, kept; is_heard: listened to for their notes, too."""
    bounces = folder / "bounces"
    bounces.mkdir()
    paths = make_bounces(bounces)
    with served() as server:
        page = opened(browser, server.address)
        give(page, *paths)
        if not is_heard:
            page.get_by_label(LISTENS_NOT).check()
        page.click("#score-start")
        page.wait_for_selector("#score-answer :text('scoring 3 of 9')")
        asked = time.monotonic()
        page.click("#score-stop")
        page.wait_for_selector("#score-answer :text('Interrupted')")
        yield "nine bounces, interrupted at the third: told after", f"{time.monotonic() - asked:.2f} s"
        again = time.monotonic()
        scored(page, LONGEST_MS)
        yield "scored again, to the report", f"{time.monotonic() - again:.0f} s"
        told = report_of(page)
    expected = told_by_command(paths, folder / "out", *([] if is_heard else [OPTIONS[LISTENS_NOT]]))
    is_equal = told | {"created": None} == expected | {"created": None}
    yield "report.json equals the command line's", "yes" if is_equal else "NO"


def try_pace(browser: Browser, folder: Path, pairs: int) -> Iterator[Row]:
    """The page and the command line in turn, the same three pieces."""
    shares = []
    given = folder / "pace"
    given.mkdir()
    paths = [Path(given, path.name) for path in VERSIONS]
    for path, version in zip(paths, VERSIONS, strict=True):
        path.write_bytes(version.read_bytes())
    with served() as server:
        for pair in range(pairs + 1):
            page = opened(browser, server.address)
            give(page, *paths)
            seconds = [_seconds(lambda page=page: scored(page, LONGEST_MS))]
            page.context.close()
            seconds.append(_seconds(lambda out=folder / f"out {pair}": told_by_command(paths, out)))
            if pair > 0:  # the first reads files that are not in memory yet
                shares.append(seconds)
    page_seconds, command_seconds = np.array(shares).T
    ratios = np.sort(page_seconds / command_seconds)
    yield f"page, median of {pairs}", f"{np.median(page_seconds):.1f} s"
    yield f"command line, median of {pairs}", f"{np.median(command_seconds):.1f} s"
    yield (
        "page for each second of the command line, by pair",
        f"{np.median(ratios):.2f} [{ratios[0]:.2f}, {ratios[-1]:.2f}]",
    )


def _seconds(work: Any) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def try_memory(browser: Browser, folder: Path, jobs: int) -> Iterator[Row]:
    """One job after the other, and what the server's processes and its folder hold after each.

    Of tiny weights: those lie in the processes of jobs, each of which ends with its job.
    """
    save_tiny(folder / "weights", PhraseGPT(UNTRAINED))
    with served("--weights", folder / "weights") as server:
        page = opened(browser, server.address)
        give(page, PIECE)
        for job in range(1, jobs + 1):
            scored(page, LONGEST_MS)
            page.evaluate("document.querySelector('#score-report iframe').remove()")
            if job % EACH_JOBS == 0 or job == 2:
                memory, files = _settled_mib(server), _folder_mib(server.folder)
                yield f"server and what stands ready after {job} jobs, its files", f"{memory:.0f} MiB, {files:.1f} MiB"


def _settled_mib(server: Server, grace_seconds: float = 60.0) -> float:
    """Proportional set size of the server with its children, once the next process has loaded what it waits with."""
    deadline, last = time.monotonic() + grace_seconds, -1.0
    while time.monotonic() < deadline:
        now = sum(map(_pss_mib, _family(server.process.pid)))
        if abs(now - last) < 1.0:
            break
        last = now
        time.sleep(1.0)
    return now


def _family(pid: int | str) -> Iterator[str]:
    yield str(pid)
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from _family(child)


def _pss_mib(pid: str) -> float:
    try:
        return int(re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1]) / 2**10
    except (FileNotFoundError, ProcessLookupError):  # ended meanwhile
        return 0.0


def _folder_mib(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def try_paint(browser: Browser, folder: Path, times: int = 5) -> Iterator[Row]:
    """How soon the page is there, each time to a person who was never on it."""
    painted, ready = [], []
    with served() as server:
        for _ in range(times):
            begun = time.monotonic()
            page = opened(browser, server.address)
            ready.append(time.monotonic() - begun)
            painted.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") / 1000)
            page.context.close()
    for what, seconds in (("first paint", painted), ("the button Score is there", ready)):
        yield f"{what}, median and most of {times}", f"{np.median(seconds):.2f}, {max(seconds):.2f} s"


def try_upload(browser: Browser, folder: Path) -> Iterator[Row]:
    """300 MB from a browser, which is told before it sends, and from a program that does not ask."""
    with open(folder / "huge.wav", "wb") as file:
        file.truncate(FAR_TOO_LARGE)
    with served() as server:
        page = opened(browser, server.address)
        page.set_input_files("#score-files input[type=file]", str(folder / "huge.wav"))
        told = page.wait_for_selector(":text('exceed the maximum allowed size')").inner_text()
        yield "300 MB in the browser", told
        before = _settled_mib(server)
        yield "300 MB posted by a program", _posted(server.address, folder / "huge.wav")
        yield "memory before and after it", f"{before:.0f}, {_settled_mib(server):.0f} MiB"
        yield "left of it in the folder", f"{_folder_mib(server.folder):.0f} MiB"


def _posted(address: str, path: Path) -> str:
    """The answer to a form that holds a file, sent in blocks."""
    edge, place = "edge", urlsplit(address)
    head = f'--{edge}\r\nContent-Disposition: form-data; name="files"; filename="{path.name}"\r\n\r\n'.encode()
    tail = f"\r\n--{edge}--\r\n".encode()
    connection = HTTPConnection(place.hostname, place.port, timeout=120)
    connection.putrequest("POST", "/gradio_api/upload")
    connection.putheader("Content-Type", f"multipart/form-data; boundary={edge}")
    connection.putheader("Content-Length", str(len(head) + path.stat().st_size + len(tail)))
    connection.endheaders()
    try:
        connection.send(head)
        with open(path, "rb") as file:
            connection.send(file)
        connection.send(tail)
    except (BrokenPipeError, ConnectionResetError):  # refused before all was sent
        pass
    answer = connection.getresponse()
    return f"status {answer.status}: {answer.read(200).decode()}"


PARTS = {
    "bounces": try_bounces,
    "pace": try_pace,
    "memory": try_memory,
    "paint": try_paint,
    "upload": try_upload,
    "listeners": try_listeners,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Print a table of all that was tried."""
    parser = argparse.ArgumentParser(prog="python -m robustness.page", description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=tuple(PARTS), default=tuple(PARTS))
    parser.add_argument("--no-hearing", action="store_true", help="leave out what takes minutes of the bounces")
    parser.add_argument("--pairs", type=in_range(Count), default=5, help="of page and command line (%(default)s)")
    parser.add_argument("--jobs", type=in_range(Count), default=50, help="one after the other (%(default)s)")
    parser.add_argument("--listeners", type=in_range(Count), default=20, help="who take a test (%(default)s)")
    flags = parser.parse_args(argv)
    more = {
        "bounces": [not flags.no_hearing],
        "pace": [flags.pairs],
        "memory": [flags.jobs],
        "listeners": [flags.listeners],
    }
    if CHROMIUM is None:
        raise InputError("Chromium is missing: run make chromium.")
    with sync_playwright() as started, TemporaryDirectory() as folder:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        for name in flags.parts:
            for row in PARTS[name](browser, Path(folder), *more.get(name, [])):
                write_result(f"| {' | '.join(row)} |")
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
