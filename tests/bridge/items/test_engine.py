"""Many items: every way of running them gives the same rows, and a run cut short goes on where it stopped."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import killing_workers
import pytest
import torch
from full_disk import room_for
from music import random_performance
from tiny_models import UNTRAINED, save_tiny

from bridge.items import engine, journal
from bridge.items.engine import default_workers
from bridge.items.finding import find_items
from bridge.items.journal import JOURNAL_FILE, fingerprint_of
from bridge.items.scoring import ItemScorer
from bridge.report.files import write_report
from bridge.score import score
from bridge.scorer import score_items
from losscal.errors import InputError
from losscal.references import REFERENCES_FILE, References
from symbolic.models.phrases.model import PhraseGPT
from symbolic.notes.performance import write_midi

ROOT = Path(__file__).parents[3]
COUNT = 13


@pytest.fixture(scope="module")
def weights_dir(tmp_path_factory):
    """A tiny random model of notes, alone in a folder."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    save_tiny(folder, PhraseGPT(UNTRAINED))
    References().save(folder / REFERENCES_FILE)
    return folder


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A folder of COUNT pieces, two of them versions of one, and a file that is no MIDI."""
    folder = tmp_path_factory.mktemp("many")
    for number in range(COUNT):
        write_midi(random_performance(number, 40 + number), folder / f"piece {number}.mid")
    write_midi(random_performance(0, 40), folder / "piece 0 (2).mid")
    (folder / "broken.mid").write_bytes(b"no MIDI")
    return folder


def rows(report):
    """Entries and groups as JSON holds them."""
    return json.loads(json.dumps([report["items"], report["groups"], report["agreement"]]))


@pytest.fixture(scope="module")
def serial(many, weights_dir):
    return score(many, weights_dir=weights_dir)


def test_processes_give_the_rows_of_one_process_in_the_same_order(many, weights_dir, serial, tmp_path):
    parallel = score(many, weights_dir=weights_dir, workers=2)
    assert rows(parallel) == rows(serial)
    assert len(serial["items"]) == COUNT + 2 and [bool(entry["error"]) for entry in serial["items"]].count(True) == 1
    assert [group["group"] for group in serial["groups"]] == ["piece 0"]


def test_figures_hang_on_no_neighbour(many, weights_dir, serial):
    """To the last bit."""
    for entry in serial["items"][2:5]:
        (alone,) = score(entry["midi"], weights_dir=weights_dir)["items"]
        assert alone["symbolic"]["events"] == entry["symbolic"]["events"]


def test_ray_gives_the_same_rows(many, weights_dir, serial):
    pytest.importorskip("ray")
    assert rows(score(many, weights_dir=weights_dir, workers=2, engine="ray")) == rows(serial)


def test_without_ray_it_is_said_how_to_get_it(many, weights_dir, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install '\.\[ray\]' in LossCal's folder"):
        score(many, weights_dir=weights_dir, engine="ray")


def test_a_ray_that_does_not_start_is_told_in_a_sentence(many, weights_dir, monkeypatch):
    def init(**_):
        raise Exception("The current node timed out during startup")

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(is_initialized=lambda: False, init=init))
    with pytest.raises(InputError, match=r"--engine ray: Ray does not start .*timed out"):
        score(many, weights_dir=weights_dir, engine="ray")


def test_engines_and_workers_that_there_are_not_are_refused(many, weights_dir):
    with pytest.raises(InputError, match="--workers 0: must be at least 1"):
        score(many, weights_dir=weights_dir, workers=0)
    with pytest.raises(InputError, match="--engine dask: choose one of processes, ray"):
        score(many, weights_dir=weights_dir, engine="dask")
    assert default_workers(3) == 1 and default_workers(1000) == len(os.sched_getaffinity(0))


@pytest.fixture
def scored_ids(views):
    """The numbers of notes of the pieces that the stand-in views were asked for, as they are asked."""
    asked = []
    original = views.symbolic["events"].score
    views.symbolic["events"].score = lambda given, **options: (
        asked.extend(map(len, given)) or original(given, **options)
    )
    views.audio.clear()
    return asked


class KilledError(Exception):
    """Stands for a kill in the middle of a run."""


def killed_after(count, entries, total, desc):
    """A progress that comes to its end too early."""
    for number, entry in enumerate(entries):
        if number == count:
            raise KilledError
        yield entry


def test_a_run_cut_short_goes_on_without_redoing_what_was_finished(many, views, scored_ids, tmp_path):
    items = find_items(many)
    with pytest.raises(KilledError):
        score_items(items, views, tables_dir=tmp_path, progress=partial(killed_after, 7))
    done = len((tmp_path / JOURNAL_FILE).read_text().splitlines())
    assert 6 <= done < COUNT and len(scored_ids) >= done
    with open(tmp_path / JOURNAL_FILE, "a") as file:
        file.write('{"fingerprint": "cut o')
    scored_ids.clear()
    resumed = score_items(items, views, tables_dir=tmp_path)
    assert len(scored_ids) == COUNT + 1 - done
    scored_ids.clear()
    fresh = score_items(items, views, tables_dir=tmp_path / "fresh")
    assert rows(resumed) == rows(fresh) and len(scored_ids) == COUNT + 1
    scored_ids.clear()
    assert rows(score_items(items, views, tables_dir=tmp_path)) == rows(fresh)
    assert scored_ids == []  # what failed is tried again, and fails before it is scored


def test_what_changed_is_scored_again(tmp_path, views, scored_ids, make_midi):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name, count in (("one", 40), ("two", 50), ("three", 60)):
        make_midi(folder / f"{name}.mid", count=count)
    run = partial(score_items, tables_dir=out)
    run(find_items(folder), views)
    scored_ids.clear()
    make_midi(folder / "two.mid", count=51)
    report = run(find_items(folder), views)
    assert scored_ids == [51] and [entry["symbolic"]["notes"] for entry in report["items"]] == [40, 60, 51]
    scored_ids.clear()
    make_midi(folder / "another.mid", count=45)  # the first in order: the others keep their tables
    assert [entry["symbolic"]["notes"] for entry in run(find_items(folder), views)["items"]] == [45, 40, 60, 51]
    assert scored_ids == [45]
    scored_ids.clear()
    (out / report["items"][1]["symbolic"]["per_note"]).unlink()
    run(find_items(folder), views)
    assert scored_ids == [60]
    scored_ids.clear()
    run(find_items(folder), views, excerpt=True)
    assert sorted(scored_ids) == [40, 45, 51, 60]
    scored_ids.clear()
    views.symbolic["events"].weights_sha256 = "others"
    run(find_items(folder), views, excerpt=True)
    assert sorted(scored_ids) == [40, 45, 51, 60]


def test_a_run_of_some_items_keeps_what_is_known_of_the_others(many, views, scored_ids, tmp_path):
    items = find_items(many)
    whole = score_items(items, views, tables_dir=tmp_path)
    score_items(items[:2], views, tables_dir=tmp_path)
    scored_ids.clear()
    assert rows(score_items(items, views, tables_dir=tmp_path)) == rows(whole)
    assert scored_ids == []


def test_what_an_item_was_before_is_not_taken_for_its_tables_of_now(tmp_path, views, scored_ids, make_midi):
    out, path = tmp_path / "out", tmp_path / "a.mid"
    make_midi(path, count=40)
    before = path.read_bytes()
    score_items(find_items(path), views, tables_dir=out)
    make_midi(path, count=50)
    score_items(find_items(path), views, tables_dir=out)
    path.write_bytes(before)
    scored_ids.clear()
    score_items(find_items(path), views, tables_dir=out)
    assert scored_ids == [40]


def test_an_empty_table_is_made_again(tmp_path, views, scored_ids, make_midi):
    items = find_items(make_midi(tmp_path / "a.mid"))
    (entry,) = score_items(items, views, tables_dir=tmp_path / "out")["items"]
    table = tmp_path / "out" / entry["symbolic"]["per_note"]
    table.write_bytes(b"")
    scored_ids.clear()
    score_items(items, views, tables_dir=tmp_path / "out")
    assert scored_ids == [40] and table.stat().st_size


def test_a_table_that_was_altered_is_made_again(tmp_path, views, scored_ids, make_midi):
    items = find_items(make_midi(tmp_path / "a.mid"))
    (entry,) = score_items(items, views, tables_dir=tmp_path / "out")["items"]
    table = tmp_path / "out" / entry["symbolic"]["per_note"]
    whole = table.read_bytes()
    for altered in (whole[: len(whole) // 2], whole.replace(b"60", b"61", 1)):
        table.write_bytes(altered)
        scored_ids.clear()
        score_items(items, views, tables_dir=tmp_path / "out")
        assert scored_ids == [40] and table.read_bytes() == whole


def test_zeros_that_a_power_failure_leaves_cost_nothing(tmp_path, views, scored_ids, make_midi):
    items = find_items(make_midi(tmp_path / "a.mid"))
    fresh = score_items(items, views, tables_dir=tmp_path / "out")
    path = tmp_path / "out" / JOURNAL_FILE
    whole = path.read_bytes()
    for left in (whole + bytes(4000), whole + whole[:100] + bytes(500), bytes(100)):
        path.write_bytes(left)
        assert rows(score_items(items, views, tables_dir=tmp_path / "out")) == rows(fresh)
        assert path.read_bytes() == whole


def test_a_journal_that_finds_no_room_keeps_what_was_done(many, views, scored_ids, tmp_path):
    items = find_items(many)
    fresh = score_items(items, views, tables_dir=tmp_path / "fresh")
    with room_for(9000), pytest.raises(InputError, match=r"journal\.jsonl: cannot be written .* make room and run"):
        score_items(items, views, tables_dir=tmp_path / "out")
    path = tmp_path / "out" / JOURNAL_FILE
    done = len(list(map(json.loads, path.read_text().splitlines())))
    assert 1 <= done < COUNT and path.read_bytes().endswith(b"\n")
    scored_ids.clear()
    assert rows(score_items(items, views, tables_dir=tmp_path / "out")) == rows(fresh)
    assert len(scored_ids) == COUNT + 1 - done


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_files_of_a_report_that_find_no_room_are_named_and_the_others_are_whole(many, views, scored_ids, tmp_path):
    report = score_items(find_items(many)[:1], views, tables_dir=tmp_path)
    with room_for(4500), pytest.raises(InputError, match=r"report\.xlsx: cannot.*report\.html: cannot be written"):
        write_report(report, tmp_path)
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {
        *("report.json", "report.csv", JOURNAL_FILE),
    }
    assert json.loads((tmp_path / "report.json").read_text()) == json.loads(json.dumps(report))
    write_report(report, tmp_path)
    assert (tmp_path / "report.html").is_file() and (tmp_path / "report.xlsx").is_file()


@pytest.mark.parametrize(
    ("stdout", "status", "told"),
    [
        ("> /dev/full", 2, "error: stdout: cannot be written (No space left on device)"),
        (">&-", 0, ""),
        ("| true", 0, ""),
    ],
)
def test_a_full_or_closed_stdout_costs_no_report(many, weights_dir, tmp_path, stdout, status, told):
    command = f"{sys.executable} -m bridge.score '{many}/piece 3.mid' --weights {weights_dir} --out {tmp_path} {stdout}"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    lines = done.stderr.splitlines()
    assert done.returncode == status and lines[0] == f"written: {tmp_path}" and len(lines) == 1 + bool(told)
    assert told in done.stderr and (tmp_path / "report.html").is_file()


@pytest.mark.fluidsynth
@pytest.mark.parametrize("name", ["fluidsynth_version", "default_soundfont", "packages_of"])
def test_what_plays_notes_and_plug_ins_are_part_of_the_fingerprint(tmp_path, views, monkeypatch, name):
    (tmp_path / "other.sf2").touch()
    plugin = "codec"
    views.audio[plugin] = views.audio["spectral_lm"]
    monkeypatch.setattr(journal, "installed_plugins", lambda: {plugin: [], "not asked": []})
    scorer = ItemScorer(views)
    before = fingerprint_of(scorer)
    assert fingerprint_of(scorer) == before
    other = {"default_soundfont": lambda: tmp_path / "other.sf2", "packages_of": lambda entries: "codec 2"}
    monkeypatch.setattr(journal, name, other.get(name, lambda: "9.9"))
    assert fingerprint_of(scorer) != before


def test_a_journal_of_an_older_version_is_not_believed(tmp_path, views, scored_ids, make_midi):
    items = find_items(make_midi(tmp_path / "a.mid"))
    score_items(items, views, tables_dir=tmp_path / "out")
    path = tmp_path / "out" / JOURNAL_FILE
    line = json.loads(path.read_text())
    older = {name: line[name] for name in ("fingerprint", "key", "entry")}
    oldest = {"circumstances": line["fingerprint"], "key": line["key"], "entry": line["entry"]}
    path.write_text("".join(json.dumps(of_version) + "\n" for of_version in (oldest, older)))
    scored_ids.clear()
    score_items(items, views, tables_dir=tmp_path / "out")
    assert scored_ids == [40] and list(map(json.loads, path.read_text().splitlines())) == [line]


@pytest.mark.parametrize(
    "content", [b'{"midi": "a.mid"}\n', b"5\n", b"null\n", b'{"midi": "\xff"}\n', b"Dear reader,", b"\n"]
)
def test_a_foreign_file_is_refused_and_left_alone(tmp_path, views, make_midi, content):
    path = tmp_path / JOURNAL_FILE
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"journal\.jsonl:1: is no line of a journal .* move the file away"):
        score_items(find_items(make_midi(tmp_path / "a.mid")), views, tables_dir=tmp_path)
    assert path.read_bytes() == content


def test_a_killed_command_goes_on(many, weights_dir, tmp_path):
    """kill -9 in the middle; the same command again does the rest and nothing twice."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "bridge.score", str(many), "--weights", str(weights_dir)]
    command += ["--out", str(out), "--workers", "1", "--json"]
    first = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 600  # only a run that hangs comes near
    journal_file = out / JOURNAL_FILE
    while time.monotonic() < deadline and not (journal_file.is_file() and b"\n" in journal_file.read_bytes()):
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.wait()
    kept = [
        json.loads(line)["entry"]["id"] for line in (out / JOURNAL_FILE).read_text().splitlines() if line[-1] == "}"
    ]
    assert kept
    made = {path: path.stat().st_mtime_ns for path in (out / "per_note").iterdir()}
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert again.returncode == 1 and "failed: 1 of" in again.stderr and "broken.mid" in again.stderr
    report = json.loads(again.stdout)
    assert len(report["items"]) == COUNT + 2
    for entry in report["items"]:
        if entry["id"] in kept:
            path = out / entry["symbolic"]["per_note"]
            assert path.stat().st_mtime_ns == made[path]


