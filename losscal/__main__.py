"""`losscal COMMAND ...`: one door to the commands, which are modules that `python -m` runs as well.

A command is named here by its module, as an entry point names one, and its module is imported when the command is
given: this package knows nothing of what stands above it, and help and version are told at once. Flags and what they
mean are the module's own.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import Any, TypeAlias

from losscal.cli import FlagType, called_as, run, write_result

SHELLS = ("bash", "zsh", "tcsh")
"""That shtab knows."""


@dataclass(frozen=True)
class Command:
    """A command: the module whose `main` it is, and a line on what it does."""

    module: str
    help: str


@dataclass(frozen=True)
class Family:
    """Commands that share a first word."""

    help: str
    commands: Mapping[str, Command]


COMMANDS: Mapping[str, Command | Family] = {
    "score": Command("bridge.score", "how likely are pieces, by their notes and by their sound"),
    "generate": Command("symbolic.generate", "write new music, or continue a piece"),
    "vary": Command("symbolic.vary", "play a piece anew, its codes, harmony or melody kept"),
    "polish": Command("symbolic.polish", "draw the least likely notes of a piece anew"),
    "render": Command("bridge.render", "play a MIDI file into a sound file"),
    "transcribe": Command("bridge.transcribe", "write down the notes heard in a recording"),
    "calibrate": Command("bridge.calibrate", "measure how far each view can be believed"),
    "prepare": Command("symbolic.prepare", "make a corpus of MIDI files, cleaned and split"),
    "train": Family(
        "train a model",
        {
            "vqvae": Command("train.vqvae", "the codebooks of phrases"),
            "gpt": Command("train.gpt", "the transformer over notes, and what predicts codes"),
            "spectral_hearing": Command("train.spectral_hearing", "what hears struck keys in a sound"),
            "spectral_lm": Command("train.spectral_lm", "the model of sound"),
            "diffusion": Command("train.diffusion", "the diffusion model of sound"),
        },
    ),
    "references": Command("bridge.references", "make the percentiles that go with weights"),
    "web": Command("bridge.web", "the page to score, write and compare on, in a browser"),
    "listen": Command("bridge.listen", "a blind listening test, and its results"),
    "doctor": Command("bridge.doctor", "tell what is installed, and which views are available"),
}
ParserOf: TypeAlias = Callable[..., argparse.ArgumentParser]
"""Makes the parser of a command, of its module and of what argparse tells a subparser."""


class Closed(argparse.ArgumentParser):
    """The parser of a command whose module is not imported: what follows the command's name is for that to read."""

    def __init__(self, module: str, **told: Any) -> None:
        super().__init__(add_help=False, **told)
        self.module = module

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """The command, by its module and by what it is called, and its arguments as they are."""
        return argparse.Namespace(module=self.module, called=self.prog, arguments=list(args or ())), []


def opened(module: str, prog: str) -> argparse.ArgumentParser:
    """The parser of a command with all its flags."""
    with called_as(prog):
        return import_module(module).build_parser()


def build_parser(parser_of: ParserOf = Closed) -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="losscal",
        description="How likely is a piece of piano music?",
        epilog="losscal COMMAND --help tells of a command.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--print-completion",
        choices=SHELLS,
        action=_PrintCompletion,
        help="print what makes a shell complete commands and flags, and do nothing else",
    )
    parser.add_argument("--version", action="version", version=f"losscal {version('losscal')}")
    _add_commands(parser, COMMANDS, parser_of)
    return parser


class _PrintCompletion(argparse.Action):
    """Prints the completion of all commands with all their flags, by shtab."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: Any = None
    ) -> None:
        import shtab

        whole = build_parser(opened)
        for action in _actions_of(whole):
            takes_a_path = action.nargs != 0 and action.choices is None and not isinstance(action.type, FlagType)
            if takes_a_path:
                action.complete = shtab.FILE
        write_result(shtab.complete(whole, values))
        parser.exit()


def _actions_of(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Of a parser and of all below it."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _actions_of(below)
        else:
            yield action


def _add_commands(
    parser: argparse.ArgumentParser, commands: Mapping[str, Command | Family], parser_of: ParserOf
) -> None:
    def parser_class(module: str | None, **told: Any) -> argparse.ArgumentParser:
        return argparse.ArgumentParser(**told) if module is None else parser_of(module, **told)

    names = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=parser_class)
    for name, command in commands.items():
        if isinstance(command, Command):
            names.add_parser(name, module=command.module, help=command.help)
        else:
            family = names.add_parser(name, module=None, help=command.help, description=command.help)
            _add_commands(family, command.commands, parser_of)


def main(argv: Sequence[str] | None = None) -> int | None:
    """Run a command; the exit status is its own."""
    flags = build_parser().parse_args(argv)
    with called_as(flags.called):
        return import_module(flags.module).main(flags.arguments)


def door() -> None:
    """What the command `losscal` calls."""
    run(main)


if __name__ == "__main__":
    door()
