"""What a person does on our pages, in a browser, for the tests and the bench of them."""

import json
import shutil
from pathlib import Path

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ("--no-sandbox",)
SCORED_MS = 600_000
"""A limit for what hangs; a busy machine takes minutes."""


def give(page, *paths):
    """Drop files into the tab Score, and wait until they are there."""
    page.wait_for_selector("#score-start")
    page.set_input_files("#score-files input[type=file]", [str(path) for path in paths])
    for path in paths:
        page.wait_for_selector(f"#score-files :text('{path.suffix}')")


def scored(page, timeout=SCORED_MS):
    """Click, and wait for the report."""
    page.click("#score-start")
    page.wait_for_selector("#score-report iframe", timeout=timeout)


def report_of(page):
    """What lies in the report.json that can be downloaded."""
    with page.expect_download() as download:
        page.click("#score-downloads a[download='report.json']")
    return json.loads(Path(download.value.path()).read_text(encoding="utf-8"))


def answer(page, chosen):
    """Answer the question of a listening test that is shown, and wait for the next thing."""
    page.wait_for_function("() => !document.querySelector('#listen-value input:checked')")
    before = page.inner_text("#listen-told [role=status]")
    page.click(f"#listen-value label:has-text('{chosen}')")
    page.click("#listen-answer")
    page.wait_for_function(
        "before => ![before, undefined].includes(document.querySelector('#listen-told [role=status]')?.innerText)",
        arg=before,
    )
