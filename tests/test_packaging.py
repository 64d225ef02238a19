"""What is shipped: the wheel works outside the clone, and nothing that depends on the weights is stale."""

import ast
import hashlib
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from itertools import chain
from pathlib import Path

import pytest
import soundfile
from packaging.requirements import Requirement
from safetensors import safe_open

ROOT = Path(__file__).parents[1]
PACKAGES = ("losscal", "symbolic", "audio", "bridge", "train")
WEIGHTS = {
    "events": ["symbolic/weights/phrases.safetensors"],
    "vqvae": ["symbolic/weights/phrases.safetensors"],
    "spectral_lm": ["audio/weights/spectral_lm.safetensors", "audio/weights/spectral_lm_background.safetensors"],
}
REFERENCES = {"events": "symbolic", "vqvae": "symbolic", "spectral_lm": "audio"}
MAY_IMPORT = {
    "losscal": set(),
    "symbolic": {"losscal"},
    "audio": {"losscal"},
    "bridge": {"losscal", "symbolic", "audio"},
    "train": {"losscal", "symbolic", "audio", "bridge"},
}
ROOMS = {
    "losscal": "errors, processes, plugins, text, settings, statistics, views, corruptions, cli, clock, files, "
    "records, midi, references, weights, __main__",
    "symbolic": "notes, data, tokens, models, memorisation, typical, prepare, scoring, sampling, preview, generate, "
    "vary, polish",
    "audio": "signal, checkpoints, new_sound, scorer, audiobox, musicgen, spectral, diffusion, metrics, set_metrics",
    "bridge": "synthesis, transcription, views, render, items, references, calibration, versions, report, "
    "calibrate, scorer, score, transcribe, doctor web, listen",
    "train": "checkpoints signals, common, configs, muon, optim, frames, symbolic, diffusion, gpt, "
    "spectral_hearing spectral_lm, vqvae",
}
"""The folders and modules of each package, lowest first: each may import those before it."""
COMMANDS = (
    "losscal",
    *("bridge.score", "bridge.render", "bridge.references", "bridge.calibrate", "bridge.transcribe", "bridge.doctor"),
    *("bridge.web", "bridge.listen"),
    *("symbolic.prepare", "symbolic.generate", "symbolic.vary", "symbolic.polish"),
    *("symbolic.typical", "symbolic.memorisation"),
    *("train.vqvae", "train.gpt", "train.spectral_hearing", "train.spectral_lm", "train.diffusion"),
    *("audio.musicgen", "audio.audiobox", "audio.set_metrics", "audio.diffusion"),
)


def sha256_of(*paths):
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


