"""The README's commands work as they stand there."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
SHELL = [text.replace("\\\n", "") for language, text in BLOCKS if language == "sh"]
RECORDED_SAMPLES = 6 * 16_000
"""So much of a recording: to hear the notes of all of it takes long."""
LINES = [line for text in SHELL for line in text.splitlines()]


@pytest.fixture
def workplace(tmp_path):
    """A folder that holds what the README's commands name: a piece, a folder, a pairs file, an environment."""
    folder = tmp_path / "workplace"
    (folder / "my_recordings").mkdir(parents=True)
    for name in ("my_corpus", "my_bounces"):
        (folder / name).mkdir()
    original, *others = sorted((ROOT / "examples").glob("*.mid"))
    shutil.copy(original, folder / "my_piece.mid")
    for example in (original, *others):
        shutil.copy(example, folder / "my_corpus")
    for name, example in zip(("passage.mid", "passage_v2.mid"), others, strict=False):
        shutil.copy(example, folder / "my_bounces" / name)
    shutil.copy(original, folder / "my_recordings")
    sound, sample_rate = soundfile.read(original.with_suffix(".wav"), stop=RECORDED_SAMPLES)
    soundfile.write(folder / "my_recordings" / original.with_suffix(".wav").name, sound, sample_rate)
    (folder / "my_pairs.jsonl").write_text('{"midi": "my_piece.mid", "group": "piece"}\n')
    (folder / "examples").symlink_to(ROOT / "examples")
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/activate").write_text(f'PATH="{Path(sys.executable).parent}:$PATH"\n')
    return folder


def run(script, folder):
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(folder / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )


def block_with(text):
    (block,) = [block for block in SHELL if text in block]
    return ". .venv/bin/activate\n" + block


def test_make_targets_exist():
    targets = [line.split()[1] for line in LINES if line.startswith("make ")]
    assert targets == ["score", "test"]
    for target in targets:
        result = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr


def test_scoring(workplace):
    result = run(block_with("my_pairs.jsonl"), workplace)
    assert result.returncode == 0, result.stderr
    assert "my_piece.mid" in result.stdout
    files = {f"report.{suffix}" for suffix in ("json", "csv", "xlsx", "html")}
    assert files <= {path.name for path in (workplace / "report").iterdir()}
    assert json.loads((workplace / "report.json").read_text())["items"][0]["group"] == "piece"


def test_versions(workplace):
    result = run(block_with("--out versions"), workplace)
    assert result.returncode == 0, result.stderr
    for folder, size in (("versions", 2), ("against_reference", 2)):
        (group,) = json.loads((workplace / folder / "report.json").read_text())["groups"]
        assert len(group["views"]["events"]["items"]) == size


def test_calibrating(workplace):
    result = run(block_with("bridge.calibrate"), workplace)
    assert result.returncode == 0, result.stderr
    assert {row["view"] for row in json.loads((workplace / "calibration/calibration.json").read_text())["rows"]} >= {
        "events"
    }


def test_scoring_from_python(workplace):
    (code,) = [text for language, text in BLOCKS if language == "python"]
    result = run(f"{sys.executable} - <<'END'\n{code}\nEND", workplace)
    assert result.returncode == 0, result.stderr
    assert 0.0 < float(result.stdout) < 40.0


def test_generating(workplace):
    result = run(block_with("symbolic.generate"), workplace)
    assert result.returncode == 0, result.stderr
    written = ("new.mid", "new_vqvae.mid", "blend.mid", "blend_2.mid", "continued.mid", "polished.mid", "new.wav")
    written += ("song.mid", "joined.mid", "varied.mid")
    assert all((workplace / name).stat().st_size > 100 for name in written)


def test_preparing(workplace):
    (line,) = [line for line in LINES if "symbolic.prepare" in line]
    result = run(f". .venv/bin/activate\n{line}", workplace)
    assert result.returncode == 0, result.stderr
    assert (workplace / "data/giantmidi-piano/notes.npy").is_file()


@pytest.mark.parametrize("line", [line for line in LINES if " -m train." in line])
def test_training_commands_take_their_flags(line, workplace):
    result = run(f". .venv/bin/activate\n{line} --print_config", workplace)
    assert result.returncode == 0 and "data/giantmidi-piano" in result.stdout, result.stderr


def test_links_within_the_repository_lead_somewhere():
    for target in re.findall(r"\]\((?!http)([^)#]+)", README):
        assert (ROOT / target).exists(), target
