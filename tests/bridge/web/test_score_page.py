"""The tab Score in a browser: it tells what the command line tells; people are apart; refusals are sentences."""

import json
import os
import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from music import random_performance
from visits import SCORED_MS, give, report_of, scored

from symbolic.notes.corruption import random_velocities, wrong_notes
from symbolic.notes.performance import write_midi

pytestmark = pytest.mark.usefixtures("server", "browser")
ROOT = Path(__file__).parents[3]


def refusal(page, path):
    give(page, path)
    page.click("#score-start")
    return page.wait_for_selector(f"#score-answer .problem:has-text('{path.name}')", timeout=SCORED_MS).inner_text()


def workers(pid):
    """The processes that a server works in."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    children = {child for task in tasks for child in task.read_text().split()}
    return {child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()}


@pytest.fixture
def bounces(tmp_path):
    """A folder, called as the page's, of nine versions of a piece, of other dynamics and with wrong notes."""
    piece, rng = random_performance(1, 100), np.random.default_rng(1)
    for number in range(9):
        version = random_velocities(piece, rng, 1.0) if number % 2 else wrong_notes(piece, rng, 0.1)
        write_midi(version, tmp_path / "files" / f"bounce_{number + 1}.mid")
    return tmp_path / "files"


@pytest.fixture
def told_by_command(tmp_path, tiny_weights):
    """A function that scores a folder by the command line, and gives the report but for when it was made."""

    def told(folder):
        flags = ["--views", "events,vqvae", "--weights", str(tiny_weights), "--out", str(tmp_path / "out")]
        command = [sys.executable, "-m", "bridge.score", ".", *flags]
        subprocess.run(command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)
        return json.loads((tmp_path / "out/report.json").read_text(encoding="utf-8")) | {"created": None}

    return told


def test_nine_bounces_interrupted_within_two_seconds_go_on_to_what_the_command_line_tells(
    visit, server, bounces, told_by_command
):
    page = visit(width=390)
    give(page, *sorted(bounces.iterdir()))
    page.click("#score-start")
    page.wait_for_selector("#score-answer :text-matches('scoring [3-7] of 9')", timeout=SCORED_MS)
    at_work = workers(server.process.pid)
    asked = time.monotonic()
    page.click("#score-stop")
    page.wait_for_selector("#score-answer :text('Interrupted')")
    while at_work & workers(server.process.pid):
        assert time.monotonic() - asked < 2.0
        time.sleep(0.02)
    scored(page)
    told, expected = report_of(page) | {"created": None}, told_by_command(bounces)
    assert told == expected
    assert "bounce_9" in page.frame_locator("#score-report iframe").locator("main").inner_text()


def test_a_zip_of_versions_is_scored_as_by_the_command_line(visit, make_midi, tmp_path, told_by_command):
    folder = tmp_path / "bounces"
    folder.mkdir()
    for number in (1, 2):
        make_midi(folder / f"take_{number}.mid", pitch=58 + 2 * number)
    with zipfile.ZipFile(tmp_path / "bounces.zip", "w") as file:
        for path in folder.iterdir():
            file.write(path, path.name)
    page = visit()
    give(page, tmp_path / "bounces.zip")
    scored(page)
    told = report_of(page) | {"created": None}
    (tmp_path / "bounces.zip").unlink()
    assert told == told_by_command(tmp_path)
    assert "take_1" in page.inner_text("#score-answer")
    assert "take_2" in page.frame_locator("#score-report iframe").locator("main").inner_text()


def test_what_cannot_be_taken_is_refused_in_a_sentence(visit, server, tmp_path):
    (tmp_path / "page.mid").write_text("<!DOCTYPE html><script>alert(1)</script>")
    with zipfile.ZipFile(tmp_path / "slip.zip", "w") as file:
        file.writestr("../slip.mid", b"x")
    with open(tmp_path / "huge.wav", "wb") as file:
        file.truncate(300_000_000)
    page = visit()
    assert "leads out of its folder" in refusal(page, tmp_path / "slip.zip")
    page.click("#score-files [aria-label='Clear']")
    told = refusal(page, tmp_path / "page.mid")
    assert told.startswith("page.mid: ") and "MIDI" in told
    page.click("#score-files [aria-label='Clear']")
    page.set_input_files("#score-files input[type=file]", str(tmp_path / "huge.wav"))
    page.wait_for_selector(":text('exceed the maximum allowed size of 2.0 Mb')")
    upload = {"files": {"name": "large.wav", "mimeType": "audio/wav", "buffer": bytes(3_000_000)}}
    assert page.request.post(f"{server.address}gradio_api/upload", multipart=upload).status == 413
    assert not [path for path in server.folder.rglob("*") if "large" in path.name]


def test_two_people_are_apart_and_what_was_ones_goes_when_she_goes(visit, server, make_midi, tmp_path):
    hers, his = visit(), visit()
    give(hers, make_midi(tmp_path / "hers.mid"))
    scored(hers)
    link = hers.get_attribute("#score-downloads a[download='report.json']", "href")
    assert "hers.mid" not in his.content() and his.locator("#score-report iframe").count() == 0
    for guess in (server.folder, server.folder.parent, "/etc/passwd"):
        assert his.request.get(f"{server.address}gradio_api/file={guess}").status == 403
    assert hers.request.get(link).status == 200
    hers.close()
    deadline = time.monotonic() + 20
    while [name for _, _, names in os.walk(server.folder) for name in names if re.search("hers|report", name)]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert his.request.get(link).status == 403