@pytest.fixture(scope="module")
def shipped_hashes():
    return {view: sha256_of(*(ROOT / path for path in paths)) for view, paths in WEIGHTS.items()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-build-isolation",
        "--no-deps",
        "-q",
        "-w",
        str(folder),
        str(ROOT),
    ]
    result = subprocess.run(build, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return next(folder.glob("losscal-*.whl"))


def test_the_wheel_holds_code_weights_references_and_manifest_alone(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {*chain.from_iterable(WEIGHTS.values()), "symbolic/data_manifest.yaml", "bridge/score.py"} <= names
    assert {f"{package}/weights/references.json" for package in REFERENCES.values()} <= names
    templates = {f"bridge/report/templates/{path.name}" for path in (ROOT / "bridge/report/templates").iterdir()}
    calibrations = {f"bridge/calibration/{name}.json" for name in ("calibration", "heard_calibration")}
    assert calibrations | templates <= names
    assert any(name.endswith("LICENSE") for name in names)
    assert {name.split("/")[0] for name in names} == {*PACKAGES, f"{wheel.name.rsplit('-', 3)[0]}.dist-info"}


def test_the_installed_wheel_scores_outside_the_clone(wheel, tmp_path):
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-deps",
        "-q",
        "--target",
        str(tmp_path / "site"),
        str(wheel),
    ]
    subprocess.run(install, check=True)
    example = next((ROOT / "examples").glob("*.mid"))
    (tmp_path / "cwd").mkdir()
    probe = "import bridge.score as b, sys; print(b.__file__, file=sys.stderr); b.run(b.main)"
    result = subprocess.run(
        [sys.executable, "-c", probe, str(example), "--json", "--views", "events,vqvae"],
        cwd=tmp_path / "cwd",
        env={"PYTHONPATH": str(tmp_path / "site"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr.startswith(str(tmp_path / "site"))
    symbolic = json.loads(result.stdout)["items"][0]["symbolic"]
    for view in ("events", "vqvae"):
        assert 0.0 <= symbolic[view]["percentile"] <= 100.0


def test_references_belong_to_the_shipped_weights(shipped_hashes):
    for view, package in REFERENCES.items():
        content = json.loads((ROOT / package / "weights/references.json").read_text())
        assert content["views"][view]["weights_sha256"] == shipped_hashes[view], "run make refresh"


def test_examples_belong_to_the_shipped_weights_and_are_what_the_manifest_says(shipped_hashes):
    manifest = json.loads((ROOT / "examples/MANIFEST.json").read_text())
    assert manifest["weights"] == shipped_hashes["events"], "run make refresh"
    examples = ROOT / "examples"
    files = {
        path.relative_to(examples).as_posix(): sha256_of(path)
        for suffix in ("mid", "wav")
        for path in examples.rglob(f"*.{suffix}")
    }
    assert manifest["files"] == files
    assert {f"{name}.mid" for name in manifest["commands"]} == {name for name in files if "generated" in name} - {
        name for name in files if name.endswith(".wav")
    }


def test_the_table_in_the_readme_was_made_with_the_shipped_weights(shipped_hashes):
    stamp = re.search(r"<!-- table of weights (.*) -->", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert stamp[1].split() == [f"{view}={shipped_hashes[view][:12]}" for view in WEIGHTS], "run make refresh"


def test_the_commands_that_made_the_weights_are_those_that_the_docs_tell():
    told = set((ROOT / "docs/training.md").read_text(encoding="utf-8").splitlines())
    for path in chain.from_iterable(WEIGHTS.values()):
        with safe_open(ROOT / path, "pt") as file:
            command = json.loads(file.metadata()["story"])["command"]
        command = command.replace(" --trainer.enable_progress_bar false", "")
        dashed = re.sub(r"--[\w.]+", lambda flag: flag[0].replace("_", "-"), command)
        assert dashed in told, f"{path} was made by: {dashed}"


def test_sizes_stay_within_their_limits():
    weights = [path for package in PACKAGES for path in (ROOT / package / "weights").glob("*.safetensors")]
    assert sum(path.stat().st_size for path in weights) <= 32e6
    pairs = sorted((ROOT / "examples").glob("*.wav"))
    assert [path.stem for path in pairs] == sorted(path.stem for path in (ROOT / "examples").glob("*.mid"))
    assert (
        1 <= len(pairs) <= 6
        and sum(path.stat().st_size for path in (ROOT / "examples").iterdir() if path.is_file()) <= 3e6
    )
    for path in pairs:
        info = soundfile.info(path)
        assert info.duration <= 20.0 and (info.channels, info.subtype) == (1, "PCM_16")


def test_examples_sound_and_do_not_clip():
    for path in (ROOT / "examples").glob("*.wav"):
        samples, _ = soundfile.read(path)
        assert 0.05 < abs(samples).max() < 0.99, path
        assert (samples**2).mean() ** 0.5 > 0.01, path


def test_constraints_pin_every_dependency_within_its_range():
    lines = (ROOT / "constraints.txt").read_text().split()
    pinned = {line.split("==")[0].lower().replace("_", "-"): line.split("==")[1] for line in lines}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    assert {*extras["musicgen"], *extras["bench"], *extras["web"], *extras["listen"]} <= {*extras["dev"]}
    for text in project["dependencies"] + extras["dev"]:
        requirement = Requirement(text)
        version = pinned[requirement.name.lower().replace("_", "-")]
        assert requirement.specifier.contains(version), text
    assert pinned["torch"] == "2.13.0" and "torchaudio" not in pinned and "losscal" not in pinned
    assert not [line for line in lines if "+" in line or "@" in line]


def imported_names(path):
    """Names of ours that a module imports, with their dots, what stands under TYPE_CHECKING included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [f"{node.module}.{alias.name}" for alias in node.names] if isinstance(node, ast.ImportFrom) else []
        yield from (name for name in names if name.split(".")[0] in PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_one_way(package):
    for path in (ROOT / package).rglob("*.py"):
        assert {name.split(".")[0] for name in imported_names(path)} - {package} <= MAY_IMPORT[package], path


@pytest.mark.parametrize("package", PACKAGES)
def test_rooms_import_those_below(package):
    floors = [floor.split() for floor in ROOMS[package].split(", ")]
    rooms = {path.stem for path in (ROOT / package).iterdir() if path.suffix == ".py" or any(path.glob("*.py"))}
    assert rooms - {"__init__"} == {*chain.from_iterable(floors)}, "give a new module its place in ROOMS"
    for path in (ROOT / package).rglob("*.py"):
        room = path.relative_to(ROOT / package).parts[0].removesuffix(".py")
        if room == "__init__":  # stands above them all
            continue
        below = {*chain.from_iterable(floors[: 1 + next((i for i, each in enumerate(floors) if room in each), -1)])}
        names = [name.split(".") for name in imported_names(path)]
        assert {name[1] for name in names if name[0] == package and len(name) > 1} <= below, path


@pytest.mark.parametrize("package", ["losscal", "symbolic", "audio", "bridge"])
def test_lightning_stays_in_training(package):
    for path in (ROOT / package).rglob("*.py"):
        assert not re.search(r"^\s*(import|from) lightning", path.read_text(encoding="utf-8"), re.MULTILINE), path


@pytest.mark.parametrize("folder", [*PACKAGES, "tests", "benchmarks", "examples"])
def test_modules_are_short_and_say_what_they_are_for_and_folders_are_small(folder):
    lines_allowed = 300 if folder in PACKAGES else 500
    for path in (ROOT / folder).rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= lines_allowed, path
        assert ast.get_docstring(ast.parse(text)), f"{path}: say in a docstring what the module is for"
        modules = [module for module in path.parent.glob("*.py") if module.name not in ("__init__.py", "__main__.py")]
        assert path.parent == ROOT / "tests" or len(modules) <= 14, path.parent


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_told_without_loading_torch(command):
    probe = (
        "import runpy, sys\n"
        "try: runpy.run_module(sys.argv.pop(1), run_name='__main__')\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'torch', 'lightning', 'scipy', 'symusic'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    result = subprocess.run(
        [sys.executable, "-c", probe, command, "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0 and "usage:" in result.stdout, result.stderr
