"""Commands run in a folder that holds files of their packages' names."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from music import random_performance

from symbolic.notes.performance import write_midi

ROOT = Path(__file__).parents[1]
NAMES = ("losscal", "symbolic", "audio", "bridge", "train")


@pytest.fixture
def folder(tmp_path):
    for name in ("one", "two"):
        write_midi(random_performance(len(name), 40), tmp_path / f"{name}.mid")
    return tmp_path


def run(folder, *arguments):
    """A command run in `folder`, with this checkout as installed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def hide(folder, names, *, as_folders):
    """Files or packages of these names that say so where they are imported."""
    for name in names:
        file = folder / name / "__init__.py" if as_folders else folder / f"{name}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"raise SystemExit('the {name} of the working folder')", encoding="utf-8")


@pytest.mark.parametrize("as_folders", [False, True])
@pytest.mark.parametrize(
    ("own", "arguments"),
    [
        ("bridge", ["bridge.score", "one.mid", "two.mid", "--workers", "2", "--views", "events", "--json"]),
        ("symbolic", ["symbolic.generate", "--notes", "20", "--seed", "1", "--out", "new.mid", "--candidates", "1"]),
        ("audio", ["audio.set_metrics", "--help"]),
        ("train", ["train.gpt", "--help"]),
    ],
)
def test_what_lies_in_the_working_folder_does_not_stand_for_ours(folder, tiny_weights, own, arguments, as_folders):
    hide(folder, [name for name in NAMES if name != own], as_folders=as_folders)
    weights = [] if "--help" in arguments else ["--weights", str(tiny_weights)]
    result = run(folder, "-m", *arguments, *weights)
    assert result.returncode == 0, result.stderr
    if "--json" in arguments:
        items = json.loads(result.stdout)["items"]
        assert len(items) == 2 and all(item["symbolic"]["events"]["bits_per_note"] > 0 for item in items)


def test_a_command_s_own_package_is_found_where_python_leaves_the_working_folder_out(folder):
    hide(folder, NAMES, as_folders=False)
    hidden = run(folder, "-m", "bridge.score", "--help")
    assert hidden.returncode != 0 and "the bridge of the working folder" in hidden.stderr
    found = run(folder, "-P", "-m", "bridge.score", "--help")
    assert found.returncode == 0 and "usage: python -m bridge.score" in found.stdout, found.stderr


def test_scripts_may_import_a_file_of_that_name(folder):
    (folder / "train.py").write_text("EPOCHS = 3", encoding="utf-8")
    (folder / "script.py").write_text("import bridge.score, train\nassert train.EPOCHS == 3", encoding="utf-8")
    result = run(folder, "script.py")
    assert result.returncode == 0, result.stderr