def test_a_report_becomes_a_data_frame(many, views, scored_ids, monkeypatch):
    report = score_items(find_items(many), views)
    pytest.importorskip("pandas")
    frame = report.to_pandas()
    assert frame["id"].tolist() == [entry["id"] for entry in report["items"]]
    given = [entry["symbolic"] and entry["symbolic"]["events"]["bits_per_note"] for entry in report["items"]]
    assert frame["symbolic.events.bits_per_note"].dropna().tolist() == [value for value in given if value is not None]
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match=r"pip install '\.\[pandas\]' in LossCal's folder"):
        report.to_pandas()


def test_progress_is_told_of_every_item_and_group(many, views, scored_ids):
    seen = []

    def watch(entries, total, desc):
        for entry in entries:
            seen.append((desc, total))
            yield entry

    score_items(find_items(many), views, progress=watch)
    assert seen == [("scoring", COUNT + 2)] * (COUNT + 2) + [("comparing", 1)]


def test_an_item_that_kills_its_worker_is_told_and_the_others_are_complete(many, weights_dir, serial, monkeypatch):
    """As the kernel does for want of memory: with SIGKILL, each time that the item is tried."""
    monkeypatch.setattr(engine, "_score_in_worker", killing_workers.score)
    killed = score(many, weights_dir=weights_dir, workers=2)
    expected = rows(serial)[0]
    for entry, of_serial in zip(rows(killed)[0], expected, strict=True):
        if entry["id"].endswith("piece 3.mid"):
            assert "was killed, perhaps for want of memory" in entry["error"] and entry["symbolic"] is None
        else:
            assert entry == of_serial
