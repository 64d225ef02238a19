"""Every command refuses every wrong number in one sentence with the flag, the value and the range; exit status 2."""

import argparse
import importlib
import json
import math
import shlex
from pathlib import Path

import jsonargparse
import pytest
from safetensors import safe_open

from losscal.cli import FlagType
from losscal.settings import Setting

ROOT = Path(__file__).parents[2]
PACKAGES = ("symbolic", "audio", "bridge", "train", "benchmarks")
BAD = ("nan", "inf", "-inf", "-1", "0", "1e300", "1" + 30 * "0", "0.5", "many", "")


def commands():
    """The modules that are run with python -m."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if '\nif __name__ == "__main__":\n' in path.read_text(encoding="utf-8"):
                yield ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")


class Captured(Exception):  # noqa: N818 (no error)
    pass


def parser_of(command, monkeypatch):
    """The parser that a command makes."""

    def capture(parser, *_, **__):
        raise Captured(parser)

    with monkeypatch.context() as patched, pytest.raises(Captured) as captured:
        for kind in (argparse.ArgumentParser, jsonargparse.ArgumentParser):
            patched.setattr(kind, "parse_args", capture)
        main_of(command)([])
    return captured.value.args[0]


def main_of(command):
    module = importlib.import_module(command)
    return module.main if hasattr(module, "main") else importlib.import_module(f"{command}.__main__").main


def actions_of(parser, before=(), *, positionals=False):
    """(subcommands, action) of all flags, and of what has no flag if asked for."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, subparser in action.choices.items():
                yield from actions_of(subparser, (*before, name), positionals=positionals)
        elif action.option_strings or positionals:
            yield before, action


def number_of(flag_type):
    setting = flag_type.setting
    return setting.number if isinstance(setting, Setting) else setting


def is_allowed(number, text):
    try:
        value = number.kind(text)
    except ValueError:
        return False
    return math.isfinite(value) and value in number.allowed


def test_the_commands_are_found():
    found = set(commands())
    assert {"symbolic.generate", "audio.musicgen", "bridge.score", "train.gpt", "benchmarks.llama"} <= found


@pytest.mark.parametrize("command", list(commands()))
def test_a_wrong_number_is_refused_in_one_sentence(command, monkeypatch, capsys):
    parser = parser_of(command, monkeypatch)
    for before, action in actions_of(parser):
        flag = action.option_strings[0]
        assert action.type not in (int, float), f"{flag} has no range"
        assert "_" not in flag or flag.startswith("--print_"), flag  # those are jsonargparse's own
        if not isinstance(action.type, FlagType) or number_of(action.type) is None:
            continue
        number = number_of(action.type)
        refused = [text for text in BAD if not is_allowed(number, text)]
        assert {"nan", "inf", "-inf", "1e300", "many", ""} <= set(refused)
        for text in refused:
            with pytest.raises(SystemExit) as ended:
                parser.parse_args([*before, f"{flag}={text}"])
            assert ended.value.code == 2
            told = capsys.readouterr().err.strip().splitlines()[-1]
            assert f"argument {flag}: {text}: allowed is {number}" in told, told


@pytest.mark.parametrize("command", [name for name in commands() if not name.startswith("benchmarks")])
def test_a_command_that_is_told_a_file_to_write_can_be_told_to_replace_it(command, monkeypatch):
    writers, replacers = set(), set()
    for before, action in actions_of(parser_of(command, monkeypatch), positionals=True):
        if "file_to_write" in getattr(action.type, "__qualname__", ""):
            writers.add(before)
        if "--overwrite" in action.option_strings:
            replacers.add(before)
    assert writers <= replacers


@pytest.mark.parametrize("path", sorted(ROOT.glob("*/weights/*.safetensors")), ids=lambda path: path.stem)
def test_the_commands_that_trained_the_weights_are_still_understood(path, capsys):
    with safe_open(path, framework="np") as file:
        python, m, command, *flags = shlex.split(json.loads(file.metadata()["story"])["command"])
    assert (python, m) == ("python", "-m")
    with pytest.raises(SystemExit) as ended:
        main_of(command)([*flags, "--print_config"])
    assert not ended.value.code
    assert "muon_lr" in capsys.readouterr().out
