"""The page in a real browser: what users named is text there, all of it is seen, and none of it runs."""

import html
import re
import shutil
import subprocess

import pytest
from sample_report import make_report

from bridge.report.files import write_report
from bridge.report.html import pieces_of_page
from bridge.report.report import Report
from losscal.records import record_of

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
RUNS = "document.title='taken'"
NAMES = (
    f"</script><script>{RUNS}</script>",
    f'"><img src=x onerror="{RUNS}">',
    f"<!--<script><svg onload={RUNS}>",
    f"&lt;b&gt; javascript:{RUNS} ${{report}} {{{{7*7}}}}",
    "=cmd|' /C calc'!A0 __proto__",
    "two\nlines\tand \x1b[31mred",
    "dim.\u202egnp \u200fmark\u200e \u2066isolate\u2069 \ufeffbom",
    "caf\udce9",
)
SEEN = {
    NAMES[5]: r"two\x0alines\x09and \x1b[31mred",
    NAMES[6]: r"dim.\u202egnp \u200fmark\u200e \u2066isolate\u2069 \ufeffbom",
    NAMES[7]: r"caf\udce9",
}


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
def test_no_name_runs_and_none_hides_what_it_is_called(tmp_path):
    report = make_report(tmp_path)
    first, *_ = report["items"]
    report["items"] += [{**first, "id": name, "group": name, "error": f"{name}: failed."} for name in NAMES]
    report["groups"][0]["group"] = report["groups"][0]["verdict"] = NAMES[0]
    report["passed_over"] = list(NAMES)
    write_report(report, tmp_path)
    page = _shown(tmp_path / "report.html", tmp_path / "profile")
    tags = re.findall(r"<(script|img|title)\b", page)
    n_with_tables = sum(entry["symbolic"] is not None for entry in report["items"])
    assert tags.count("script") == 3 + n_with_tables and "img" not in tags
    assert "<title>LossCal report</title>" in page
    words = html.unescape(re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", "", page, flags=re.DOTALL))
    for name in NAMES:
        shown = SEEN.get(name, name)
        assert f"{shown}\u2715 failed{shown}" in words  # its row begins with its name, its mark and its group


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
def test_the_code_of_each_phrase_stands_under_the_notes(tmp_path):
    report = make_report(tmp_path)
    report["items"] = report["items"][:1]  # one item alone is open
    report["groups"] = []
    write_report(report, tmp_path)
    page = _shown(tmp_path / "report.html", tmp_path / "profile")
    labels = re.findall(r'class="curve-label">([^<]*)<', page)
    assert [label.partition(":")[0] for label in labels] == ["vqvae", "spectral_lm"]
    assert labels[0].startswith("vqvae: code of each phrase")
    assert len(re.findall(r'<polyline points="[^"]+" class="curve"', page)) == 2


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
def test_an_item_for_a_notebook_is_all_that_its_page_shows(tmp_path):
    report = make_report(tmp_path)
    only = record_of(Report, report | {"items": report["items"][1:2], "groups": [], "agreement": None})
    (tmp_path / "item.html").write_text("".join(pieces_of_page(only, tmp_path, is_item=True)), encoding="utf-8")
    page = _shown(tmp_path / "item.html", tmp_path / "profile")
    assert '<article aria-label="one/b.mid"' in page and "Least likely moments" in page and 'class="roll"' in page
    assert "<h1>" not in page and '<table class="summary"' not in page


def _shown(page, profile):
    """The page's elements as they are when its script has run."""
    flags = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
    until_idle = "--virtual-time-budget=20000"
    command = [BROWSER, *flags, until_idle, f"--user-data-dir={profile}", "--dump-dom", page.as_uri()]
    return subprocess.run(command, capture_output=True, check=True, timeout=100, encoding="utf-8").stdout
