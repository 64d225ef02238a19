"""`losscal COMMAND` is `python -m MODULE`: the same flags, messages and exit status, under its own name."""

import re
import shutil
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

from losscal.__main__ import COMMANDS, Family, main
from losscal.cli import called_as, prog_of

ROOT = Path(__file__).parents[2]


def modules():
    """The module of each command, by all its words."""
    for name, command in COMMANDS.items():
        if isinstance(command, Family):
            yield from ((f"{name} {word}", of.module) for word, of in command.commands.items())
        else:
            yield name, command.module


def ended(main, arguments, capsys):
    """(exit status, stdout, stderr) of a command that ends while it reads its arguments."""
    with pytest.raises(SystemExit) as end:
        main(arguments)
    return end.value.code, *capsys.readouterr()


@pytest.mark.parametrize(("name", "module"), list(modules()))
def test_a_command_is_its_module_by_another_name(name, module, capsys):
    by_module = ended(import_module(module).main, ["--help"], capsys)
    by_door = ended(main, [*name.split(), "--help"], capsys)
    assert by_door[0] == by_module[0]
    names = f"losscal {name}", f"python -m {module}"
    words_of = [
        [re.sub("|".join(names), "COMMAND", text).split() for text in told]  # a longer name breaks lines elsewhere
        for told in (by_door[1:], by_module[1:])
    ]
    assert words_of[0] == words_of[1]
    assert f"usage: losscal {name} " in "".join(by_door[1:])


def test_the_exit_status_and_the_sentence_of_a_refusal_are_the_commands_own(tmp_path):
    absent = tmp_path / "absent.mid"
    for command, out, status in (("render", "out.wav", 1), ("polish", "out.mid", 2)):
        arguments = [sys.executable, "-m", "losscal", command, str(absent), str(tmp_path / out)]
        done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (status, "")
        assert done.stderr == f"error: {absent}: no such file; check the path.\n"


def test_help_lists_every_command_and_version_is_the_packages(capsys):
    status, told, _ = ended(main, ["--help"], capsys)
    assert status == 0 and all(f"\n    {name}" in told for name in COMMANDS)
    assert ended(main, ["--version"], capsys) == (0, f"losscal {version('losscal')}\n", "")


def test_no_command_and_one_that_there_is_not_are_wrong_usage(capsys):
    assert ended(main, [], capsys)[0] == 2
    status, _, told = ended(main, ["compose"], capsys)
    assert status == 2 and "'compose'" in told


def test_a_command_is_called_as_a_module_where_no_door_was_opened():
    assert prog_of("bridge.score") == "python -m bridge.score"
    with called_as("losscal score"):
        assert prog_of("bridge.score") == "losscal score"


def test_the_door_is_what_the_package_installs():
    script = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]["losscal"]
    module, _, function = script.partition(":")
    assert callable(getattr(import_module(module), function))


@pytest.fixture(scope="module")
def completion(tmp_path_factory):
    """A file that bash reads."""
    done = subprocess.run(
        [sys.executable, "-m", "losscal", "--print-completion", "bash"], cwd=ROOT, capture_output=True, check=True
    )
    path = tmp_path_factory.mktemp("completion") / "losscal.bash"
    path.write_bytes(done.stdout)
    return path


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash is installed")
@pytest.mark.parametrize(
    ("words", "replies"),
    [
        (["sc"], ["score"]),
        (["train", "spec"], ["spectral_hearing", "spectral_lm"]),
        (["score", "--by-"], ["--by-composer"]),
        (["train", "gpt", "--optim.muon-l"], ["--optim.muon-lr"]),
        (["score", "--engine", ""], ["processes", "ray"]),
        (["score", "PIECE"], ["PIECE.mid"]),
        (["render", "PIECE.mid", "PIE"], ["PIECE.mid"]),
        (["score", "--workers", "PIE"], []),
    ],
)
def test_a_shell_completes_commands_flags_choices_and_files(completion, tmp_path, words, replies):
    (tmp_path / "PIECE.mid").touch()
    script = (
        f'source {completion}; COMP_WORDS=(losscal "$@"); COMP_CWORD=$#; '
        "$(complete -p losscal | sed 's/.*-F \\([^ ]*\\).*/\\1/'); printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    done = subprocess.run(
        ["bash", "-c", script, "bash", *words], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == replies
